// The forms of RFC 6376 3.4 in which header fields and a body are signed: "relaxed", in which servers on the way may fold
// lines and change blanks without breaking the signature, and "simple", in which they may not.

import type { Hash } from 'node:crypto';
import { trim } from '#storage/message/headers.ts';

/** RFC 6376 3.4.2: one field, with its CRLF. Text has one character per byte. */
export function relaxedField(name: string, value: string): string {
  // Not String.trim, to which the last byte of an "à" is a blank.
  return `${name.toLowerCase()}:${trim(value.replace(/[\r\n]+/g, '').replace(/[ \t]+/g, ' '))}\r\n`;
}

const LF = 0x0a;
const CR = 0x0d;
const TAB = 0x09;
const SPACE = 0x20;

/** Empty lines that are hashed at once. */
const LINES = 1_024;
const EMPTY_LINES = Buffer.from('\r\n'.repeat(LINES));

/** A body on its way into a hash. */
export interface CanonicalBody {
  write(chunk: Uint8Array): void;
  digest(): Buffer;
}

/** RFC 6376 3.4.4: a body on its way into a hash. Any CR, LF or both end a line, as they will when it is sent. */
export class RelaxedBody implements CanonicalBody {
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
    hashLines(this.#hash, this.#ends);
    this.#ends = 0;
  }
}

/** RFC 6376 3.4.3: the same as it stands, without the empty lines at its end. Lines have to end with CR LF. */
export class SimpleBody implements CanonicalBody {
  readonly #hash: Hash;
  /** Octets of line ends that count only if something follows. */
  #held = 0;

  constructor(hash: Hash) {
    this.#hash = hash;
  }

  write(chunk: Uint8Array): void {
    let end = chunk.length;
    while (end > 0 && (chunk[end - 1] === LF || chunk[end - 1] === CR)) end--;
    if (end > 0) {
      // A line end may be half in the chunk before.
      hashLines(this.#hash, this.#held >> 1);
      if (this.#held % 2 === 1) this.#hash.update('\r');
      this.#hash.update(chunk.subarray(0, end));
      this.#held = 0;
    }
    this.#held += chunk.length - end;
  }

  digest(): Buffer {
    return this.#hash.update('\r\n').digest();
  }
}

function hashLines(hash: Hash, count: number): void {
  let left = count;
  for (; left >= LINES; left -= LINES) hash.update(EMPTY_LINES);
  hash.update(EMPTY_LINES.subarray(0, 2 * left));
}
