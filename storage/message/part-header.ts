// The fields of a header block that the MIME reader acts on, found in one pass. Text is one character per byte.

import { type Field, fieldNames, fields, fieldValue } from './headers.ts';

/** Values unfolded; the first of a field that should stand once, address fields of one name joined by commas. */
export interface PartHeader {
  readonly values: ReadonlyMap<string, string>;
}

const ADDRESS_FIELDS = ['from', 'sender', 'reply-to', 'to', 'cc', 'bcc'];

const WANTED = fieldNames([
  ...ADDRESS_FIELDS,
  'date',
  'subject',
  'message-id',
  'in-reply-to',
  'references',
  'content-type',
  'content-transfer-encoding',
  'content-id',
  'content-description',
  'content-disposition',
  'content-language',
  'content-location',
  'content-md5',
  'x-priority',
  'importance',
  'disposition-notification-to',
  'list-id',
]);

const ADDRESSES = new Set(ADDRESS_FIELDS);

/** Reads a header block. */
export function readPartHeader(block: string): PartHeader {
  const values = new Map<string, string>();
  for (const field of fields(block, WANTED)) take(values, block, field);
  return { values };
}

function take(values: Map<string, string>, block: string, field: Field): void {
  const known = values.get(field.name);
  if (known === undefined) {
    values.set(field.name, fieldValue(block, field));
  } else if (ADDRESSES.has(field.name)) {
    // Two To fields are against RFC 5322 3.6, and seen; all of their addresses count.
    values.set(field.name, `${known}, ${fieldValue(block, field)}`);
  }
}
