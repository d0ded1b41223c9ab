// What stands in the commands of ACL (RFC 4314 7): identifiers and rights.

import { isUtf8 } from 'node:buffer';
import { parseRights, type Rights } from '#storage/sharing/rights.ts';
import { ACL_IDENTIFIER_BYTES, ACL_RIGHTS_CHARS } from '../limits.ts';
import { BadCommand } from './errors.ts';
import type { Scanner } from './scanner.ts';

/** identifier = astring, in UTF-8; what is none is refused with BAD (RFC 4314 3). */
export function aclIdentifier(scanner: Scanner): string {
  const wire = scanner.astring();
  const bytes = Buffer.from(wire, 'latin1');
  if (wire.length > ACL_IDENTIFIER_BYTES || !isUtf8(bytes)) throw new BadCommand('Not an identifier');
  const identifier = bytes.toString('utf8').normalize('NFKC');
  if (identifier === '' || identifier === '-' || /[\p{C}\p{Z}]/u.test(identifier)) {
    throw new BadCommand('Not an identifier');
  }
  return identifier;
}

export interface RightsChange {
  readonly action: 'set' | 'add' | 'remove';
  readonly rights: Rights;
}

/** mod-rights = astring: "+" adds, "-" removes, else they replace what was there. */
export function modifiedRights(scanner: Scanner): RightsChange {
  const text = scanner.astring();
  const sign = text.charAt(0);
  const action = sign === '+' ? 'add' : sign === '-' ? 'remove' : 'set';
  const letters = action === 'set' ? text : text.slice(1);
  const rights = letters.length > ACL_RIGHTS_CHARS ? undefined : parseRights(letters);
  // RFC 4314 3.1: never ignored.
  if (rights === undefined) throw new BadCommand('Unknown right');
  return { action, rights };
}
