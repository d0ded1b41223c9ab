// The patterns of LIST and LSUB (RFC 9051 6.3.9): '*' stands for anything, '%' for anything within a level.

import { MAILBOX_BYTES } from '../limits.ts';
import { BadCommand } from './errors.ts';
import { decodedName, inboxFirst, SEPARATOR } from './mailbox-name.ts';

const INBOX_LENGTH = 5;

export class ListPattern {
  readonly #pattern: string;
  /** Characters that stand for themselves: a name with fewer can't match. */
  readonly #plain: number;

  /** A reference and a pattern as they stood on the wire; null if they are not in their encoding and so match nothing. */
  static of(reference: string, pattern: string, utf8 = false): ListPattern | null {
    return ListPattern.all(reference, [pattern], utf8)[0] ?? null;
  }

  /** A reference and patterns as they stood on the wire; what is not in their encoding matches nothing. */
  static all(reference: string, patterns: readonly string[], utf8: boolean): ListPattern[] {
    // Each is matched against every name: together they may cost what one may.
    if (patterns.reduce((sum, pattern) => sum + reference.length + pattern.length, 0) > MAILBOX_BYTES) {
      throw new BadCommand('Pattern too long');
    }
    return patterns.flatMap((pattern) => {
      const decoded = decodedName(reference + pattern, utf8);
      return decoded === null ? [] : [new ListPattern(decoded.normalize('NFC'))];
    });
  }

  private constructor(pattern: string) {
    // Wildcards in a row are one: '*' if there is one among them.
    this.#pattern = inboxFirst(pattern).replace(/[*%]+/g, (run) => (run.includes('*') ? '*' : '%'));
    this.#plain = this.#pattern.replace(/[*%]/g, '').length;
  }

  /** A name below others may be listed for them alone (RFC 3501 6.3.9, the special situation of '%'). */
  get byLevel(): boolean {
    return this.#pattern.includes('%');
  }

  /** Does a path match? All ways to match are followed at once, so no pattern takes long. */
  matches(path: string): boolean {
    const pattern = this.#pattern;
    if (pattern === '*') return true;
    if (path.length < this.#plain) return false;
    const inInbox = path === 'INBOX' || path.startsWith(`INBOX${SEPARATOR}`);
    // before[p]: the pattern's first p characters can match the path read so far.
    let before = new Uint8Array(pattern.length + 1);
    // Two for all of the path, in turn: one for each character was most of what a LIST left as garbage.
    let after = new Uint8Array(pattern.length + 1);
    before[0] = 1;
    skipWildcards(pattern, before);
    for (let at = 0; at < path.length; at++) {
      after.fill(0);
      const character = path.charAt(at);
      for (let p = 0; p < pattern.length; p++) {
        if (before[p] === 0) continue;
        const wanted = pattern.charAt(p);
        if (wanted === '*' || (wanted === '%' && character !== SEPARATOR)) after[p] = 1;
        else if (wanted === character || (inInbox && at < INBOX_LENGTH && wanted.toUpperCase() === character)) {
          after[p + 1] = 1;
        }
      }
      skipWildcards(pattern, after);
      [before, after] = [after, before];
    }
    return before[pattern.length] === 1;
  }
}

/** A wildcard may stand for nothing. */
function skipWildcards(pattern: string, reached: Uint8Array): void {
  for (let p = 0; p < pattern.length; p++) {
    const wildcard = pattern.charAt(p) === '*' || pattern.charAt(p) === '%';
    if (reached[p] === 1 && wildcard) reached[p + 1] = 1;
  }
}
