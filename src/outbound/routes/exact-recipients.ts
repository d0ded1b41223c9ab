// A message for a service that has no envelope: whom it sends it to is who stands in To, Cc and Bcc. So these are made to
// name exactly the recipients of this transaction. Who is left out of To and Cc gets the message by another way, or has
// got it already; left in, everybody would get it once for each transaction. What changes under a signature of ours would
// break it, so that goes too: the service signs for its domain.

import { type Address, parseAddresses } from '#storage/message/address.ts';
import { type Field, fields, fieldValue, fromLatin1, latin1 } from '#storage/message/headers.ts';
import { HEADER_BYTES } from '#storage/message/limits.ts';

const LISTS = new Set(['to', 'cc']);
const DROPPED = new Set(['bcc', 'resent-bcc', 'dkim-signature', 'return-path']);

/** The message with such a header. */
export function withExactRecipients(message: Uint8Array, recipients: readonly string[]): Uint8Array {
  // What we have put in front of it is far smaller than what it may have itself.
  const text = latin1(message.subarray(0, 2 * HEADER_BYTES));
  const found = fields(text);
  const wanted = new Map(recipients.map((address) => [canonical(address), address]));
  const named = new Set<string>();
  const kept: string[] = [];
  for (const field of found) {
    if (DROPPED.has(field.name)) continue;
    kept.push(LISTS.has(field.name) ? listField(text, field, wanted, named) : text.slice(field.start, field.end));
  }
  const hidden = [...wanted].filter(([key]) => !named.has(key)).map(([, address]) => `<${utf8AsLatin1(address)}>`);
  if (hidden.length > 0) kept.push(`Bcc: ${hidden.join(',\r\n ')}\r\n`);
  const end = found.at(-1)?.end ?? 0;
  return Buffer.concat([fromLatin1(kept.join('')), message.subarray(end)]);
}

/** A list as it stands if all of it is wanted and said once; else what is, written anew; '' if nothing is. */
function listField(text: string, field: Field, wanted: ReadonlyMap<string, string>, named: Set<string>): string {
  const addresses = parseAddresses(fieldValue(text, field)).filter(({ group }) => group === undefined);
  const chosen: Address[] = [];
  for (const address of addresses) {
    const key = canonical(Buffer.from(`${address.mailbox}@${address.host}`, 'latin1').toString());
    if (!wanted.has(key) || named.has(key)) continue;
    named.add(key);
    chosen.push(address);
  }
  if (chosen.length === addresses.length) return text.slice(field.start, field.end);
  if (chosen.length === 0) return '';
  const name = text.slice(field.start, field.value).replace(/[ \t]*:$/, '');
  return `${name}: ${chosen.map(formatted).join(',\r\n ')}\r\n`;
}

function formatted({ name, mailbox, host }: Address): string {
  const local = /^[^\s"(),:;<>@[\\\]]+$/.test(mailbox) ? mailbox : quoted(mailbox);
  // Encoded words must not be quoted (RFC 2047 5).
  const phrase = name === '' || name.includes('=?') ? name : quoted(name);
  return `${phrase}${phrase === '' ? '' : ' '}<${local}@${host}>`;
}

function quoted(text: string): string {
  return `"${text.replace(/[\r\n]/g, ' ').replace(/["\\]/g, '\\$&')}"`;
}

/** To compare: in lower case, a quoted local part without its quotes (RFC 5321 4.1.2). */
function canonical(address: string): string {
  return address.toLowerCase().replace(/^"(.*)"@/s, (_all, local: string) => `${local.replace(/\\(.)/gs, '$1')}@`);
}

function utf8AsLatin1(text: string): string {
  return Buffer.from(text, 'utf8').toString('latin1');
}
