// One account's index in use: its file, the vocabularies as they are searched, and the answers.

import { bare, bestForm, rarityOf, strengthOf } from '../message/fuzzy.ts';
import type { IndexedMessage, IndexFile, IndexState, Place } from './index-file.ts';
import { BEGINNING, FEW_CANDIDATES, FUZZY_LETTERS, MATCHED_TERMS, TERMS_AT_ONCE } from './limits.ts';
import type { TextFinding, TextFindings, TextQuery } from './port.ts';
import { anchored, wantedTerms } from './terms.ts';
import { Vocabulary } from './vocabulary.ts';

const NONE = new Float64Array(0);
/** The places of a text that may be anywhere. */
const TEXT = ['header', 'body'] as const;

/** Gives other work its turn; throws once nobody waits for the answer. */
export type Turn = () => Promise<void>;

export class AccountIndex {
  readonly #file: IndexFile;
  readonly #vocabularies = new Map<Place, Vocabulary>();

  constructor(file: IndexFile) {
    this.#file = file;
  }

  get state(): IndexState {
    return this.#file.state();
  }

  /** Characters of vocabulary in memory. */
  get size(): number {
    return this.#vocabularies.values().reduce((sum, { size }) => sum + size, 0);
  }

  /** Lets go of the vocabularies; the next search reads them again. */
  forgetVocabularies(): void {
    this.#vocabularies.clear();
  }

  add(messages: readonly IndexedMessage[], upTo: number, epoch: number): void {
    this.#file.add(messages, upTo, epoch);
    for (const [place, vocabulary] of this.#vocabularies) {
      for (const message of messages) vocabulary.add(termsAt(message, place));
    }
  }

  /** Answers all queries as of one state of the index. */
  async find(queries: readonly TextQuery[], turn: Turn): Promise<TextFindings> {
    const { upTo } = this.#file.state();
    const findings: (TextFinding | null)[] = [];
    for (const query of queries) {
      findings.push(await (query.fuzzy === true ? this.#findFuzzy(query, turn) : this.#find(query, upTo, turn)));
    }
    return { upTo, findings };
  }

  close(): void {
    this.#file.close();
  }

  async #find({ where, text }: TextQuery, upTo: number, turn: Turn): Promise<TextFinding | null> {
    const wanted = wantedTerms(text);
    if (wanted === null) return null;
    const places: readonly Place[] = where === 'text' ? TEXT : [where];
    let candidates: Set<number> | null = null;
    for (const pattern of wanted.patterns.toSorted(byCost)) {
      if (candidates !== null && candidates.size <= FEW_CANDIDATES) break;
      const having = new Set<number>();
      for (const place of places) {
        const found = await this.#withPattern(place, pattern, turn);
        if (found === null) return null;
        for (const message of found) if (message <= upTo) having.add(message);
      }
      candidates = candidates === null ? having : candidates.intersection(having);
    }
    const unsure = new Set(this.#file.unsure());
    const found = candidates ?? new Set<number>();
    // Of any header field: the key is about one that the index does not know by itself.
    if (!wanted.exact || where === 'header') return { sure: NONE, maybe: ascending(found.union(unsure)) };
    return { sure: ascending(found.difference(unsure)), maybe: ascending(unsure) };
  }

  /** The messages with a term there that the pattern stands in; null if these are too many terms. */
  async #withPattern(place: Place, pattern: string, turn: Turn): Promise<readonly number[] | null> {
    const start = anchored(pattern);
    if (start?.whole === true) return this.#file.having(place, [start.term]);
    if (start !== null && isDirect(pattern)) return this.#file.beginning(place, start.term);
    const terms = (await this.#vocabulary(place, turn)).matching(pattern, MATCHED_TERMS);
    return terms === null ? null : await this.#having(place, [...terms], turn);
  }

  /** Messages with a word, each with how strongly it has it. */
  async #findFuzzy({ where, text }: TextQuery, turn: Turn): Promise<TextFinding | null> {
    const word = Array.from(text).slice(0, FUZZY_LETTERS).join('');
    if (!/^[\p{L}\p{N}]+$/u.test(word)) return null;
    const { upTo, messages } = this.#file.state();
    const tables = where === 'text' ? TEXT : where === 'body' ? (['body'] as const) : (['header'] as const);
    const best = { header: new Map<number, number>(), body: new Map<number, number>() };
    for (const table of tables) {
      const terms = (await this.#vocabulary(table, turn)).matchingBare(word, MATCHED_TERMS);
      if (terms === null) return null;
      for (const [form, some] of byForm(terms, word)) {
        for (const message of await this.#having(table, some, turn)) {
          if (message <= upTo) best[table].set(message, Math.max(best[table].get(message) ?? 0, form));
        }
      }
    }
    const unsure = new Set(this.#file.unsure());
    const found = new Set([...best.header.keys(), ...best.body.keys()]);
    const rarity = rarityOf(found.size, messages);
    if ((where !== 'text' && where !== 'body') || word !== text) {
      return { sure: NONE, maybe: ascending(found.union(unsure)), fuzzy: { strengths: NONE, rarity } };
    }
    const sure = ascending(found.difference(unsure));
    const strengths = sure.map((message) => strengthOf(best.header.get(message) ?? 0, best.body.get(message) ?? 0));
    return { sure, maybe: ascending(unsure), fuzzy: { strengths, rarity } };
  }

  async #having(place: Place, terms: readonly string[], turn: Turn): Promise<number[]> {
    const found: number[][] = [];
    for (let at = 0; at < terms.length; at += TERMS_AT_ONCE) {
      found.push(this.#file.having(place, terms.slice(at, at + TERMS_AT_ONCE)));
      await turn();
    }
    return found.flat();
  }

  async #vocabulary(place: Place, turn: Turn): Promise<Vocabulary> {
    let vocabulary = this.#vocabularies.get(place);
    if (vocabulary === undefined) {
      // In one go: no statement is left open over an await, and what is indexed meanwhile would be missed.
      vocabulary = new Vocabulary(this.#file.terms(place));
      this.#vocabularies.set(place, vocabulary);
      await turn();
    }
    return vocabulary;
  }
}

/** Does the index answer it by itself, by one term or a range of them? */
function isDirect(pattern: string): boolean {
  const start = anchored(pattern);
  return start !== null && (start.whole || start.term.length >= BEGINNING);
}

/**
 * Those first that are answered without the vocabulary, which is long and read when it is needed; of them those that are
 * likely to leave few candidates: with digits (numbers, what programs make up), and the longest.
 */
function byCost(a: string, b: string): number {
  const digits = (pattern: string) => Number(/\d/.test(pattern));
  return Number(isDirect(b)) - Number(isDirect(a)) || digits(b) - digits(a) || b.length - a.length;
}

/** The terms in which a word stands, by how it does. */
function byForm(terms: Iterable<string>, word: string): Map<number, string[]> {
  const groups = new Map<number, string[]>();
  for (const term of terms) {
    const form = bestForm(bare(term), word);
    const group = groups.get(form);
    if (group === undefined) groups.set(form, [term]);
    else group.push(term);
  }
  return groups;
}

function ascending(messages: ReadonlySet<number>): Float64Array {
  return Float64Array.from(messages).sort();
}

function termsAt({ header, body, fields }: IndexedMessage, place: Place): ReadonlySet<string> {
  return place === 'header' ? header : place === 'body' ? body : fields[place];
}
