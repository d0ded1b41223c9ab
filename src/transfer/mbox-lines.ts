// The "From " lines of mbox files: told from text, quoted and unquoted.

import { parseMailDate, parseUnixDate } from './dates.ts';
import type { Received } from './pieces.ts';

const FROM = Buffer.from('From ');
const GREATER = 62;

/** A separator is short: an address and a date. */
const LONGEST_SEPARATOR = 1024;

/** The date of a line that separates messages, `'undated'` for one with no date that can be read, else null. */
export function separator(line: Buffer): Received | 'undated' | null {
  if (!startsWithFrom(line, 0) || line.length > LONGEST_SEPARATOR) return null;
  const text = ` ${line.toString('latin1').trimEnd()}`;
  return parseUnixDate(text) ?? parseMailDate(text) ?? 'undated';
}

/** mboxrd: a line of `From ` after any number of `>` is quoted with one `>` more. */
export function needsQuote(line: Buffer): boolean {
  return startsWithFrom(line, greaters(line));
}

/** Takes one `>` off a quoted line (mboxrd; for `>From ` the same as mboxo). */
export function unquote(line: Buffer): Buffer {
  return line[0] === GREATER && needsQuote(line) ? line.subarray(1) : line;
}

function greaters(line: Buffer): number {
  let count = 0;
  while (line[count] === GREATER) count++;
  return count;
}

function startsWithFrom(line: Buffer, at: number): boolean {
  return line.length >= at + 5 && FROM.compare(line, at, at + 5) === 0;
}
