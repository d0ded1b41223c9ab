// Fuzzy searches (RFC 6203): words looked for in texts whatever their accents are, and scores.

import { bestForm, foldFuzzy, strengthOf, WHOLE } from '#storage/message/fuzzy.ts';
import { PART_BREAK } from '#storage/message/text.ts';
import type { Member } from '../view/view.ts';

interface Forms {
  header: number;
  body: number;
}

/** Looks for words in a message's text, which comes in pieces (message/text.ts). */
export class FuzzyNeedles {
  readonly #forms: Map<string, Forms>;
  readonly #longest: number;
  /** What may belong to a word that goes on, and an x where it is cut from more. */
  #tail = '';

  constructor(words: Iterable<string>) {
    this.#forms = new Map(Array.from(words, (word) => [word, { header: 0, body: 0 }]));
    this.#longest = Math.max(0, ...[...this.#forms.keys()].map((word) => word.length));
  }

  /** Takes the next piece, `own` of the message's header; true when nothing more can be learnt. */
  feed(piece: string, own: boolean): boolean {
    const ends = piece === PART_BREAK;
    // No word goes across a break; elsewhere the last one may go on, so it is no whole word yet.
    const text = `${this.#tail}${foldFuzzy(piece)}${ends ? '' : 'x'}`;
    const where = own ? 'header' : 'body';
    let settled = true;
    for (const [word, forms] of this.#forms) {
      if (forms[where] < WHOLE) forms[where] = Math.max(forms[where], bestForm(text, word));
      if (forms.body < WHOLE) settled = false;
    }
    const kept = this.#longest + 2;
    const seen = text.slice(0, -1);
    this.#tail = ends ? '' : seen.length > kept ? `x${seen.slice(-kept)}` : seen;
    return settled;
  }

  /** How strongly the text has a word; 0 if it is not there. */
  strength(word: string): number {
    const { header, body } = this.#forms.get(word) ?? { header: 0, body: 0 };
    return strengthOf(header, body);
  }
}

/** The scores of what a search has found. */
export class Scores {
  readonly #scores = new Map<number, number>();
  #best = 0;

  set({ slot }: Member, score: number): void {
    this.#scores.set(slot, score);
    this.#best = Math.max(this.#best, score);
  }

  /** 1 to 100, the best has 100 (RFC 6203 4). */
  percent(member: Member): number {
    return Math.max(1, Math.round(this.#share(member) * 100));
  }

  /** By which the best comes first: an integer. */
  rank(member: Member): number {
    return Math.round((1 - this.#share(member)) * 1_000_000);
  }

  #share({ slot }: Member): number {
    return this.#best === 0 ? 1 : (this.#scores.get(slot) ?? 0) / this.#best;
  }
}
