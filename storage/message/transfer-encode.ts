// Content-Transfer-Encodings (RFC 2045 6) made piece by piece: what transfer.ts undoes.

/** Encodes bytes that come in pieces. */
export interface TransferEncoder {
  encode(bytes: Uint8Array): Uint8Array;
  /** What was still open at the end. */
  end(): Uint8Array;
}

/** RFC 2045 6.7 and 6.8: a line has at most 76 characters, the `=` of a soft line break included. */
const LINE = 76;
const LINE_BYTES = (LINE / 4) * 3;

const TAB = 9;
const LF = 10;
const CR = 13;
const SPACE = 32;
const EQUALS = 61;
const NONE = -1;
const HEX = Buffer.from('0123456789ABCDEF');

/** Of text: CR LF stays a line end; a bare CR or LF, and a blank before a line end, are written out. */
export class QuotedPrintableEncoder implements TransferEncoder {
  #out = Buffer.alloc(0);
  #length = 0;
  #column = 0;
  /** A CR or a blank, of which what follows decides. */
  #held = NONE;

  encode(bytes: Uint8Array): Uint8Array {
    // Every byte as three characters, and a soft break of three after each 24 of them.
    this.#begin((bytes.length + 1) * 4);
    for (const byte of bytes) this.#take(byte);
    return this.#out.subarray(0, this.#length);
  }

  end(): Uint8Array {
    this.#begin(8);
    if (this.#held !== NONE) this.#escape(this.#held);
    this.#held = NONE;
    return this.#out.subarray(0, this.#length);
  }

  #begin(size: number): void {
    this.#out = Buffer.allocUnsafe(size);
    this.#length = 0;
  }

  #take(byte: number): void {
    const held = this.#held;
    this.#held = NONE;
    if (held === CR && byte === LF) {
      this.#lineEnd();
      return;
    }
    if (held === CR || (held !== NONE && (byte === CR || byte === LF))) this.#escape(held);
    else if (held !== NONE) this.#literal(held);
    if (byte === CR || byte === SPACE || byte === TAB) this.#held = byte;
    else if (byte > SPACE && byte < 127 && byte !== EQUALS) this.#literal(byte);
    else this.#escape(byte);
  }

  #lineEnd(): void {
    this.#out[this.#length++] = CR;
    this.#out[this.#length++] = LF;
    this.#column = 0;
  }

  #literal(byte: number): void {
    this.#room(1);
    this.#out[this.#length++] = byte;
  }

  #escape(byte: number): void {
    this.#room(3);
    this.#out[this.#length++] = EQUALS;
    this.#out[this.#length++] = HEX[byte >> 4] as number;
    this.#out[this.#length++] = HEX[byte & 15] as number;
  }

  #room(characters: number): void {
    if (this.#column + characters > LINE - 1) {
      this.#out[this.#length++] = EQUALS;
      this.#lineEnd();
    }
    this.#column += characters;
  }
}

export class Base64Encoder implements TransferEncoder {
  #held = Buffer.alloc(0);

  encode(bytes: Uint8Array): Uint8Array {
    const all = Buffer.concat([this.#held, bytes]);
    const whole = all.length - (all.length % LINE_BYTES);
    this.#held = all.subarray(whole);
    return lines(all.subarray(0, whole));
  }

  end(): Uint8Array {
    const rest = this.#held;
    this.#held = Buffer.alloc(0);
    return lines(rest);
  }
}

function lines(bytes: Buffer): Uint8Array {
  const text = bytes.toString('base64');
  return Buffer.from((text.match(/.{1,76}/g) ?? []).map((line) => `${line}\r\n`).join(''));
}

/** All of it at once. */
export function encodeWhole(encoder: TransferEncoder, bytes: Uint8Array): Buffer {
  return Buffer.concat([encoder.encode(bytes), encoder.end()]);
}
