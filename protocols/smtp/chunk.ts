// A counted piece of content: passes so many octets on to the reader of the message, and then it is over.

import type { ContentReader } from './input.ts';

export class ChunkReader implements ContentReader {
  ended = false;
  readonly #reader: ContentReader;
  #left: number;

  constructor(reader: ContentReader, octets: number) {
    this.#reader = reader;
    this.#left = octets;
  }

  get content(): Uint8Array {
    return this.#reader.content;
  }

  read(chunk: Uint8Array, from: number): number {
    const end = Math.min(chunk.length, from + this.#left);
    this.#reader.read(chunk.subarray(0, end), from);
    this.#left -= end - from;
    this.ended = this.#left === 0;
    return end;
  }
}

/** For what is read and dropped. */
export const DISCARD: ContentReader = {
  content: new Uint8Array(0),
  ended: false,
  read: (chunk) => chunk.length,
};
