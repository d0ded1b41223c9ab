// Whether a message matches a search key, from as little as is known of it: from memory alone, with its row, with its
// text. Where that is not enough the answer is `undefined`, and more is read.

import { parseDate } from '#storage/message/date.ts';
import { relevance } from '#storage/message/fuzzy.ts';
import type { UidRange } from '#storage/ports.ts';
import type { SearchKey } from '../grammar/search-key.ts';
import { inRanges } from '../grammar/sequence-set.ts';
import type { HeaderTexts } from './header-match.ts';
import type { Indexed, TextKey } from './indexed.ts';

const DAY = 86_400;

/** A key whose sets are resolved and whose texts are folded. */
export type Prepared =
  | { readonly kind: 'sequence' | 'uid'; readonly ranges: readonly UidRange[] }
  | { readonly kind: 'and'; readonly keys: readonly Prepared[] }
  | { readonly kind: 'or'; readonly first: Prepared; readonly second: Prepared }
  | { readonly kind: 'not'; readonly key: Prepared }
  /** INTERNALDATE up to, or from, a time in unix seconds. */
  | { readonly kind: 'older' | 'younger'; readonly time: number }
  | { readonly kind: 'emailid'; readonly number: number | null }
  | { readonly kind: 'threadid'; readonly number: number | null }
  | Exclude<SearchKey, { kind: Resolved }>;

/** Kinds of keys that are something else once they are resolved. */
type Resolved = 'sequence' | 'uid' | 'and' | 'or' | 'not' | 'older' | 'younger' | 'emailid' | 'threadid';

/** What a session knows of a message without reading anything. */
export interface Known {
  readonly seq: number;
  readonly uid: number;
  readonly flags: number;
  readonly modseq: number;
  readonly message: number;
  readonly recent: boolean;
  hasKeyword(name: string): boolean;
}

/** What the store's listing adds. */
export interface Listed {
  readonly size: number;
  readonly received: number;
  readonly receivedOffset: number;
  readonly saved: number;
  readonly thread: number;
  readonly envelope: string;
  readonly header: HeaderTexts | null;
  /** Is there an annotation that the key means? */
  annotated(key: AnnotationKey): boolean;
}

export type AnnotationKey = Extract<SearchKey, { kind: 'annotation' }>;

/** Which texts were found in a message's text: how strongly, 0 for not at all. */
export type Found = (key: Extract<Prepared, { kind: 'text' | 'body' }>) => number;

export interface Facts {
  readonly known: Known;
  /** What the search index knows of it. */
  readonly indexed?: Indexed | undefined;
  readonly listed?: Listed;
  readonly found?: Found;
}

/** true, false, or undefined when the facts do not say. */
export function evaluate(key: Prepared, facts: Facts): boolean | undefined {
  switch (key.kind) {
    case 'and':
      return every(key.keys, facts);
    case 'or': {
      const first = evaluate(key.first, facts);
      if (first === true) return true;
      const second = evaluate(key.second, facts);
      return second === true ? true : first === false ? second : undefined;
    }
    case 'not': {
      const inner = evaluate(key.key, facts);
      return inner === undefined ? undefined : !inner;
    }
    case 'text':
    case 'body':
      return facts.found === undefined ? facts.indexed?.holds(key) : facts.found(key) > 0;
    case 'larger':
    case 'smaller':
    case 'older':
    case 'younger':
    case 'received':
    case 'sent':
    case 'saved':
    case 'threadid':
    case 'annotation':
      return facts.listed === undefined ? undefined : ofListing(key, facts.listed);
    case 'header':
      return facts.listed === undefined ? facts.indexed?.holds(key) : ofListing(key, facts.listed);
    default:
      return ofMemory(key, facts.known);
  }
}

/** The score of a message that matches: what each word of fuzzy keys adds that it has (RFC 6203 4). */
export function scoreOf(key: Prepared, facts: Facts, rarity: (key: TextKey) => number): number {
  switch (key.kind) {
    case 'and':
      return key.keys.reduce((sum, inner) => sum + scoreOf(inner, facts, rarity), 0);
    case 'or':
      return scoreOf(key.first, facts, rarity) + scoreOf(key.second, facts, rarity);
    case 'text':
    case 'body':
    case 'header':
      return key.fuzzy === true ? relevance(strengthIn(facts, key), rarity(key)) : 0;
    default:
      return 0;
  }
}

function strengthIn({ found, indexed, listed }: Facts, key: TextKey): number {
  if (key.kind === 'header') return listed?.header?.strength(key.field, key.text) ?? 0;
  return found?.(key) ?? indexed?.strength(key) ?? 0;
}

function every(keys: readonly Prepared[], facts: Facts): boolean | undefined {
  let result: boolean | undefined = true;
  for (const key of keys) {
    const one = evaluate(key, facts);
    if (one === false) return false;
    if (one === undefined) result = undefined;
  }
  return result;
}

type MemoryKey = Extract<
  Prepared,
  { kind: 'all' | 'recent' | 'new' | 'old' | 'flag' | 'keyword' | 'modseq' | 'emailid' | 'sequence' | 'uid' }
>;

function ofMemory(key: MemoryKey, known: Known): boolean {
  switch (key.kind) {
    case 'all':
      return true;
    case 'recent':
      return known.recent;
    case 'new':
      return known.recent && (known.flags & 1) === 0; // RFC 3501 6.4.4: RECENT UNSEEN
    case 'old':
      return !known.recent;
    case 'flag':
      return ((known.flags & key.bit) !== 0) === key.set;
    case 'keyword':
      return known.hasKeyword(key.name) === key.set;
    case 'modseq':
      return known.modseq >= key.modseq; // RFC 7162 3.1.5
    case 'emailid':
      return known.message === key.number;
    case 'sequence':
      return inRanges(key.ranges, known.seq);
    case 'uid':
      return inRanges(key.ranges, known.uid);
  }
}

type ListingKey = Extract<
  Prepared,
  {
    kind:
      | 'larger'
      | 'smaller'
      | 'older'
      | 'younger'
      | 'received'
      | 'sent'
      | 'saved'
      | 'threadid'
      | 'header'
      | 'annotation';
  }
>;

function ofListing(key: ListingKey, row: Listed): boolean {
  switch (key.kind) {
    case 'larger':
      return row.size > key.size;
    case 'smaller':
      return row.size < key.size;
    case 'older':
      return row.received <= key.time; // RFC 5032 2
    case 'younger':
      return row.received >= key.time;
    case 'received':
      return compare(key.relation, dayOf(row.received, row.receivedOffset), key.day);
    case 'saved':
      return compare(key.relation, dayOf(Math.floor(row.saved / 1000), 0), key.day);
    case 'threadid':
      return row.thread === key.number;
    case 'annotation':
      return row.annotated(key) !== (key.text === null);
    case 'sent': {
      const date = sentDate(row.envelope);
      return date !== null && compare(key.relation, dayOf(date.seconds, date.offsetMinutes), key.day);
    }
    case 'header':
      if (key.fuzzy === true) return (row.header?.strength(key.field, key.text) ?? 0) > 0;
      return row.header?.holds(key.field, key.text) ?? false;
  }
}

/** RFC 9051 6.4.4: time and zone are disregarded, so it is the day where it was written that counts. */
function dayOf(seconds: number, offsetMinutes: number): number {
  return Math.floor((seconds + offsetMinutes * 60) / DAY);
}

function compare(relation: 'before' | 'on' | 'since', day: number, wanted: number): boolean {
  if (relation === 'on') return day === wanted;
  return relation === 'before' ? day < wanted : day >= wanted;
}

const ENVELOPE_DATE = /^\("((?:[^"\\]|\\.)*)"/;

/** The Date field, which ENVELOPE starts with, in the zone it was written in. */
function sentDate(envelope: string): { seconds: number; offsetMinutes: number } | null {
  const text = ENVELOPE_DATE.exec(envelope)?.[1];
  return text === undefined ? null : parseDate(text.replace(/\\(.)/g, '$1'));
}
