// Addresses and domains in their one spelling: lower case, NFC, domains as A-labels (IDNA).

import { domainToASCII } from 'node:url';
import { StoreError } from '../errors.ts';
import { DOMAIN_BYTES, LOCAL_BYTES } from './limits.ts';

export interface Address {
  readonly local: string;
  readonly domain: string;
}

const LABEL = /^[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?$/;

/** A dot-atom of RFC 5321 and RFC 6531 (atext, or anything above ASCII that is no space or control). */
const DOT_ATOM = /^[\w!#$%&'*+\-/=?^`{|}~\u{a1}-\u{10ffff}]+(?:\.[\w!#$%&'*+\-/=?^`{|}~\u{a1}-\u{10ffff}]+)*$/u;
const SPACES = /[\p{Z}\p{C}]/u;

/** A domain's one spelling, or '' if it can't be one. */
export function canonicalDomain(name: string): string {
  if (name.length > DOMAIN_BYTES * 4) return '';
  const ascii = domainToASCII(name.endsWith('.') ? name.slice(0, -1) : name).toLowerCase();
  if (ascii.length > DOMAIN_BYTES) return '';
  const labels = ascii.split('.');
  // A last label of digits is an IP address (and `domainToASCII` has turned every form of one into that).
  if (/^\d+$/.test(labels.at(-1) ?? '')) return '';
  return labels.every((label) => LABEL.test(label)) ? ascii : '';
}

/** A local part's one spelling, or '' if it can't be one. A quoted one that needs no quotes is the same without. */
export function canonicalLocal(local: string): string {
  const unquoted = /^"(.*)"$/s.exec(local)?.[1]?.replaceAll(/\\(.)/gs, '$1') ?? local;
  const name = unquoted.normalize('NFC').toLowerCase();
  if (!name.isWellFormed() || Buffer.byteLength(name) > LOCAL_BYTES) return '';
  return DOT_ATOM.test(name) && !SPACES.test(name) ? name : '';
}

/** An address in its one spelling; undefined if it can't be one. The local part may be '' where `catchAll` allows. */
export function parseAddress(text: string, options: { catchAll?: boolean } = {}): Address | undefined {
  const at = text.lastIndexOf('@');
  if (at === -1) return undefined;
  const domain = canonicalDomain(text.slice(at + 1));
  const local = canonicalLocal(text.slice(0, at));
  if (domain === '' || (local === '' && !(at === 0 && options.catchAll === true))) return undefined;
  return { local, domain };
}

/** An address that must be one. Errors: invalid. */
export function theAddress(text: string, options: { catchAll?: boolean } = {}): Address {
  const address = parseAddress(text, options);
  if (address === undefined) throw new StoreError('invalid', `${JSON.stringify(text)} is not an address`);
  return address;
}

/** As it is written. */
export function formatAddress({ local, domain }: Address): string {
  return `${local}@${domain}`;
}

/** What stands before and after the first '+' (F137). */
export function splitSuffix(local: string): { readonly base: string; readonly suffix: string } {
  const plus = local.indexOf('+');
  return plus <= 0 ? { base: local, suffix: '' } : { base: local.slice(0, plus), suffix: local.slice(plus + 1) };
}
