// Sets of numbers as ascending, disjoint ranges.

import type { ReplyWriter } from '#protocols/net/reply-writer.ts';
import type { UidRange } from '#storage/ports.ts';

/** Ranges in any order as ascending, disjoint ones. */
export function mergeRanges(ranges: readonly UidRange[]): UidRange[] {
  const merged: [number, number][] = [];
  for (const [first, last] of ranges.toSorted((a, b) => a[0] - b[0])) {
    const previous = merged.at(-1);
    if (previous !== undefined && first <= previous[1] + 1) previous[1] = Math.max(previous[1], last);
    else merged.push([first, last]);
  }
  return merged;
}

/** What is in both. */
export function intersectRanges(some: readonly UidRange[], others: readonly UidRange[]): UidRange[] {
  const both: UidRange[] = [];
  for (let a = 0, b = 0; a < some.length && b < others.length; ) {
    const [one, other] = [some[a] ?? [0, 0], others[b] ?? [0, 0]];
    const [first, last] = [Math.max(one[0], other[0]), Math.min(one[1], other[1])];
    if (first <= last) both.push([first, last]);
    if (one[1] < other[1]) a++;
    else b++;
  }
  return both;
}

/** What is in the first and not in the second. */
export function subtractRanges(from: readonly UidRange[], taken: readonly UidRange[]): UidRange[] {
  const left: UidRange[] = [];
  let at = 0;
  for (const [start, last] of from) {
    let first = start;
    while (at < taken.length && (taken[at]?.[1] ?? 0) < first) at++;
    for (let next = at; next < taken.length && first <= last; next++) {
      const [low, high] = taken[next] ?? [0, 0];
      if (low > last) break;
      if (low > first) left.push([first, low - 1]);
      first = high + 1;
    }
    if (first <= last) left.push([first, last]);
  }
  return left;
}

/** Writes them as a sequence-set: `1:3,7`. */
export function writeRanges(out: ReplyWriter, ranges: Iterable<UidRange>): void {
  let separate = false;
  for (const [first, last] of ranges) {
    if (separate) out.text(',');
    out.number(first);
    if (last > first) out.text(':').number(last);
    separate = true;
  }
}
