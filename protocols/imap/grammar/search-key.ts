// The keys of SEARCH (RFC 9051 6.4.4, RFC 3501 6.4.4) as a tree.

import { Flag } from '#storage/ports.ts';
import { SEARCH_DEPTH, SEARCH_KEYS, SEARCH_TEXTS } from '../limits.ts';
import { type AnnotationRequest, annotationToFind } from './annotation.ts';
import { searchDate } from './date-time.ts';
import { BadCommand } from './errors.ts';
import { keyword } from './flags.ts';
import { modSequence } from './mod-sequence.ts';
import type { Scanner } from './scanner.ts';
import { type SequenceSet, sequenceSet } from './sequence-set.ts';

/** How a day is compared. */
export type DayRelation = 'before' | 'on' | 'since';

export type SearchKey =
  | { readonly kind: 'all' | 'recent' | 'new' | 'old' }
  | { readonly kind: 'and'; readonly keys: readonly SearchKey[] }
  | { readonly kind: 'or'; readonly first: SearchKey; readonly second: SearchKey }
  | { readonly kind: 'not'; readonly key: SearchKey }
  | { readonly kind: 'flag'; readonly bit: number; readonly set: boolean }
  | { readonly kind: 'keyword'; readonly name: string; readonly set: boolean }
  | { readonly kind: 'sequence' | 'uid'; readonly set: SequenceSet }
  | { readonly kind: 'modseq'; readonly modseq: number }
  | { readonly kind: 'older' | 'younger'; readonly seconds: number }
  | { readonly kind: 'larger' | 'smaller'; readonly size: number }
  | { readonly kind: 'emailid' | 'threadid'; readonly id: string }
  | { readonly kind: 'received' | 'sent' | 'saved'; readonly relation: DayRelation; readonly day: number }
  /** null: there is none. */
  | { readonly kind: 'annotation'; readonly request: AnnotationRequest; readonly text: string | null }
  | { readonly kind: 'header'; readonly field: string; readonly text: string; readonly fuzzy?: boolean }
  | { readonly kind: 'text' | 'body'; readonly text: string; readonly fuzzy?: boolean };

export interface Search {
  readonly key: SearchKey;
  /** As named, or null: US-ASCII, and UTF-8 where a client sends it anyway. */
  readonly charset: string | null;
  /** The mod-sequences that it names: then the reply has one too (RFC 7162 3.1.5). */
  readonly modseqs: readonly number[];
  /** Sequence numbers are among the keys. */
  readonly numbered: boolean;
  /** FUZZY is among the keys: there are scores (RFC 6203 4). */
  readonly fuzzy: boolean;
}

const FLAG_KEYS: ReadonlyMap<string, SearchKey> = new Map(
  (
    [
      ['ANSWERED', Flag.answered],
      ['DELETED', Flag.deleted],
      ['DRAFT', Flag.draft],
      ['FLAGGED', Flag.flagged],
      ['SEEN', Flag.seen],
    ] as const
  ).flatMap(([name, bit]): [string, SearchKey][] => [
    [name, { kind: 'flag', bit, set: true }],
    [`UN${name}`, { kind: 'flag', bit, set: false }],
  ]),
);
const DATE_KEYS: ReadonlyMap<string, readonly ['received' | 'sent' | 'saved', DayRelation]> = new Map([
  ['BEFORE', ['received', 'before']],
  ['ON', ['received', 'on']],
  ['SINCE', ['received', 'since']],
  ['SENTBEFORE', ['sent', 'before']],
  ['SENTON', ['sent', 'on']],
  ['SENTSINCE', ['sent', 'since']],
  // RFC 8514 4.3
  ['SAVEDBEFORE', ['saved', 'before']],
  ['SAVEDON', ['saved', 'on']],
  ['SAVEDSINCE', ['saved', 'since']],
]);
const FIELD_KEYS: ReadonlySet<string> = new Set(['FROM', 'TO', 'CC', 'BCC', 'SUBJECT']);

type Decoder = (charset: string | null) => (bytes: string) => string;

/** ["CHARSET" SP astring SP] search-key *(SP search-key), to the end of the line. `decoder` makes text of a string's bytes. */
export function search(scanner: Scanner, decoder: Decoder): Search {
  if (scanner.takeWord('CHARSET')) {
    scanner.space();
    return criteria(scanner, decoder);
  }
  return keys(scanner, decoder, null);
}

/** search-criteria of SORT and THREAD (RFC 5256 5): charset 1*(SP search-key), to the end of the line. */
export function criteria(scanner: Scanner, decoder: Decoder): Search {
  const charset = scanner.astring();
  scanner.space();
  return keys(scanner, decoder, charset);
}

function keys(scanner: Scanner, decoder: Decoder, charset: string | null): Search {
  const keys = new Keys(scanner, decoder(charset));
  const key = keys.list('');
  scanner.end();
  return { key, charset, modseqs: keys.modseqs, numbered: keys.numbered, fuzzy: keys.fuzzy };
}

/** Reads keys, counting what they may cost. */
class Keys {
  readonly #scanner: Scanner;
  readonly #decode: (bytes: string) => string;
  readonly modseqs: number[] = [];
  numbered = false;
  fuzzy = false;
  /** Keys that are read now are in a FUZZY key. */
  #inFuzzy = false;
  #keys = 0;
  #texts = 0;

  constructor(scanner: Scanner, decode: (bytes: string) => string) {
    this.#scanner = scanner;
    this.#decode = decode;
  }

  /** Keys joined by AND, until `closing` (not taken) or the end. */
  list(closing: string, depth = 0): SearchKey {
    const keys: SearchKey[] = [];
    do keys.push(this.#key(depth));
    while (this.#scanner.peek() !== closing && this.#scanner.take(' ') && !this.#scanner.atEnd);
    const [only] = keys;
    return keys.length === 1 && only !== undefined ? only : { kind: 'and', keys };
  }

  #key(depth: number): SearchKey {
    const scanner = this.#scanner;
    if (depth > SEARCH_DEPTH) throw new BadCommand('Search keys are nested too deep');
    if (++this.#keys > SEARCH_KEYS) throw new BadCommand('Too many search keys');
    const next = scanner.peek();
    if (next === '(') {
      scanner.expect('(');
      const key = this.list(')', depth + 1);
      scanner.expect(')');
      return key;
    }
    if (next === '$') return { kind: 'uid', set: sequenceSet(scanner) };
    if (next === '*' || (next >= '0' && next <= '9')) {
      this.numbered = true;
      return { kind: 'sequence', set: sequenceSet(scanner) };
    }
    return this.#named(scanner.atom().toUpperCase(), depth);
  }

  #named(name: string, depth: number): SearchKey {
    const scanner = this.#scanner;
    const flag = FLAG_KEYS.get(name);
    if (flag !== undefined) return flag;
    const date = DATE_KEYS.get(name);
    if (date !== undefined) {
      if (date[0] === 'saved') scanner.needs('SAVEDATE');
      scanner.space();
      return { kind: date[0], relation: date[1], day: searchDate(scanner) };
    }
    if (FIELD_KEYS.has(name)) return this.#header(name.toLowerCase());
    switch (name) {
      case 'ALL':
        return { kind: 'all' };
      case 'SAVEDATESUPPORTED': // RFC 8514 4.3: every mailbox has it
        scanner.needs('SAVEDATE');
        return { kind: 'all' };
      case 'NEW':
      case 'OLD':
      case 'RECENT':
        return { kind: name.toLowerCase() as 'new' | 'old' | 'recent' };
      case 'KEYWORD':
      case 'UNKEYWORD':
        scanner.space();
        return { kind: 'keyword', name: keyword(scanner), set: name === 'KEYWORD' };
      case 'MODSEQ':
        scanner.needs('CONDSTORE');
        return { kind: 'modseq', modseq: this.#modseq() };
      case 'EMAILID': // RFC 8474 6
      case 'THREADID':
        scanner.needs('OBJECTID');
        scanner.space();
        return { kind: name === 'EMAILID' ? 'emailid' : 'threadid', id: scanner.atom() };
      case 'LARGER':
      case 'SMALLER':
        scanner.space();
        return { kind: name === 'LARGER' ? 'larger' : 'smaller', size: scanner.number() };
      case 'OLDER':
      case 'YOUNGER':
        scanner.needs('WITHIN');
        return { kind: name === 'OLDER' ? 'older' : 'younger', seconds: this.#interval() };
      case 'UID':
        scanner.space();
        return { kind: 'uid', set: sequenceSet(scanner) };
      case 'TEXT':
      case 'BODY':
        return { kind: name === 'TEXT' ? 'text' : 'body', ...this.#text(1) };
      case 'HEADER':
        scanner.space();
        return this.#header(scanner.astring().toLowerCase());
      case 'ANNOTATION':
        return this.#annotation();
      case 'FUZZY':
        scanner.needs('SEARCH=FUZZY');
        return this.#fuzzy(depth);
      case 'NOT':
        scanner.space();
        return { kind: 'not', key: this.#key(depth + 1) };
      case 'OR': {
        scanner.space();
        const first = this.#key(depth + 1);
        scanner.space();
        return { kind: 'or', first, second: this.#key(depth + 1) };
      }
      default:
        throw new BadCommand('Unknown search key');
    }
  }

  /** SP entry-match SP attrib-match SP value (RFC 5257 4.4) */
  #annotation(): SearchKey {
    const scanner = this.#scanner;
    scanner.space();
    const request = annotationToFind(scanner);
    scanner.space();
    if (++this.#texts > SEARCH_TEXTS) throw new BadCommand('Too many text keys');
    return { kind: 'annotation', request, text: scanner.takeWord('NIL') ? null : this.#decode(scanner.astring()) };
  }

  /** "FUZZY" SP search-key (RFC 6203 3): for strings by words; other keys mean what they always mean. */
  #fuzzy(depth: number): SearchKey {
    this.#scanner.space();
    const outer = this.#inFuzzy;
    this.fuzzy = true;
    this.#inFuzzy = true;
    const key = this.#key(depth + 1);
    this.#inFuzzy = outer;
    return key;
  }

  #header(field: string): SearchKey {
    return { kind: 'header', field, ...this.#text(0) };
  }

  /** What is looked for; `cost`: how many texts that is. Each word of a fuzzy one is looked for by itself. */
  #text(cost: number): { readonly text: string; readonly fuzzy?: boolean } {
    const text = this.#string();
    this.#texts += this.#inFuzzy ? text.split(/[^\p{L}\p{N}\p{M}]+/u).length : cost;
    if (this.#texts > SEARCH_TEXTS) throw new BadCommand('Too many text keys');
    return this.#inFuzzy ? { text, fuzzy: true } : { text };
  }

  /** SP nz-number (RFC 5032 3) */
  #interval(): number {
    this.#scanner.space();
    const seconds = this.#scanner.number();
    if (seconds === 0) throw new BadCommand('An interval is above 0');
    return seconds;
  }

  /** [SP entry-name SP entry-type-req] SP mod-sequence-valzer: ours are one for all entries (RFC 7162 3.1.5). */
  #modseq(): number {
    const scanner = this.#scanner;
    scanner.space();
    if (scanner.peek() === '"') {
      scanner.string();
      scanner.space();
      if (!['PRIV', 'SHARED', 'ALL'].includes(scanner.atom().toUpperCase())) {
        throw new BadCommand('Unknown entry type');
      }
      scanner.space();
    }
    const modseq = modSequence(scanner);
    this.modseqs.push(modseq);
    return modseq;
  }

  /** SP astring, decoded. */
  #string(): string {
    this.#scanner.space();
    return this.#decode(this.#scanner.astring());
  }
}
