// A stored message's bytes by ranges: the prefix as it is, the header block from its row, the body from its row or its
// blob. Nothing is decompressed before it is asked for.

import { StoreError } from '../errors.ts';
import { HEADER_BYTES } from '../message/limits.ts';
import type { MessageBody, MessageContent, Span } from '../ports.ts';
import { asStoreError } from './faults.ts';
import { INLINE_BYTES } from './limits.ts';
import type { Packer, Packers } from './packer.ts';
import type { BlobReader } from './port.ts';

export interface StoredContent {
  /** prefix + message, in bytes (message.size). */
  readonly size: number;
  readonly prefix: Uint8Array;
  /** zstd of the header block. */
  readonly header: Uint8Array;
  /** zstd of the body, or how to open its blob. */
  readonly body: Uint8Array | (() => Promise<BlobReader>);
}

/** MessageContent (storage/ports.ts) over what `content` and `blobs` hold. */
export function messageContent(stored: StoredContent, packers: Packers): MessageContent {
  return new StoredMessage(stored, packers);
}

/** MessageBody over zstd of the body; null if it is not here. */
export function messageBody(body: Uint8Array | null, packers: Packers): MessageBody {
  return { lookAtBody: (spans, reader) => body !== null && lookAtBody(packers, body, spans, reader) };
}

function lookAtBody(
  packers: Packers,
  body: Uint8Array,
  spans: readonly Span[],
  reader: (plain: Uint8Array) => void,
): true {
  lookAt(packers.body, body, INLINE_BYTES, 'a body', reader, spans);
  return true;
}

/** A message of which no bytes are there. */
export function missingContent(message: number, size: number): MessageContent {
  const refuse = (): never => {
    throw new StoreError('unavailable', `message ${message} has no content`);
  };
  return { size, prefixLength: 0, read: refuse, bytes: async () => refuse(), look: refuse, lookAtBody: refuse };
}

/** Decompresses a header block of `content.header`. Errors: unavailable. */
export function plainHeader(packer: Packer, compressed: Uint8Array): Uint8Array {
  return plain(packer, compressed, HEADER_BYTES, 'a header block');
}

/** The same for a reader that only looks (see Packer.look). Errors: unavailable. */
export function lookAtHeader<T>(packer: Packer, compressed: Uint8Array, reader: (header: Uint8Array) => T): T {
  return lookAt(packer, compressed, HEADER_BYTES, 'a header block', reader);
}

function lookAt<T>(
  packer: Packer,
  compressed: Uint8Array,
  maxBytes: number,
  what: string,
  reader: (plain: Uint8Array) => T,
  spans?: readonly Span[],
): T {
  let read = false;
  try {
    return packer.look(
      compressed,
      maxBytes,
      (plain) => {
        read = true;
        return reader(plain);
      },
      spans,
    );
  } catch (cause) {
    if (read) throw cause;
    throw new StoreError('unavailable', `${what} is damaged`, { cause });
  }
}

function plain(packer: Packer, compressed: Uint8Array, maxBytes: number, what: string): Uint8Array {
  try {
    return packer.unpack(compressed, maxBytes);
  } catch (cause) {
    throw new StoreError('unavailable', `${what} is damaged`, { cause });
  }
}

class StoredMessage implements MessageContent {
  readonly size: number;
  readonly prefixLength: number;
  readonly #stored: StoredContent;
  readonly #packers: Packers;
  #header: Uint8Array | undefined;
  #body: Uint8Array | undefined;

  constructor(stored: StoredContent, packers: Packers) {
    this.#packers = packers;
    this.#stored = stored;
    this.size = stored.size;
    this.prefixLength = stored.prefix.length;
  }

  async *read(start = 0, end = this.size): AsyncGenerator<Uint8Array> {
    const stop = Math.min(end, this.size);
    if (start >= stop) return;
    const { prefix } = this.#stored;
    if (start < prefix.length) yield prefix.subarray(start, stop);
    if (stop <= prefix.length) return;
    this.#header ??= plainHeader(this.#packers.header, this.#stored.header);
    const header = this.#header;
    const headerEnd = prefix.length + header.length;
    if (start < headerEnd) {
      const piece = header.subarray(Math.max(0, start - prefix.length), stop - prefix.length);
      if (piece.length > 0) yield piece;
    }
    if (stop > headerEnd)
      yield* this.#readBody(Math.max(0, start - headerEnd), stop - headerEnd, this.size - headerEnd);
  }

  async *#readBody(start: number, end: number, size: number): AsyncGenerator<Uint8Array> {
    const { body } = this.#stored;
    if (typeof body !== 'function') {
      this.#body ??= plain(this.#packers.body, body, INLINE_BYTES, 'a body');
      if (this.#body.length !== size) throw wrongSize();
      yield this.#body.subarray(start, end);
      return;
    }
    await using reader = await body();
    if (reader.size !== size) throw wrongSize();
    try {
      yield* reader.read(start, end);
    } catch (cause) {
      throw asStoreError(cause, 'a body could not be read');
    }
  }

  look(start: number, end: number, reader: (pieces: readonly Uint8Array[]) => void): boolean {
    const { prefix, header } = this.#stored;
    const stop = Math.min(end, this.size);
    const first = start < Math.min(prefix.length, stop) ? [prefix.subarray(start, stop)] : [];
    if (stop <= prefix.length) {
      reader(first);
      return true;
    }
    return lookAtHeader(this.#packers.header, header, (block) => {
      const bodyAt = prefix.length + block.length;
      const pieces = start < bodyAt ? [...first, cut(block, start - prefix.length, stop - prefix.length)] : first;
      if (stop > bodyAt)
        return this.#lookAtBody(bodyAt, (body) => reader([...pieces, cut(body, start - bodyAt, stop - bodyAt)]));
      reader(pieces);
      return true;
    });
  }

  lookAtBody(spans: readonly Span[], reader: (body: Uint8Array) => void): boolean {
    const { body } = this.#stored;
    return typeof body !== 'function' && lookAtBody(this.#packers, body, spans, reader);
  }

  /** The header is looked at meanwhile: each kind is unpacked into a place of its own. */
  #lookAtBody(bodyAt: number, reader: (body: Uint8Array) => void): boolean {
    const { body } = this.#stored;
    if (typeof body === 'function') return false;
    lookAt(this.#packers.body, body, INLINE_BYTES, 'a body', (plain) => {
      if (plain.length !== this.size - bodyAt) throw wrongSize();
      reader(plain);
    });
    return true;
  }

  async bytes(start = 0, end = this.size): Promise<Uint8Array> {
    const pieces: Uint8Array[] = [];
    for await (const piece of this.read(start, end)) pieces.push(piece);
    const [only] = pieces;
    return pieces.length === 1 && only !== undefined ? only : Buffer.concat(pieces);
  }
}

/** Bytes [start, end) of a piece that may begin after its start. */
function cut(piece: Uint8Array, start: number, end: number): Uint8Array {
  return piece.subarray(Math.max(0, start), end);
}

function wrongSize(): StoreError {
  return new StoreError('unavailable', 'a body has another size than its row says');
}
