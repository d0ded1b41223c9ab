// Texts as searches compare them, looked for in a message's text that comes in pieces: case ignored in all scripts, accents
// significant (RFC 9051 6.4.4).

import { ByteSearch } from './byte-search.ts';
import { fold } from './fold.ts';
import { PART_BREAK } from './text.ts';

/** Folded strings to look for in many texts. */
export class Sought {
  readonly strings: ReadonlySet<string>;
  /** Characters at the end of a piece in which one may have begun. */
  readonly overlap: number;
  /** Tells most texts that have none of them. */
  readonly bytes: ByteSearch | null;

  constructor(strings: Iterable<string>) {
    this.strings = new Set(strings).difference(EMPTY);
    this.overlap = Math.max(1, ...Array.from(this.strings, ({ length }) => length)) - 1;
    this.bytes = ByteSearch.of([...this.strings]);
  }
}

/** Every text holds it. */
const EMPTY: ReadonlySet<string> = new Set(['']);

/** Looks for them in a text that comes in pieces. */
export class Needles {
  readonly #missing: Set<string>;
  readonly #overlap: number;
  #tail = '';

  constructor({ strings, overlap }: Sought) {
    this.#missing = new Set(strings);
    this.#overlap = overlap;
  }

  /** Takes the next piece; true when all have been found. */
  feed(piece: string): boolean {
    if (piece === PART_BREAK) {
      // Nothing stands across it.
      this.#tail = '';
      return this.#missing.size === 0;
    }
    const text = this.#tail + fold(piece);
    for (const needle of this.#missing) if (text.includes(needle)) this.#missing.delete(needle);
    this.#tail = this.#overlap === 0 ? '' : text.slice(-this.#overlap);
    return this.#missing.size === 0;
  }

  /** Has it been found? */
  found(needle: string): boolean {
    return !this.#missing.has(needle);
  }
}
