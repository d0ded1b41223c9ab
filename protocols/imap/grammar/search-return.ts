// RETURN (...) of SEARCH (RFC 4731 3.1, RFC 5182, RFC 6203 4, RFC 9394, RFC 5267 4): what is told of the messages that are found.

import { SEARCH_RETURNS } from '../limits.ts';
import { BadCommand } from './errors.ts';
import { type FetchItem, fetchItems } from './fetch-att.ts';
import { MAX_NUMBER, type Scanner } from './scanner.ts';

/** A range of results (RFC 9394 4): 1 is the first, -1 the last. */
export interface PartialRange {
  /** As replies name it: the end that is counted first comes first, since 500:400 is 400:500 (RFC 9394 4). */
  readonly text: string;
  /** The smaller and the larger of its ends, without their sign. */
  readonly from: number;
  readonly to: number;
  /** Counted from the last. */
  readonly backwards: boolean;
}

export interface SearchReturn {
  readonly min: boolean;
  readonly max: boolean;
  readonly all: boolean;
  readonly count: boolean;
  readonly save: boolean;
  /** The scores of a fuzzy search (RFC 6203 4). */
  readonly relevancy: boolean;
  readonly partial: PartialRange | null;
  /** Changes of the result are to be told (RFC 5267 4.3), with these items of new messages (RFC 5465 7). */
  readonly update: readonly FetchItem[] | null;
}

const PARTIAL = /(-?)([1-9]\d{0,9}):(-?)([1-9]\d{0,9})/y;

/** partial-range */
export function partialRange(scanner: Scanner): PartialRange {
  const found = scanner.match(PARTIAL);
  if (found === null || found[1] !== found[3]) throw new BadCommand('Invalid range of results');
  const [first, second] = [Number(found[2]), Number(found[4])];
  if (first > MAX_NUMBER || second > MAX_NUMBER) throw new BadCommand('Number too large');
  const [from, to] = [Math.min(first, second), Math.max(first, second)];
  const sign = found[1] ?? '';
  return { text: `${sign}${from}:${sign}${to}`, from, to, backwards: sign === '-' };
}

/** Those of results, in their order, that a range names. */
export function within<T>(results: readonly T[], { from, to, backwards }: PartialRange): T[] {
  const { length } = results;
  return backwards
    ? results.slice(Math.max(0, length - to), Math.max(0, length - from + 1))
    : results.slice(from - 1, to);
}

/** ["RETURN" SP "(" [option *(SP option)] ")" SP], null where it is not there. `capability`: what it comes with. */
export function searchReturn(scanner: Scanner, capability = 'ESEARCH'): SearchReturn | null {
  if (!scanner.takeWord('RETURN')) return null;
  scanner.needs(capability);
  scanner.space();
  const names = new Set<string>();
  let partial: PartialRange | null = null;
  let update: readonly FetchItem[] | null = null;
  scanner.list(SEARCH_RETURNS, () => {
    const name = scanner.atom().toUpperCase();
    const extension = EXTENSIONS[name];
    if (extension !== undefined) scanner.needs(extension);
    if (name === 'PARTIAL') {
      if (partial !== null) throw new BadCommand('PARTIAL twice'); // RFC 9394 3.1
      scanner.space();
      partial = partialRange(scanner);
    } else if (name === 'UPDATE') update = scanner.match(ITEMS_AHEAD) === null ? [] : fetchItems(scanner);
    else if (!NAMES.has(name)) throw new BadCommand('Unknown RETURN option');
    // RFC 5267 4.2: a hint to the server, and nothing that is told.
    if (name !== 'CONTEXT') names.add(name);
  });
  scanner.space();
  if (names.has('PARTIAL') && names.has('ALL')) throw new BadCommand('PARTIAL and ALL exclude each other'); // RFC 9394 3.1
  return {
    min: names.has('MIN'),
    max: names.has('MAX'),
    all: names.has('ALL') || names.size === 0, // RFC 4731 3.1
    count: names.has('COUNT'),
    save: names.has('SAVE'),
    relevancy: names.has('RELEVANCY'),
    partial,
    update,
  };
}

/** Options of extensions of their own. */
const EXTENSIONS: Readonly<Record<string, string>> = {
  SAVE: 'SEARCHRES',
  PARTIAL: 'PARTIAL',
  UPDATE: 'CONTEXT=SEARCH',
  CONTEXT: 'CONTEXT=SEARCH',
  RELEVANCY: 'SEARCH=FUZZY',
};
const NAMES: ReadonlySet<string> = new Set(['MIN', 'MAX', 'ALL', 'COUNT', 'SAVE', 'CONTEXT', 'RELEVANCY']);
const ITEMS_AHEAD = / (?=\()/y;
