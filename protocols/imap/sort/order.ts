// Sorting much without holding the event loop: texts become numbers in their order, and numbers are sorted natively.

import type { Pace } from '#protocols/net/pace.ts';
import { countBelow } from '../count-below.ts';

/** Texts that are sorted or merged at a time: some ms. */
const PIECE = 4_096;

/** Sorted copies of different texts, given its turns. */
export async function sortTexts(texts: readonly string[], pace: Pace): Promise<string[]> {
  let runs: string[][] = [];
  for (let at = 0; at < texts.length; at += PIECE) {
    runs.push(texts.slice(at, at + PIECE).sort(compare));
    if (pace.late) await pace.rest();
  }
  while (runs.length > 1) {
    const merged: string[][] = [];
    for (let at = 0; at < runs.length; at += 2) merged.push(await merge(runs[at] ?? [], runs[at + 1] ?? [], pace));
    runs = merged;
  }
  return runs[0] ?? [];
}

/** Not the default of sort(), which makes strings of everything first. */
function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** Two sorted lists as one. */
export async function merge(some: readonly string[], others: readonly string[], pace: Pace): Promise<string[]> {
  const merged: string[] = [];
  let [a, b] = [0, 0];
  while (a < some.length && b < others.length) {
    const [one = '', other = ''] = [some[a], others[b]];
    if (one <= other) {
      merged.push(one);
      a++;
    } else {
      merged.push(other);
      b++;
    }
    if (merged.length % PIECE === 0 && pace.late) await pace.rest();
  }
  for (; a < some.length; a++) merged.push(some[a] ?? '');
  for (; b < others.length; b++) merged.push(others[b] ?? '');
  return merged;
}

/** Each number once, in order. */
export function distinctNumbers(values: Float64Array): Float64Array {
  const sorted = values.toSorted();
  let different = 0;
  for (let at = 0; at < sorted.length; at++) {
    if (at === 0 || sorted[at] !== sorted[different - 1]) sorted[different++] = sorted[at] ?? 0;
  }
  return sorted.subarray(0, different);
}

/** The same numbers by their rank: 0 for the smallest, equal ones alike; and how many different ones there are. */
export function rank(values: Float64Array): { ranks: Float64Array<ArrayBuffer>; different: number } {
  const distinct = distinctNumbers(values);
  const ranks = new Float64Array(values.length);
  for (let at = 0; at < values.length; at++) ranks[at] = countBelow(distinct, values[at] ?? 0);
  return { ranks, different: distinct.length };
}

/** A criterion's value for each of the things that are sorted. */
export interface Criterion {
  readonly values: Float64Array;
  readonly reverse: boolean;
}

/** Integers below this are exact. */
const EXACT = Number.MAX_SAFE_INTEGER;

/** The order of `count` things by the first criterion, then the next; equal ones stay in their order (RFC 5256 3). */
export function orderBy(criteria: readonly Criterion[], count: number): Uint32Array {
  let keys = new Float64Array(count);
  // Keys are below this; the last digit, so to say, will be the place.
  let below = 1;
  for (const { values: own, reverse } of criteria) {
    let values = own;
    let [least, span] = extent(values);
    if (below * span * count > EXACT) {
      const ranked = rank(values);
      [values, least, span] = [ranked.ranks, 0, ranked.different];
      const kept = rank(keys);
      [keys, below] = [kept.ranks, kept.different];
    }
    for (let at = 0; at < count; at++) {
      const place = (values[at] ?? 0) - least;
      keys[at] = (keys[at] ?? 0) * span + (reverse ? span - 1 - place : place);
    }
    below *= span;
    if (below * count > EXACT) {
      const kept = rank(keys);
      [keys, below] = [kept.ranks, kept.different];
    }
  }
  if (below <= COUNTED * count) return counted(keys, below);
  for (let at = 0; at < count; at++) keys[at] = (keys[at] ?? 0) * count + at;
  keys.sort();
  const order = new Uint32Array(count);
  for (let at = 0; at < count; at++) order[at] = (keys[at] ?? 0) % count;
  return order;
}

/** With no more different keys than so many for each thing, counting beats sorting. */
const COUNTED = 2;

/** The order by keys that are below `below`, by counting them; equal ones stay in their order. */
function counted(keys: Float64Array, below: number): Uint32Array {
  const next = new Uint32Array(below + 1);
  for (let at = 0; at < keys.length; at++) {
    const key = keys[at] ?? 0;
    next[key + 1] = (next[key + 1] ?? 0) + 1;
  }
  for (let key = 0; key < below; key++) next[key + 1] = (next[key + 1] ?? 0) + (next[key] ?? 0);
  const order = new Uint32Array(keys.length);
  for (let at = 0; at < keys.length; at++) {
    const key = keys[at] ?? 0;
    const place = next[key] ?? 0;
    next[key] = place + 1;
    order[place] = at;
  }
  return order;
}

/** The least of some integers, and how many there are from it to the greatest. */
function extent(values: Float64Array): [least: number, span: number] {
  let [least, most] = [values[0] ?? 0, values[0] ?? 0];
  for (let at = 1; at < values.length; at++) {
    const value = values[at] ?? 0;
    if (value < least) least = value;
    if (value > most) most = value;
  }
  return [least, most - least + 1];
}
