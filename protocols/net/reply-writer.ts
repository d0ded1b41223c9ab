// Writes replies into buffers: one socket write for many lines, no string per line.

import { OUTPUT_CHUNK_BYTES, OUTPUT_FIRST_BYTES } from './limits.ts';
import { OutputBuffers } from './output-buffers.ts';

/** Up to this length a string is copied character by character, which beats a call into the runtime. */
const SHORT_TEXT = 24;

/** Gets output. `lent`: the buffer that it lies in, to be given back when it is written; null if it is the sink's own. */
export type Sink = (chunk: Buffer, lent: Buffer | null) => void;

/**
 * Collects output. `sink` gets each full buffer and, at `flush`, the rest. Nothing is allocated while nothing is pending,
 * so an idle connection holds no buffer.
 */
export class ReplyWriter {
  readonly #sink: Sink;
  readonly #buffers: OutputBuffers;
  #chunk: Buffer | null = null;
  #length = 0;

  constructor(sink: Sink, buffers: OutputBuffers = new OutputBuffers(0)) {
    this.#sink = sink;
    this.#buffers = buffers;
  }

  /** Bytes collected and not yet handed on. */
  get pending(): number {
    return this.#length;
  }

  /** Text whose characters are all below U+0100, one byte each (protocol text; stored ASCII). */
  text(text: string): this {
    const length = text.length;
    if (length > OUTPUT_CHUNK_BYTES) return this.#pieces(text);
    const chunk = this.#room(length);
    let at = this.#length;
    if (length <= SHORT_TEXT) {
      for (let index = 0; index < length; index++) chunk[at++] = text.charCodeAt(index);
    } else {
      chunk.write(text, at, 'latin1');
      at += length;
    }
    this.#length = at;
    return this;
  }

  /** A non-negative integer in decimal. */
  number(value: number): this {
    if (value >= 0x7fffffff) return this.text(value.toString());
    const chunk = this.#room(10);
    let digits = 1;
    for (let rest = value; rest >= 10; rest = (rest / 10) | 0) digits++;
    let rest = value | 0;
    for (let at = this.#length + digits - 1; at >= this.#length; at--) {
      const next = (rest / 10) | 0;
      chunk[at] = 48 + rest - next * 10;
      rest = next;
    }
    this.#length += digits;
    return this;
  }

  /** Bytes, copied when they are few, else handed on as they are (the caller no longer changes them). */
  bytes(bytes: Uint8Array): this {
    if (bytes.length > OUTPUT_CHUNK_BYTES / 4) {
      this.flush();
      this.#sink(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length), null);
      return this;
    }
    return this.copy(bytes);
  }

  /** Bytes, however many, that the caller may change when this returns. */
  copy(bytes: Uint8Array): this {
    for (let from = 0; from < bytes.length; ) {
      const piece = bytes.length > OUTPUT_CHUNK_BYTES ? bytes.subarray(from, from + OUTPUT_CHUNK_BYTES) : bytes;
      this.#room(piece.length).set(piece, this.#length);
      this.#length += piece.length;
      from += piece.length;
    }
    return this;
  }

  /** Bytes [start, end) of a buffer, which the caller may change when this returns. */
  part(bytes: Buffer, start: number, end: number): this {
    if (end - start > OUTPUT_CHUNK_BYTES) return this.copy(bytes.subarray(start, end));
    const chunk = this.#room(end - start);
    bytes.copy(chunk, this.#length, start, end);
    this.#length += end - start;
    return this;
  }

  /** Text of any characters, as UTF-8. */
  utf8(text: string): this {
    return this.bytes(Buffer.from(text, 'utf8'));
  }

  /** A chunk that is complete, after what is pending; see Sink. */
  hand(chunk: Buffer, lent: Buffer | null): void {
    this.flush();
    this.#sink(chunk, lent);
  }

  /** Hands on what is pending. */
  flush(): void {
    if (this.#chunk === null) return;
    const chunk = this.#chunk;
    const length = this.#length;
    this.#chunk = null;
    this.#length = 0;
    const lent = chunk.length === OUTPUT_CHUNK_BYTES ? chunk : null;
    if (length > 0) this.#sink(length === chunk.length ? chunk : chunk.subarray(0, length), lent);
    else if (lent !== null) this.#buffers.give(lent);
  }

  /** Drops what is pending (the peer is gone). */
  discard(): void {
    this.#chunk = null;
    this.#length = 0;
  }

  #pieces(text: string): this {
    for (let at = 0; at < text.length; at += OUTPUT_CHUNK_BYTES) this.text(text.slice(at, at + OUTPUT_CHUNK_BYTES));
    return this;
  }

  /** The buffer with at least `bytes` free after #length; a first small one grows once, full ones are handed on. */
  #room(bytes: number): Buffer {
    const chunk = this.#chunk;
    if (chunk !== null && this.#length + bytes <= chunk.length) return chunk;
    const large = chunk !== null || bytes > OUTPUT_FIRST_BYTES;
    const next = large ? this.#buffers.take() : Buffer.allocUnsafe(OUTPUT_FIRST_BYTES);
    if (chunk !== null && this.#length + bytes <= next.length) next.set(chunk.subarray(0, this.#length));
    else this.flush();
    this.#chunk = next;
    return next;
  }
}
