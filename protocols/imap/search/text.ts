// Texts as SEARCH compares them: any charset, case ignored in all scripts, accents significant (RFC 9051 6.4.4).

import iconv from 'iconv-lite';
import { ByteSearch } from '#storage/message/byte-search.ts';
import { decodeText, hasEightBit } from '#storage/message/charset.ts';
import { fold } from '#storage/message/fold.ts';
import { PART_BREAK } from '#storage/message/text.ts';
import { Refusal } from '../grammar/errors.ts';

/** How to make text of a search string's bytes (one character per byte). Unknown: NO [BADCHARSET] (RFC 9051 7.1). */
export function charsetDecoder(charset: string | null): (bytes: string) => string {
  const label = (charset ?? 'us-ascii').toLowerCase();
  // Clients send UTF-8 without saying so.
  if (label === 'us-ascii' || label === 'utf-8') return (bytes) => decoded(bytes, 'us-ascii');
  if (!isKnown(label)) throw new Refusal('BADCHARSET (US-ASCII UTF-8)', 'Unknown charset');
  return (bytes) => decoded(bytes, label);
}

function decoded(bytes: string, label: string): string {
  return hasEightBit(bytes) || label !== 'us-ascii' ? decodeText(Buffer.from(bytes, 'latin1'), label) : bytes;
}

function isKnown(label: string): boolean {
  if (iconv.encodingExists(label)) return true;
  try {
    new TextDecoder(label);
    return true;
  } catch (error) {
    if (error instanceof RangeError) return false; // not a label of the Encoding Standard
    throw error;
  }
}

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
