// The texts that a header field is searched in (RFC 9051 6.4.4): its value, decoded; of address fields also the plain
// addresses, so that comments and white space inside one hide nothing.

import { type Address, parseAddresses } from './address.ts';
import { decodeWords } from './words.ts';

/** Fields that hold addresses. */
export const ADDRESS_FIELDS: ReadonlySet<string> = new Set(['from', 'to', 'cc', 'bcc', 'sender', 'reply-to']);

/**
 * All readings of the values of one field, whose name is in lower case. White space of any length counts as one space
 * too: many programs fold a line with a tab, which nobody who looks for the words knows of.
 */
export function readings(name: string, values: readonly string[]): string[] {
  const decoded = values.map((value) => decodeWords(value)).flatMap(spaced);
  return ADDRESS_FIELDS.has(name) ? [...decoded, ...values.flatMap(plainAddresses)] : decoded;
}

function spaced(text: string): string[] {
  return /\t| {2}/.test(text) ? [text, text.replace(/[ \t]+/g, ' ')] : [text];
}

/** The addresses in a field where they do not stand in it as they are. */
function plainAddresses(value: string): string[] {
  if (!/[("\\]|\s@|@\s|\.\s|\s\./.test(value)) return [];
  const written = ({ host, mailbox }: Address) => (host === '' ? mailbox : `${mailbox}@${host}`);
  return parseAddresses(value).map((address) => decodeWords(written(address)));
}
