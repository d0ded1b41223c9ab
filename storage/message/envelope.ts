// The IMAP ENVELOPE of a header (RFC 9051 7.5.2), in its final ASCII text, and what else of a header is about the message
// as a whole: its ids, its date and its traits.

import { domainToASCII } from 'node:url';
import { type Address, parseAddresses, plainAddresses } from './address.ts';
import { decodeRaw } from './charset.ts';
import { parseDate } from './date.ts';
import { trim } from './headers.ts';
import { nstring, quoted } from './imap-string.ts';
import { ADDRESSES } from './limits.ts';
import type { PartHeader } from './part-header.ts';
import { Trait } from './scanned.ts';

/** The envelope of a message without any of these fields, and of one whose description would be too long. */
export const EMPTY_ENVELOPE = '(NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL)';

/** Message-IDs of one References field that are kept: the first one and the last ones. */
const MAX_REFERENCES = 100;

/** ENVELOPE as final text. `fallback` is the charset of 8-bit bytes that are not UTF-8; `utf8`: those that are stay. */
export function envelope({ values }: PartHeader, fallback: string, utf8 = false): string {
  const quote: Quote = (raw) => quoted(raw, fallback, utf8);
  const host: Quote = (raw) => quote(utf8 ? raw : asciiHost(raw, fallback));
  const text = (name: string) => nstring(values.get(name), fallback, utf8);
  const list = (name: string) => addresses(values.get(name), quote, host);
  const from = list('from');
  // RFC 9051 7.5.2: Sender and Reply-To, absent or empty, are From's.
  const or = (name: string) => {
    const own = list(name);
    return own === 'NIL' ? from : own;
  };
  return `(${text('date')} ${text('subject')} ${from} ${or('sender')} ${or('reply-to')} ${list('to')} ${list('cc')} ${list('bcc')} ${text('in-reply-to')} ${text('message-id')})`;
}

/** Makes a quoted string of raw text. */
type Quote = (raw: string) => string;

/** A parenthesised list of address structures, or NIL. */
function addresses(value: string | undefined, quote: Quote, host: Quote): string {
  if (value === undefined || value === '') return 'NIL';
  const plain = plainAddresses(value);
  if (plain !== null) return plain;
  const found = parseAddresses(value);
  if (found.length === 0) return 'NIL';
  let text = '(';
  for (const address of found.slice(0, ADDRESSES)) text += addressStructure(address, quote, host);
  return `${text})`;
}

/** RFC 9051 7.5.2: a NIL host starts or ends a group, so an address without a host has an empty one. */
function addressStructure(address: Address, quote: Quote, host: Quote): string {
  if (address.group === 'start') return `(NIL NIL ${quote(address.name)} NIL)`;
  if (address.group === 'end') return '(NIL NIL NIL NIL)';
  const name = address.name === '' ? 'NIL' : quote(address.name);
  const route = address.route === '' ? 'NIL' : quote(address.route);
  return `(${name} ${route} ${quote(address.mailbox)} ${host(address.host)})`;
}

/** An internationalised host as its A-labels (RFC 5890). */
function asciiHost(host: string, fallback: string): string {
  const unicode = decodeRaw(host, fallback);
  return unicode === host ? host : domainToASCII(unicode) || host;
}

/** The Date header in unix seconds, or null. */
export function sentDate({ values }: PartHeader): number | null {
  const date = values.get('date');
  return date === undefined ? null : (parseDate(date)?.seconds ?? null);
}

/** The Message-ID with its angle brackets, or ''. */
export function messageId({ values }: PartHeader): string {
  return messageIds(values.get('message-id') ?? '')[0] ?? '';
}

/** Every Message-ID named in References, then In-Reply-To (RFC 5322 3.6.4), without duplicates. */
export function references({ values }: PartHeader): string[] {
  const all = messageIds(values.get('references') ?? '').concat(answered(values.get('in-reply-to') ?? ''));
  if (all.length < 2) return all;
  const distinct = [...new Set(all)];
  if (distinct.length <= MAX_REFERENCES) return distinct;
  return [...distinct.slice(0, 1), ...distinct.slice(1 - MAX_REFERENCES)];
}

/** The Message-IDs that THREAD links a message to (RFC 5256 3): References, else the first one of In-Reply-To. */
export function ancestors({ values }: PartHeader): string[] {
  const named = messageIds(values.get('references') ?? '').filter(isValid);
  if (named.length > MAX_REFERENCES) return [...named.slice(0, 1), ...named.slice(1 - MAX_REFERENCES)];
  return named.length > 0
    ? named
    : messageIds(values.get('in-reply-to') ?? '')
        .filter(isValid)
        .slice(0, 1);
}

/** RFC 5322 3.6.4: an id has a left and a right side. */
function isValid(id: string): boolean {
  return /[^<]@[^>]/.test(id);
}

/**
 * Old programs write sentences into In-Reply-To (`Message from Ann <ann@x> of Monday <id>`): of those only the last id
 * counts, or the first if the sentence begins with it, so that an address is not taken for a message.
 */
function answered(value: string): string[] {
  const ids = messageIds(value);
  if (!value.includes('<')) return /\s/.test(value) ? [] : ids;
  if (trim(value.replace(/<[^<>]*>|\([^()]*\)/g, '')) === '') return ids;
  return value.startsWith('<') ? ids.slice(0, 1) : ids.slice(-1);
}

/** Longer ones are garbage (RFC 5322 2.1.1: a line has at most 998). */
const MAX_ID_LENGTH = 998;

/** One id alone, as nearly every field has it: printable ASCII in angle brackets. */
const ONE_ID = new RegExp(`^<[!-;=?-~]{1,${MAX_ID_LENGTH}}>$`);

/** Ids in angle brackets; white space that folding put into one is removed. Without any brackets, words with an '@'. */
function messageIds(value: string): string[] {
  if (value === '') return [];
  if (ONE_ID.test(value)) return [value];
  const found: string[] = [];
  const bracketed = value.includes('<');
  const words = () => value.split(/[\s,;]+/).filter((word) => word.includes('@'));
  const candidates = bracketed ? [...value.matchAll(/<([^<>]*)>/g)].map(([, id = '']) => id) : words();
  for (const id of candidates) {
    const bare = /\s/.test(id) ? id.replace(/\s+/g, '') : id;
    if (bare !== '' && bare.length <= MAX_ID_LENGTH) found.push(`<${decodeRaw(bare, '')}>`);
  }
  return found;
}

/** Traits that the message's own header tells. */
export function headerTraits({ values }: PartHeader): number {
  let traits = 0;
  if (/^[12]\b/.test(values.get('x-priority') ?? '') || /^high$/i.test(values.get('importance') ?? '')) {
    traits |= Trait.important;
  }
  if ((values.get('disposition-notification-to') ?? '') !== '') traits |= Trait.receipt;
  if (values.has('list-id')) traits |= Trait.list;
  return traits;
}
