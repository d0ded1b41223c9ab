// What a TXT record says (RFC 1035 3.3.14): its strings are one text (RFC 7208 3.3, RFC 6376 3.6.2.2).

import type { Answer } from 'dns-packet';

/** One character per byte; '' for a record of another type. */
export function textOf(record: Answer): string {
  if (record.type !== 'TXT') return '';
  const pieces = Array.isArray(record.data) ? record.data : [record.data];
  return pieces.map((piece) => Buffer.from(piece).toString('latin1')).join('');
}
