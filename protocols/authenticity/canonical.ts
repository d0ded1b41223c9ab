// The "relaxed" forms of RFC 6376 3.4: what is signed of a header field and of a body, so that servers on the way may
// fold lines and change blanks without breaking the signature.

import type { Hash } from 'node:crypto';

/** RFC 6376 3.4.2: one field, with its CRLF. Text has one character per byte. */
export function relaxedField(name: string, value: string): string {
  return `${name.toLowerCase()}:${value
    .replace(/[\r\n]+/g, '')
    .replace(/[ \t]+/g, ' ')
    .trim()}\r\n`;
}

const LF = 0x0a;
const CR = 0x0d;
const TAB = 0x09;
const SPACE = 0x20;

/** Empty lines that are hashed at once. */
const LINES = 1_024;
const EMPTY_LINES = Buffer.from('\r\n'.repeat(LINES));

/** RFC 6376 3.4.4: a body on its way into a hash. Any CR, LF or both end a line, as they will when it is sent. */
export class RelaxedBody {
  readonly #hash: Hash;
  /** Line ends that count only if something follows. */
  #ends = 0;
  #blank = false;
  #cr = false;
  #some = false;

  constructor(hash: Hash) {
    this.#hash = hash;
  }

  write(chunk: Uint8Array): void {
    // A line end or a blank takes two bytes at most, and whatever was held back comes first.
    const out = Buffer.allocUnsafe(2 * chunk.length + 1);
    let at = 0;
    for (const byte of chunk) {
      const afterCr = this.#cr;
      this.#cr = byte === CR;
      if (byte === LF && afterCr) continue;
      if (byte === CR || byte === LF) {
        this.#ends++;
        this.#blank = false;
      } else if (byte === SPACE || byte === TAB) this.#blank = true;
      else {
        if (this.#ends > 0 && at + 2 * this.#ends + 2 > out.length) {
          this.#hash.update(out.subarray(0, at));
          at = 0;
          this.#flushEnds();
        }
        for (; this.#ends > 0; this.#ends--) {
          out[at++] = CR;
          out[at++] = LF;
        }
        if (this.#blank) out[at++] = SPACE;
        this.#blank = false;
        out[at++] = byte;
        this.#some = true;
      }
    }
    this.#hash.update(out.subarray(0, at));
  }

  /** The end: empty lines there do not count, and what is not empty ends with CRLF. */
  digest(): Buffer {
    if (this.#some) this.#hash.update('\r\n');
    return this.#hash.digest();
  }

  #flushEnds(): void {
    for (; this.#ends >= LINES; this.#ends -= LINES) this.#hash.update(EMPTY_LINES);
    this.#hash.update(EMPTY_LINES.subarray(0, 2 * this.#ends));
    this.#ends = 0;
  }
}
