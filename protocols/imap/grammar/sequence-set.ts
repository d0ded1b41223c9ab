// sequence-set (RFC 9051 9): numbers and ranges of them; '*' is the largest number in use.

import type { UidRange } from '#storage/ports.ts';
import { SEQUENCE_RANGES } from '../limits.ts';
import { BadCommand } from './errors.ts';
import { MAX_NUMBER, type Scanner } from './scanner.ts';

/** '*' in a range, until the largest number is known. */
export const STAR = 0;

/** Pairs as written: either end may be STAR, and the first may be the larger. */
export interface SequenceSet {
  readonly pairs: readonly (readonly [number, number])[];
  /** It is `$`, what the last SEARCH saved (RFC 5182), and has no pairs. */
  readonly saved: boolean;
}

const ITEM = /(\*|[1-9]\d{0,9})(?::(\*|[1-9]\d{0,9}))?/y;

/** Reads one. 0 is no message number: BAD. */
export function sequenceSet(scanner: Scanner): SequenceSet {
  if (scanner.take('$')) {
    scanner.needs('SEARCHRES');
    return { pairs: [], saved: true };
  }
  const pairs: [number, number][] = [];
  do {
    const found = scanner.match(ITEM);
    if (found === null) throw new BadCommand('Invalid sequence set');
    const first = member(found[1]);
    const second = found[2] === undefined ? first : member(found[2]);
    const last = pairs.at(-1);
    // Clients list 1,2,3,...: taken as one range.
    const follows = last !== undefined && first === second && first !== STAR && last[1] === first - 1;
    if (follows && last[0] !== STAR && last[0] <= last[1]) last[1] = first;
    else pairs.push([first, second]);
    if (pairs.length > SEQUENCE_RANGES) throw new BadCommand('Too many ranges in a sequence set');
  } while (scanner.take(','));
  return { pairs, saved: false };
}

function member(text: string | undefined): number {
  if (text === '*' || text === undefined) return STAR;
  const value = Number(text);
  if (value > MAX_NUMBER) throw new BadCommand('Number too large');
  return value;
}

/**
 * The set as ascending, disjoint ranges. `largest` is what '*' means, 0 when there is nothing: then '*' names nothing.
 * A range with '*' always holds the largest number, whatever its other end (RFC 9051 9, seq-range).
 */
export function resolveSet(set: SequenceSet, largest: number): UidRange[] {
  const ranges: [number, number][] = [];
  for (const [first, second] of set.pairs) {
    if (largest === 0 && (first === STAR || second === STAR)) continue;
    const a = first === STAR ? largest : first;
    const b = second === STAR ? largest : second;
    ranges.push(a <= b ? [a, b] : [b, a]);
  }
  ranges.sort((a, b) => a[0] - b[0]);
  const merged: [number, number][] = [];
  for (const range of ranges) {
    const last = merged.at(-1);
    if (last !== undefined && range[0] <= last[1] + 1) last[1] = Math.max(last[1], range[1]);
    else merged.push(range);
  }
  return merged;
}

/** Ascending numbers as the shortest set text: `1:3,7` (COPYUID, APPENDUID). */
export function formatSet(numbers: readonly number[]): string {
  let text = '';
  for (let at = 0; at < numbers.length; ) {
    const first = numbers[at] ?? 0;
    let end = at;
    while (numbers[end + 1] === (numbers[end] ?? 0) + 1) end++;
    text += `${text === '' ? '' : ','}${first}${end > at ? `:${numbers[end]}` : ''}`;
    at = end + 1;
  }
  return text;
}

/** Is a number in ascending, disjoint ranges? */
export function inRanges(ranges: readonly UidRange[], value: number): boolean {
  let low = 0;
  let high = ranges.length - 1;
  while (low <= high) {
    const middle = (low + high) >> 1;
    const range = ranges[middle] ?? [0, 0];
    if (value < range[0]) high = middle - 1;
    else if (value > range[1]) low = middle + 1;
    else return true;
  }
  return false;
}
