// Bytes collected up to a bound; what comes after it is dropped.

/** A buffer that grows by doubling, up to `limit` bytes. */
export class Collector {
  readonly #limit: number;
  #buffer = Buffer.allocUnsafe(0);
  length = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  get full(): boolean {
    return this.length >= this.#limit;
  }

  add(chunk: Uint8Array): void {
    const needed = Math.min(this.length + chunk.length, this.#limit);
    if (needed > this.#buffer.length) {
      const grown = Buffer.allocUnsafe(Math.min(this.#limit, Math.max(needed, this.#buffer.length * 2)));
      grown.set(this.#buffer.subarray(0, this.length));
      this.#buffer = grown;
    }
    this.#buffer.set(chunk.subarray(0, needed - this.length), this.length);
    this.length = needed;
  }

  bytes(): Buffer {
    return this.#buffer.subarray(0, this.length);
  }
}
