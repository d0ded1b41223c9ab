// Reads a message once, as it streams in, by byte offsets: never holds the whole of it.

import { HEADER_BYTES } from './limits.ts';
import type { ScannedMessage } from './scanned.ts';

/** A push parser: write the message in pieces of any size, then ask for the outcome. */
export class MessageScanner {
  /** Bytes of the header block, as soon as its end was seen. */
  headerLength: number | undefined;
  #size = 0;
  #lines = 0;
  /** The current line has no bytes but CRs so far. */
  #empty = true;

  write(chunk: Uint8Array): void {
    const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length);
    let at = 0;
    if (this.headerLength === undefined) {
      at = this.#readHeader(bytes.subarray(0, HEADER_BYTES - this.#size));
      if (this.headerLength === undefined && this.#size + bytes.length >= HEADER_BYTES)
        this.headerLength = HEADER_BYTES;
    }
    for (let next = bytes.indexOf(10, at); next >= 0; next = bytes.indexOf(10, next + 1)) this.#lines++;
    this.#size += bytes.length;
  }

  #readHeader(bytes: Buffer): number {
    for (let at = 0; at < bytes.length; at++) {
      const byte = bytes[at];
      if (byte === 10) {
        if (this.#empty) {
          this.headerLength = this.#size + at + 1;
          return at + 1;
        }
        this.#empty = true;
      } else if (byte !== 13) this.#empty = false;
    }
    return bytes.length;
  }

  end(): ScannedMessage {
    this.headerLength ??= this.#size;
    const text = `("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" ${this.#size - this.headerLength} ${this.#lines} NIL NIL NIL NIL)`;
    return {
      size: this.#size,
      headerLength: this.headerLength,
      envelope: '(NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL)',
      structure: `${text}\n0 ${this.headerLength} ${this.#size}`,
      preview: '',
      sent: null,
      messageId: '',
      references: [],
      traits: 0,
    };
  }
}
