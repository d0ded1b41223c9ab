// Words of a text as the index knows them. A word is a run of letters, digits and marks of the folded text, so a search
// string without anything else can only stand inside one: that is what makes the index exact.

import { fold } from '../message/fold.ts';
import { HELD_TEXT, MESSAGE_TERMS, MESSAGE_TEXT, TERM_LENGTH, TERM_OVERLAP } from './limits.ts';

const WORD = /[\p{L}\p{N}\p{M}]+/gu;
/** Only these are certain to stay between words when a text is folded: `℃` becomes `°C`. */
const ASCII_BREAK = /[\0-/:-@[-`{-\x7f]/;

/** Collects the terms of a text that comes in pieces. */
export class Terms {
  readonly #terms = new Set<string>();
  #held = '';
  #taken = 0;
  #complete = true;

  /** Each term once. */
  get all(): ReadonlySet<string> {
    return this.#terms;
  }

  /** False if the text had more than is indexed. */
  get complete(): boolean {
    return this.#complete;
  }

  /** The next piece of the text. */
  add(piece: string): void {
    this.#taken += piece.length;
    if (this.#taken > MESSAGE_TEXT || this.#terms.size > MESSAGE_TERMS) {
      this.#complete = false;
      this.#held = '';
      return;
    }
    const text = this.#held + piece;
    const end = lastBreak(text);
    this.#take(text.slice(0, end));
    this.#held = text.slice(end);
    while (this.#held.length > HELD_TEXT) {
      this.#take(this.#held.slice(0, HELD_TEXT));
      this.#held = this.#held.slice(HELD_TEXT - TERM_LENGTH);
    }
  }

  /** The text ends here; what follows is another. */
  end(): void {
    this.#take(this.#held);
    this.#held = '';
  }

  #take(text: string): void {
    for (const word of fold(text).match(WORD) ?? []) for (const term of pieces(word)) this.#terms.add(term);
  }
}

/** Where the text after its last certain break begins. */
function lastBreak(text: string): number {
  let end = text.length;
  while (end > 0 && !ASCII_BREAK.test(text[end - 1] ?? '')) end--;
  return end;
}

function* pieces(word: string): Generator<string> {
  if (word.length <= TERM_LENGTH) return yield word;
  for (let at = 0; ; at += TERM_OVERLAP) {
    yield word.slice(at, at + TERM_LENGTH);
    if (at + TERM_LENGTH >= word.length) return;
  }
}

/** What a pattern asks that says how its term begins: that term, or all terms that begin so. */
export interface Anchored {
  readonly term: string;
  readonly whole: boolean;
}

/** Null if a term that the pattern stands in may begin with anything. */
export function anchored(pattern: string): Anchored | null {
  if (!pattern.startsWith('\n')) return null;
  const whole = pattern.endsWith('\n');
  return { term: pattern.slice(1, whole ? -1 : undefined), whole };
}

/** What a folded search string asks of the terms of a text that holds it. */
export interface Wanted {
  /** A term for each of these must be there. */
  readonly patterns: readonly string[];
  /** A text that has them holds the string for certain. */
  readonly exact: boolean;
}

/**
 * The patterns of a folded search string, to be found in a vocabulary in which `\n` stands before and after every term.
 * Null if it holds no word: then the index says nothing.
 */
export function wantedTerms(needle: string): Wanted | null {
  const words = [...needle.matchAll(WORD)];
  if (words.length === 0) return null;
  const patterns = words.map(({ 0: word, index }) => {
    const begins = index > 0;
    const ends = index + word.length < needle.length;
    if (word.length > TERM_OVERLAP) return cut(word);
    return `${begins ? '\n' : ''}${word}${ends ? '\n' : ''}`;
  });
  const exact = words[0]?.[0] === needle && needle.length <= TERM_OVERLAP;
  return { patterns: [...new Set(patterns)], exact };
}

/** The beginning of a long word, which stands whole in one piece; not through the middle of a character. */
function cut(word: string): string {
  const last = word.charCodeAt(TERM_OVERLAP - 1);
  return word.slice(0, last >= 0xd800 && last < 0xdc00 ? TERM_OVERLAP - 1 : TERM_OVERLAP);
}
