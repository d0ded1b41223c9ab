// A message as a multi-line response (RFC 1939 3): lines that begin with a dot get a second one, the last line is
// ended, and a dot alone closes it. The octets counted in LIST and STAT are those without the doubled dots.
import type { ReplyWriter } from '../net/reply-writer.ts';

const LF = 0x0a;
const CR = 0x0d;
const DOT = 0x2e;
const LF_DOT = Buffer.from('\n.');

/**
 * Writes pieces of a message in order. A dot after a bare LF is doubled too: many clients take a bare LF for a line's
 * end, and would read a lone dot there as the end of the message, and what follows as our next replies.
 */
export class MessageWriter {
  readonly #out: ReplyWriter;
  #last = LF;
  #beforeLast = CR;

  constructor(out: ReplyWriter) {
    this.#out = out;
  }

  /** A piece that stays as it is. */
  write(piece: Uint8Array): void {
    this.#write(piece, (bytes) => this.#out.bytes(bytes));
  }

  /** A piece that the caller may change when this returns. */
  copy(piece: Uint8Array): void {
    this.#write(piece, (bytes) => this.#out.copy(bytes));
  }

  #write(piece: Uint8Array, put: (bytes: Uint8Array) => void): void {
    if (piece.length === 0) return;
    const bytes = Buffer.from(piece.buffer, piece.byteOffset, piece.length);
    if (this.#last === LF && bytes[0] === DOT) this.#out.text('.');
    let from = 0;
    for (let at = bytes.indexOf(LF_DOT); at >= 0; at = bytes.indexOf(LF_DOT, from)) {
      put(bytes.subarray(from, at + 1));
      this.#out.text('.');
      from = at + 1;
    }
    put(from === 0 ? bytes : bytes.subarray(from));
    this.#beforeLast = bytes.length > 1 ? (bytes[bytes.length - 2] ?? 0) : this.#last;
    this.#last = bytes[bytes.length - 1] ?? 0;
  }

  /** Ends the last line if it is open, and the response. */
  end(): void {
    this.#out.text(this.#last === LF && this.#beforeLast === CR ? '.\r\n' : '\r\n.\r\n');
  }
}

/** Cuts a message after its header, the empty line, and a number of lines of its body (TOP, RFC 1939 7). */
export class TopCutter {
  #lines: number;
  #inHeader = true;
  #lineIsEmpty = true;
  /** Nothing more is wanted. */
  done = false;

  constructor(lines: number) {
    this.#lines = lines;
  }

  /** The part of the next piece that belongs to the answer. */
  cut(piece: Uint8Array): Uint8Array {
    let at = this.#inHeader ? this.#skipHeader(piece) : 0;
    if (this.#inHeader) return piece;
    const bytes = Buffer.from(piece.buffer, piece.byteOffset, piece.length);
    while (this.#lines > 0) {
      const end = bytes.indexOf(LF, at);
      if (end < 0) return piece;
      at = end + 1;
      this.#lines -= 1;
    }
    this.done = true;
    return piece.subarray(0, at);
  }

  /** Where the body begins in this piece, if it does. */
  #skipHeader(piece: Uint8Array): number {
    for (let at = 0; at < piece.length; at++) {
      const byte = piece[at];
      if (byte === LF) {
        if (this.#lineIsEmpty) {
          this.#inHeader = false;
          return at + 1;
        }
        this.#lineIsEmpty = true;
      } else if (byte !== CR) {
        this.#lineIsEmpty = false;
      }
    }
    return piece.length;
  }
}
