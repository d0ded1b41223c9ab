// All terms of an index as one text, in which a pattern is found by indexOf: that is what finds a search string in the
// middle of words. (4 ms for 810,000 terms, where reading them from the index takes 560 to 900 ms.)

import { bare } from '../message/fuzzy.ts';

/** Packed terms: each stands between two line ends. */
export class Vocabulary {
  /** ASCII terms apart, at a byte a character. */
  #ascii: string;
  #other: string;
  #fresh = new Set<string>();
  /** Forms without accents of the terms that have some, made when they are first asked for. */
  #bare: Bare | null = null;

  constructor(terms: Iterable<string>) {
    const [ascii, other]: [string[], string[]] = [[], []];
    for (const term of terms) (isAscii(term) ? ascii : other).push(term);
    this.#ascii = packed(ascii);
    this.#other = packed(other);
  }

  /** Characters held. */
  get size(): number {
    return this.#ascii.length + 2 * this.#other.length + (this.#bare === null ? 0 : 4 * this.#bare.text.length);
  }

  /** Adds terms, which may be known already. */
  add(terms: Iterable<string>): void {
    for (const term of terms) this.#fresh.add(term);
  }

  /** The terms that a pattern (see wantedTerms) stands in, each once; null if they are more than `most`. */
  matching(pattern: string, most: number): ReadonlySet<string> | null {
    this.#pack();
    const found = new Set<string>();
    const texts = isAscii(pattern) ? [this.#ascii, this.#other] : [this.#other];
    return texts.every((text) => collect(text, pattern, most, found)) ? found : null;
  }

  /** The terms that a word without accents stands in, whatever accents they have; null if they are more than `most`. */
  matchingBare(word: string, most: number): ReadonlySet<string> | null {
    this.#pack();
    this.#bare ??= bareForms(this.#other);
    const found = new Set<string>();
    if (isAscii(word) && !collect(this.#ascii, word, most, found)) return null;
    const forms = new Set<string>();
    if (!collect(this.#bare.text, word, most, forms)) return null;
    for (const form of forms) for (const term of this.#bare.terms.get(form) ?? []) found.add(term);
    return found.size > most ? null : found;
  }

  #pack(): void {
    if (this.#fresh.size === 0) return;
    this.#bare = null;
    const [ascii, other]: [string[], string[]] = [[], []];
    for (const term of this.#fresh) (isAscii(term) ? ascii : other).push(term);
    this.#fresh = new Set();
    if (ascii.length > 0) this.#ascii += packed(ascii).slice(1);
    if (other.length > 0) this.#other += packed(other).slice(1);
  }
}

interface Bare {
  readonly text: string;
  readonly terms: ReadonlyMap<string, readonly string[]>;
}

function bareForms(packedTerms: string): Bare {
  const terms = new Map<string, string[]>();
  for (const term of packedTerms.split('\n')) {
    const form = bare(term);
    const same = terms.get(form);
    if (same === undefined) terms.set(form, [term]);
    else same.push(term);
  }
  terms.delete('');
  return { text: packed([...terms.keys()]), terms };
}

function packed(terms: readonly string[]): string {
  return `\n${terms.map((term) => `${term}\n`).join('')}`;
}

function isAscii(text: string): boolean {
  return /^[\0-\x7f]*$/.test(text);
}

function collect(text: string, pattern: string, most: number, found: Set<string>): boolean {
  for (let at = text.indexOf(pattern); at >= 0; ) {
    const within = pattern.startsWith('\n') ? at + 1 : at;
    const start = text.lastIndexOf('\n', within - 1) + 1;
    const end = text.indexOf('\n', within);
    found.add(text.slice(start, end));
    if (found.size > most) return false;
    at = text.indexOf(pattern, end);
  }
  return true;
}
