// Content-Transfer-Encodings (RFC 2045 6) undone piece by piece; what is wrong in one is skipped or left as it stands.

import { latin1 } from './headers.ts';

/** Decodes bytes that come in pieces. */
export interface TransferDecoding {
  decode(bytes: Uint8Array): Uint8Array;
  /** What was still open at the end. */
  end(): Uint8Array;
}

/** The decoder of an encoding; an unknown one is taken as the bytes themselves. */
export function transferDecoding(encoding: string): TransferDecoding {
  switch (encoding) {
    case 'base64':
      return new Base64();
    case 'quoted-printable':
      return new QuotedPrintable();
    default:
      return { decode: (bytes) => bytes, end: () => NOTHING };
  }
}

/** An `=` that is neither a soft line break as nearly all are written, nor an `=` itself. */
const OTHER_ESCAPE = /=(?!\r\n|3D)/;

/**
 * A quoted-printable text of which only soft line breaks had to be undone: one character per byte, with `=3D` as it was
 * and white space left before line ends, so that a string without `=` which is not in it, and does not go over a line
 * end, is not in the text either. Null if there is more to it. It costs a fraction of what decoding does.
 */
export function withoutSoftBreaks(bytes: Uint8Array): string | null {
  const text = latin1(bytes);
  return OTHER_ESCAPE.test(text) ? null : text.replace(/=\r\n/g, '');
}

/** The same of bytes that are all there. */
export function transferDecoded(bytes: Uint8Array, encoding: string): Uint8Array {
  if (encoding !== 'base64' && encoding !== 'quoted-printable') return bytes;
  const decoding = transferDecoding(encoding);
  const decoded = decoding.decode(bytes);
  const rest = decoding.end();
  return rest.length === 0 ? decoded : Buffer.concat([decoded, rest]);
}

const NOTHING = new Uint8Array(0);
const LF = 10;
const CR = 13;
const EQUALS = 61;
const NOT_BASE64 = 255;

const BASE64 = new Uint8Array(256).fill(NOT_BASE64);
for (const [value, character] of [...'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'].entries()) {
  BASE64[character.charCodeAt(0)] = value;
}

/** RFC 2045 6.8: other characters are ignored; padding ends a run, and another may follow. */
class Base64 implements TransferDecoding {
  #bits = 0;
  #count = 0;

  decode(bytes: Uint8Array): Uint8Array {
    const out = new Uint8Array(Math.ceil((bytes.length * 3) / 4) + 1);
    let length = 0;
    let bits = this.#bits;
    let count = this.#count;
    for (let at = 0; at < bytes.length; at++) {
      const byte = bytes[at] ?? 0;
      const value = BASE64[byte] ?? NOT_BASE64;
      if (value !== NOT_BASE64) {
        bits = ((bits << 6) | value) & 0xffff;
        count += 6;
        if (count >= 8) {
          count -= 8;
          out[length++] = (bits >> count) & 0xff;
        }
      } else if (byte === EQUALS) {
        count = 0;
      }
    }
    this.#bits = bits;
    this.#count = count;
    return out.subarray(0, length);
  }

  end(): Uint8Array {
    return NOTHING;
  }
}

/** Longer white space before a line end is kept: it is held in memory. */
const MAX_SPACE = 1_000;

function hexValue(byte: number): number {
  if (byte >= 48 && byte <= 57) return byte - 48;
  const letter = byte | 32;
  return letter >= 97 && letter <= 102 ? letter - 87 : -1;
}

/** The byte that `=XX` at this place stands for; -1 if it does not, or does not end in this piece. */
function escapedByte(bytes: Uint8Array, at: number): number {
  if (at + 2 >= bytes.length) return -1;
  const high = hexValue(bytes[at + 1] ?? 0);
  const low = hexValue(bytes[at + 2] ?? 0);
  return high < 0 || low < 0 ? -1 : high * 16 + low;
}

/** How many bytes of white space before this place, but not before another, may go if a line ends here. */
function blankBefore(bytes: Uint8Array, end: number, least: number): number {
  let at = end;
  while (at > least && (bytes[at - 1] === 32 || bytes[at - 1] === 9)) at--;
  return (end - at) % MAX_SPACE;
}

/** Adds bytes without an `=` to what is there, of which the last ones are not settled; returns where they end. */
function addRun(out: Uint8Array, end: number, settledTo: number, run: Uint8Array): number {
  if (end === settledTo && keepsSpace(run)) {
    out.set(run, end);
    return end + run.length;
  }
  let length = end;
  for (const byte of run) {
    if (byte === LF || byte === CR) length -= blankBefore(out, length, settledTo);
    out[length++] = byte;
  }
  return length;
}

/** Is there no white space before any line end in it? Looking for the line ends alone is quicker than at each byte. */
function keepsSpace(run: Uint8Array): boolean {
  for (const end of [LF, CR]) {
    for (let at = run.indexOf(end); at >= 0; at = run.indexOf(end, at + 1)) {
      if (run[at - 1] === 32 || run[at - 1] === 9) return false;
    }
  }
  return true;
}

/** RFC 2045 6.7: `=XX`, soft line breaks with white space after the `=`, white space before a line end removed. */
class QuotedPrintable implements TransferDecoding {
  /** Bytes since an `=` that are not decided yet, with it. */
  #open: number[] = [];
  /** White space at the end of the last piece, which goes if a line end follows. */
  #space = NOTHING;

  decode(bytes: Uint8Array): Uint8Array {
    const out = new Uint8Array(bytes.length + this.#open.length + this.#space.length + 2);
    out.set(this.#space);
    let length = this.#space.length;
    // What an `=` stands for, and all before it, is no white space that may go.
    let settledTo = 0;
    let isOpen = this.#open.length > 0;
    for (let at = 0; at < bytes.length; ) {
      const byte = bytes[at] ?? 0;
      if (isOpen) {
        const settled = this.#escaped(byte);
        if (settled === undefined) {
          at++;
          continue;
        }
        isOpen = false;
        for (const one of settled.bytes) out[length++] = one;
        settledTo = length;
        if (settled.taken) at++;
      } else if (byte === EQUALS) {
        const value = escapedByte(bytes, at);
        if (bytes[at + 1] === CR && bytes[at + 2] === LF) {
          at += 3;
        } else if (value < 0) {
          this.#open.push(byte);
          isOpen = true;
          at++;
        } else {
          out[length++] = value;
          at += 3;
        }
        settledTo = length;
      } else {
        const next = bytes.indexOf(EQUALS, at);
        const run = bytes.subarray(at, next < 0 ? bytes.length : next);
        length = addRun(out, length, settledTo, run);
        at += run.length;
      }
    }
    const blank = blankBefore(out, length, settledTo);
    this.#space = blank === 0 ? NOTHING : out.slice(length - blank, length);
    return out.subarray(0, length - blank);
  }

  /**
   * One more byte after an `=`: undefined while it is not decided, else the bytes that come out, and whether this one
   * is among what they stand for.
   */
  #escaped(byte: number): { bytes: readonly number[]; taken: boolean } | undefined {
    const open = this.#open;
    const [, second = -1] = open;
    const blank = byte === 32 || byte === 9 || byte === CR;
    if (open.length === 1 && (hexValue(byte) >= 0 || blank)) {
      open.push(byte);
      return undefined;
    }
    const high = hexValue(second);
    if (high >= 0) {
      const low = hexValue(byte);
      this.#open = [];
      return low < 0 ? { bytes: open, taken: false } : { bytes: [high * 16 + low], taken: true };
    }
    if (byte === LF) {
      this.#open = [];
      return { bytes: [], taken: true };
    }
    if (blank && open.length > 1 && open.length < MAX_SPACE) {
      open.push(byte);
      return undefined;
    }
    this.#open = [];
    return { bytes: open, taken: false };
  }

  end(): Uint8Array {
    const [, second = -1] = this.#open;
    const soft = this.#open.length === 1 || (this.#open.length > 1 && hexValue(second) < 0);
    return soft ? this.#space : Uint8Array.from(this.#open);
  }
}
