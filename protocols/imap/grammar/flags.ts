// Flags and keywords (RFC 9051 2.3.2): lists in commands, text in replies.

import { Flag } from '#storage/ports.ts';
import { FLAGS, KEYWORD_CHARS } from '../limits.ts';
import { BadCommand } from './errors.ts';
import type { Scanner } from './scanner.ts';

export interface FlagList {
  /** Bits of Flag. */
  readonly flags: number;
  readonly keywords: readonly string[];
}

const SYSTEM: readonly (readonly [name: string, bit: number])[] = [
  ['\\Answered', Flag.answered],
  ['\\Flagged', Flag.flagged],
  ['\\Deleted', Flag.deleted],
  ['\\Seen', Flag.seen],
  ['\\Draft', Flag.draft],
];
const BITS: ReadonlyMap<string, number> = new Map(SYSTEM.map(([name, bit]) => [name.slice(1).toUpperCase(), bit]));

/** The names of the system flags, as FLAGS lists them. */
export const SYSTEM_FLAGS: string = SYSTEM.map(([name]) => name).join(' ');

/** The text of each combination of system flags, by its bits. */
export const SYSTEM_FLAG_TEXT: readonly string[] = Array.from({ length: 32 }, (_, bits) =>
  SYSTEM.filter(([, bit]) => (bits & bit) !== 0)
    .map(([name]) => name)
    .join(' '),
);

/** flag-list: "(" [flag *(SP flag)] ")". */
export function flagList(scanner: Scanner): FlagList {
  const collected = new Collector();
  scanner.list(FLAGS, () => collected.add(scanner));
  return collected;
}

/** STORE's list, whose parentheses may be left out: flag-list / (flag *(SP flag)). */
export function storeFlags(scanner: Scanner): FlagList {
  if (scanner.peek() === '(') return flagList(scanner);
  const collected = new Collector();
  do collected.add(scanner);
  while (scanner.take(' '));
  return collected;
}

/** A keyword as an argument (SEARCH KEYWORD). */
export function keyword(scanner: Scanner): string {
  const name = scanner.atom();
  if (name.length > KEYWORD_CHARS) throw new BadCommand('Keyword too long');
  return name;
}

class Collector implements FlagList {
  flags = 0;
  readonly keywords: string[] = [];

  add(scanner: Scanner): void {
    if (this.keywords.length >= FLAGS) throw new BadCommand('Too many flags');
    if (!scanner.take('\\')) {
      this.keywords.push(keyword(scanner));
      return;
    }
    const name = scanner.atom();
    // RFC 3501 9: \Recent is a flag-fetch, which only a server says.
    const bit = BITS.get(name.toUpperCase());
    if (bit === undefined) throw new BadCommand('Not a system flag that can be set');
    this.flags |= bit;
  }
}
