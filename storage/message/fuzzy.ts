// Texts as fuzzy searches compare them (RFC 6203): by words, in any order, with neither case nor accents; and how well a
// word is met.

import { isAscii } from './casemap.ts';
import { fold } from './fold.ts';

const WORD = /[\p{L}\p{N}]+/gu;
const MARKS = /\p{M}+/gu;

/** Letters that are no letter with an accent to Unicode, but are to those who type on another keyboard. */
const LETTERS: Readonly<Record<string, string>> = {
  ß: 'ss',
  æ: 'ae',
  œ: 'oe',
  ø: 'o',
  đ: 'd',
  ð: 'd',
  ħ: 'h',
  ı: 'i',
  ł: 'l',
  ŧ: 't',
  þ: 'th',
};
const LETTER = new RegExp(`[${Object.keys(LETTERS).join('')}]`, 'g');

/** A folded text (fold.ts) without its accents. */
export function bare(folded: string): string {
  if (isAscii(folded)) return folded;
  return folded.replace(MARKS, '').replace(LETTER, (letter) => LETTERS[letter] ?? letter);
}

/** A text without case and accents. */
export function foldFuzzy(text: string): string {
  return bare(fold(text));
}

/** What a search string asks for: its words, each once; one without words as it is. */
export function fuzzyWords(text: string): string[] {
  const folded = foldFuzzy(text);
  return [...new Set(folded.match(WORD) ?? [folded])];
}

/** How much it counts that a word stands alone, begins a word, or is somewhere in one. */
export const WHOLE = 1;
const BEGINS = 0.6;
const INSIDE = 0.3;

const AT_END = /[\p{L}\p{N}]$/u;
const AT_START = /^[\p{L}\p{N}]/u;

/** What the characters around a word make of it. */
export function formOf(before: string, after: string): number {
  if (AT_END.test(before)) return INSIDE;
  return AT_START.test(after) ? BEGINS : WHOLE;
}

/** The best form of a word in a text; 0 if it is not there. */
export function bestForm(text: string, word: string): number {
  let best = 0;
  for (let at = text.indexOf(word); at >= 0 && best < WHOLE; at = text.indexOf(word, at + 1)) {
    // Two units: a letter beyond the first plane has that many.
    const end = at + word.length;
    best = Math.max(best, formOf(text.slice(Math.max(0, at - 2), at), text.slice(end, end + 2)));
    if (word === '') break;
  }
  return best;
}

/** A word in the header says more of what a message is about than one somewhere in its text. */
const HEADER_WEIGHT = 3;

/** How strongly a message has a word, from its best forms in header and body. */
export function strengthOf(header: number, body: number): number {
  return HEADER_WEIGHT * header + body;
}

/** BM25's k1: how soon more of the same word adds nothing. */
const SATURATION = 1.2;

/** What a word adds to the score of a message that has it (BM25F; a message's length is not known to the index). */
export function relevance(strength: number, rarity: number): number {
  return (rarity * strength * (SATURATION + 1)) / (strength + SATURATION);
}

/** BM25's inverse document frequency of a word that `having` of `all` messages have. */
export function rarityOf(having: number, all: number): number {
  const lacking = Math.max(0, all - having);
  return Math.log(1 + (lacking + 0.5) / (having + 0.5));
}
