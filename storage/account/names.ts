// Mailbox names: '/' between levels, Unicode NFC, INBOX in any case; what is refused and why.

import { StoreError } from '../errors.ts';
import { DEPTH, NAME_BYTES, PATH_BYTES } from './limits.ts';

/** Controls, line and paragraph separators: no client can show them, and some protocols break on them. */
const FORBIDDEN = /[\p{Cc}\u2028\u2029]/u;

/** The levels of a path as they are looked up: NFC, INBOX spelled so. Never throws; a path of no mailbox finds none. */
export function levelsOf(path: string): string[] {
  const levels = path.normalize('NFC').split('/');
  const [root] = levels;
  if (root !== undefined && root.toUpperCase() === 'INBOX') levels[0] = 'INBOX';
  return levels;
}

/** The same for a mailbox that is to be made. Errors: invalid, limit. */
export function newLevels(path: string): string[] {
  if (!path.isWellFormed() || FORBIDDEN.test(path)) throw new StoreError('invalid', 'a name with control characters');
  const levels = levelsOf(path);
  if (levels.some((level) => level === '')) throw new StoreError('invalid', 'a name with an empty level');
  // RFC 9051 5.1.2: '#' begins another namespace.
  if (levels[0]?.startsWith('#')) throw new StoreError('invalid', 'a name that begins with #');
  if (levels.length > DEPTH) throw new StoreError('limit', `a name of more than ${DEPTH} levels`);
  if (
    levels.some((level) => Buffer.byteLength(level) > NAME_BYTES) ||
    Buffer.byteLength(levels.join('/')) > PATH_BYTES
  ) {
    throw new StoreError('limit', `a name of more than ${NAME_BYTES} bytes a level or ${PATH_BYTES} in all`);
  }
  return levels;
}

/** A path in its one spelling, for subscriptions, which need no mailbox. Errors: invalid, limit. */
export function canonicalPath(path: string): string {
  return newLevels(path).join('/');
}
