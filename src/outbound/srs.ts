// SRS, the Sender Rewriting Scheme: mail that is forwarded gets a return address of ours, since its sender's domain does
// not name our server (SPF); what comes back to it is sent on to the sender. Where it is not known that he is the sender, the
// return address leads to him for whom the mail came instead. An address is signed and good for 21 days, so that nobody relays
// by making one up. The keys change every thirty days and are made of the data directory's secret.

import { createHmac, timingSafeEqual } from 'node:crypto';
import type { Return } from '../ingress/forwarder.ts';

export interface Srs {
  /** The return address at a domain of ours for mail of this sender. `now` in unix ms. */
  rewrite(sender: string, domain: string, now: number): string;
  /** The return address for mail of nobody knows whom, that came for this address of ours. */
  toReader(address: string, now: number): string;
  /** Where a return address of ours leads; null if it is none, or no longer. */
  original(address: string, now: number): Return | null;
}

const DAY_MS = 86_400_000;
/** Days that an address is good for: longer than any queue keeps a message. */
const GOOD_DAYS = 21;
/** Days that a key is used for. */
const KEY_DAYS = 30;
/** Days after which the two letters of a date begin anew. */
const CYCLE = 1_024;
const LETTERS = 'abcdefghijklmnopqrstuvwxyz234567';
/** Letters of five bits: 40 bits can't be tried out against a server. */
const HASH_LETTERS = 8;

const ZERO = /^SRS0=([a-z2-7]{8})=([a-z2-7]{2})=([^=]+)=(.+)$/is;
const ONE = /^SRS1=([a-z2-7]{8})([a-z2-7]{2})=([^=]+)=([=+-].+)$/is;
/** Not SRS: no other forwarder is to take it for its own. */
const READER = /^FWD0=([a-z2-7]{8})=([a-z2-7]{2})=(.+)$/is;
const DOT_ATOM = /^[^\s"(),:;<>@[\\\]\p{Cc}.]+(?:\.[^\s"(),:;<>@[\\\]\p{Cc}.]+)*$/u;

/** Is it written like a return address, ours or another forwarder's? */
export function looksLikeSrs(address: string): boolean {
  return /^"?(?:SRS[01][=+-]|FWD0=)/i.test(address);
}

/** `keyOf`: the key of a name, always the same. */
export function createSrs(keyOf: (purpose: string) => Uint8Array): Srs {
  const sign = (day: number, text: string) => {
    const hash = createHmac('sha256', keyOf(`srs ${Math.floor(day / KEY_DAYS)}`))
      .update(text.toLowerCase())
      .digest();
    return Array.from({ length: HASH_LETTERS }, (_, i) => LETTERS[(hash[i] ?? 0) & 31]).join('');
  };
  const isSigned = (found: string, date: string, text: string, today: number, kind = '') => {
    const day = dayOf(date, today);
    if (day === null) return false;
    return timingSafeEqual(Buffer.from(found.toLowerCase()), Buffer.from(sign(day, `${kind}${date} ${text}`)));
  };
  return {
    rewrite(sender, domain, now) {
      const day = Math.floor(now / DAY_MS);
      const date = dateOf(day);
      const from = split(sender);
      if (from === null) return '';
      // Another forwarder's address is kept in ours, so that it does not grow with each: SRS1 (Guarded Scheme).
      const first = /^SRS0([=+-].+)$/is.exec(from.local);
      const later = /^SRS1[=+-][^=]*=([^=]+)=([=+-].+)$/is.exec(from.local);
      if (first !== null || later !== null) {
        const kept = `${later?.[1] ?? from.domain}=${later?.[2] ?? first?.[1] ?? ''}`;
        return join(`SRS1=${sign(day, `${date} ${kept}`)}${date}=${kept}`, domain);
      }
      const kept = `${from.domain}=${from.local}`;
      return join(`SRS0=${sign(day, `${date} ${kept}`)}=${date}=${kept}`, domain);
    },
    toReader(address, now) {
      const day = Math.floor(now / DAY_MS);
      const date = dateOf(day);
      const { local: plain, domain } = split(address) ?? { local: '', domain: '' };
      // For servers without SMTPUTF8, to which the message itself may well go.
      const local = plain.replace(/[^\x20-$&-~]/gu, encodeURIComponent);
      return join(`FWD0=${sign(day, `fwd ${date} ${local}@${domain}`)}=${date}=${local}`, domain);
    },
    original(address, now) {
      const today = Math.floor(now / DAY_MS);
      const { local, domain } = split(address) ?? { local: '', domain: '' };
      const [, hash = '', date = '', reader = ''] = READER.exec(local) ?? [];
      if (hash !== '' && isSigned(hash, date.toLowerCase(), `${reader}@${domain}`, today, 'fwd ')) {
        return { to: 'reader', address: join(decodeURIComponent(reader), domain) };
      }
      const [, zero = '', zeroDate = '', zeroDomain = '', zeroLocal = ''] = ZERO.exec(local) ?? [];
      if (zero !== '' && isSigned(zero, zeroDate.toLowerCase(), `${zeroDomain}=${zeroLocal}`, today)) {
        return { to: 'sender', address: join(zeroLocal, zeroDomain) };
      }
      const [, one = '', oneDate = '', oneDomain = '', rest = ''] = ONE.exec(local) ?? [];
      if (one !== '' && isSigned(one, oneDate.toLowerCase(), `${oneDomain}=${rest}`, today)) {
        return { to: 'sender', address: join(`SRS0${rest}`, oneDomain) };
      }
      return null;
    },
  };
}

function dateOf(day: number): string {
  const number = day % CYCLE;
  return `${LETTERS[number >> 5]}${LETTERS[number & 31]}`;
}

/** The day of two letters, if it is one of the last; tomorrow's too, since clocks differ. */
function dayOf(date: string, today: number): number | null {
  for (let day = today + 1; day >= today - GOOD_DAYS; day--) if (dateOf(day) === date) return day;
  return null;
}

function split(address: string): { readonly local: string; readonly domain: string } | null {
  const at = address.lastIndexOf('@');
  if (at <= 0) return null;
  const local = address.slice(0, at);
  const unquoted = /^"(.*)"$/s.exec(local)?.[1]?.replaceAll(/\\(.)/gs, '$1') ?? local;
  return { local: unquoted, domain: address.slice(at + 1) };
}

function join(local: string, domain: string): string {
  return `${DOT_ATOM.test(local) ? local : `"${local.replace(/["\\]/g, '\\$&')}"`}@${domain}`;
}
