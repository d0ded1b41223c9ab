// What SORT and THREAD need of a stored ENVELOPE (RFC 9051 7.5.2): its subject, and the first address of a list.

import { decodeWords } from '#storage/message/words.ts';

/** The places of fields in ENVELOPE. */
export const Field = { subject: 1, from: 2, to: 5, cc: 6 } as const;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPEN = 0x28;
const CLOSE = 0x29;

/** Where the value that begins at `at` ends: NIL, a quoted string, or a list. */
function endOf(text: string, at: number): number {
  const first = text.charCodeAt(at);
  if (first === QUOTE) return endOfString(text, at);
  if (first !== OPEN) return at + 3;
  let depth = 0;
  for (let place = at; place < text.length; place++) {
    const code = text.charCodeAt(place);
    if (code === QUOTE) place = endOfString(text, place) - 1;
    else if (code === OPEN) depth++;
    else if (code === CLOSE && --depth === 0) return place + 1;
  }
  return text.length;
}

function endOfString(text: string, at: number): number {
  let end = text.indexOf('"', at + 1);
  while (end !== -1 && isEscaped(text, end)) end = text.indexOf('"', end + 1);
  return end === -1 ? text.length : end + 1;
}

function isEscaped(text: string, at: number): boolean {
  let before = at - 1;
  while (text.charCodeAt(before) === BACKSLASH) before--;
  return (at - before) % 2 === 0;
}

/** Where a field begins. */
function placeOf(envelope: string, field: number): number {
  let at = 1;
  for (let index = 0; index < field; index++) at = endOf(envelope, at) + 1;
  return at;
}

/** A string without its quotes; '' for NIL. */
function stringAt(text: string, at: number): string {
  if (text.charCodeAt(at) !== QUOTE) return '';
  const raw = text.slice(at + 1, endOfString(text, at) - 1);
  return raw.includes('\\') ? raw.replace(/\\(.)/g, '$1') : raw;
}

/** The subject, with its encoded words. */
export function subjectOf(envelope: string): string {
  return stringAt(envelope, placeOf(envelope, Field.subject));
}

/** addr-mailbox of the first address of a list (RFC 5256 3), with its encoded words; '' if there is none. */
export function mailboxOf(envelope: string, field: number): string {
  const list = placeOf(envelope, field);
  if (envelope.charCodeAt(list) !== OPEN) return '';
  return stringAt(envelope, part(envelope, list, 2));
}

/** The first address of a list as it is shown (RFC 5957 3): its name, else the address. */
export function displayOf(envelope: string, field: number): string {
  const list = placeOf(envelope, field);
  if (envelope.charCodeAt(list) !== OPEN) return '';
  const name = decodeWords(stringAt(envelope, part(envelope, list, 0)));
  if (name !== '') return name;
  const mailbox = stringAt(envelope, part(envelope, list, 2));
  const host = part(envelope, list, 3);
  // A group has no host; an address without one has an empty one, which adds nothing.
  if (envelope.charCodeAt(host) !== QUOTE) return mailbox;
  const domain = stringAt(envelope, host);
  return domain === '' ? mailbox : `${mailbox}@${domain}`;
}

/** Where a part of the first address of a list begins. */
function part(envelope: string, list: number, index: number): number {
  let at = list + 2;
  for (let count = 0; count < index; count++) at = endOf(envelope, at) + 1;
  return at;
}
