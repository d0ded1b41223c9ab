// Bytes collected up to a bound; what comes after it is dropped.

/** One for all: each Buffer of no bytes would still bring an ArrayBuffer of its own. */
const EMPTY = Buffer.alloc(0);

/** A buffer that grows by doubling, up to `limit` bytes. */
export class Collector {
  readonly #limit: number;
  #buffer = EMPTY;
  length = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  get full(): boolean {
    return this.length >= this.#limit;
  }

  add(chunk: Uint8Array): void {
    const needed = Math.min(this.length + chunk.length, this.#limit);
    if (needed > this.#buffer.length) this.#grow(needed);
    const taken = needed - this.length;
    if (taken > 0) this.#buffer.set(taken === chunk.length ? chunk : chunk.subarray(0, taken), this.length);
    this.length = needed;
  }

  #grow(needed: number): void {
    const grown = Buffer.allocUnsafe(Math.min(this.#limit, Math.max(needed, this.#buffer.length * 2)));
    if (this.length > 0) grown.set(this.#buffer.subarray(0, this.length));
    this.#buffer = grown;
  }

  bytes(): Buffer {
    return this.#buffer.subarray(0, this.length);
  }
}
