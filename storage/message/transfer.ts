// Content-Transfer-Encodings (RFC 2045 6) undone piece by piece; what is wrong in one is skipped or left as it stands.

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

/** RFC 2045 6.7: `=XX`, soft line breaks with white space after the `=`, white space before a line end removed. */
class QuotedPrintable implements TransferDecoding {
  /** Bytes since an `=` that are not decided yet, with it. */
  #open: number[] = [];
  /** White space that goes if a line end follows. */
  #space: number[] = [];

  decode(bytes: Uint8Array): Uint8Array {
    const out = new Uint8Array(bytes.length + this.#open.length + this.#space.length + 2);
    let length = 0;
    for (let at = 0; at < bytes.length; at++) {
      const byte = bytes[at] ?? 0;
      if (this.#open.length > 0) {
        const settled = this.#escaped(byte);
        if (settled === undefined) continue;
        for (const one of settled.bytes) out[length++] = one;
        if (settled.taken) continue;
      }
      if (byte === EQUALS || byte === 32 || byte === 9) {
        if (byte === EQUALS) {
          length = this.#keepSpace(out, length);
          this.#open.push(byte);
        } else {
          this.#space.push(byte);
          if (this.#space.length >= MAX_SPACE) length = this.#keepSpace(out, length);
        }
        continue;
      }
      if (byte === LF || byte === CR) this.#space.length = 0;
      else length = this.#keepSpace(out, length);
      out[length++] = byte;
    }
    return out.subarray(0, length);
  }

  #keepSpace(out: Uint8Array, length: number): number {
    let end = length;
    for (const byte of this.#space) out[end++] = byte;
    this.#space.length = 0;
    return end;
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
    return Uint8Array.from(soft ? this.#space : this.#open);
  }
}
