// The parameters of ID (RFC 2971 3.3).

import { ID_FIELD_CHARS, ID_PAIRS, ID_VALUE_BYTES } from '../limits.ts';
import { BadCommand } from './errors.ts';
import type { Scanner } from './scanner.ts';

/** id-params-list = "(" *(string SP nstring) ")" / nil, as pairs for the log: printable text only. */
export function idParameters(scanner: Scanner): ReadonlyMap<string, string> {
  const pairs = new Map<string, string>();
  if (scanner.takeWord('NIL')) return pairs;
  scanner.list(ID_PAIRS, () => {
    const field = scanner.string();
    scanner.space();
    const value = scanner.nstring() ?? '';
    if (field.length > ID_FIELD_CHARS || value.length > ID_VALUE_BYTES) throw new BadCommand('ID value too long');
    pairs.set(printable(field), printable(value));
  });
  return pairs;
}

function printable(bytes: string): string {
  return Buffer.from(bytes, 'latin1').toString('utf8').replace(/\p{C}/gu, '?');
}
