// A bounded table in shared memory: from a keyed hash to a time. It never grows: a new row takes the place of the row of
// its bucket whose time is first. A time that has passed means nothing is known.

/** 32-bit words of a row: two of the hash, one of the time. */
export const ROW_WORDS = 3;
const BUCKET_ROWS = 8;
const BUCKET_WORDS = BUCKET_ROWS * ROW_WORDS;
/** How long a waiter sleeps at most before it looks again at the lock, which is held for microseconds. */
const LOCK_MS = 1;

/** 64 bits of a keyed hash. */
export type Key = readonly [number, number];

export class SharedTable {
  readonly #words: Int32Array;
  readonly #buckets: number;

  /** The first word is the lock, then come the rows. */
  constructor(memory: SharedArrayBuffer) {
    this.#words = new Int32Array(memory);
    this.#buckets = Math.floor((this.#words.length - 1) / BUCKET_WORDS);
  }

  /** The time of a key, or 0. */
  get(key: Key): number {
    return this.#locked(() => {
      const row = this.#find(key);
      return row < 0 ? 0 : (this.#words[row + 2] ?? 0);
    });
  }

  /** Replaces the time of a key by what `change` makes of it (0 when there is none); returns the new time. */
  update(key: Key, change: (time: number) => number): number {
    return this.#locked(() => {
      let row = this.#find(key);
      const time = change(row < 0 ? 0 : (this.#words[row + 2] ?? 0));
      if (row < 0) row = this.#evict(key);
      this.#words[row] = key[0];
      this.#words[row + 1] = key[1];
      this.#words[row + 2] = time;
      return time;
    });
  }

  #bucket(key: Key): number {
    return 1 + ((key[0] >>> 0) % this.#buckets) * BUCKET_WORDS;
  }

  #find(key: Key): number {
    const start = this.#bucket(key);
    for (let row = start; row < start + BUCKET_WORDS; row += ROW_WORDS) {
      if (this.#words[row] === key[0] && this.#words[row + 1] === key[1]) return row;
    }
    return -1;
  }

  #evict(key: Key): number {
    const start = this.#bucket(key);
    let first = start;
    for (let row = start; row < start + BUCKET_WORDS; row += ROW_WORDS) {
      if ((this.#words[row + 2] ?? 0) < (this.#words[first + 2] ?? 0)) first = row;
    }
    return first;
  }

  #locked<T>(work: () => T): T {
    while (Atomics.compareExchange(this.#words, 0, 0, 1) !== 0) Atomics.wait(this.#words, 0, 1, LOCK_MS);
    try {
      return work();
    } finally {
      Atomics.store(this.#words, 0, 0);
      Atomics.notify(this.#words, 0, 1);
    }
  }
}
