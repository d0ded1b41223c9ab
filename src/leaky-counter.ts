// Counts that fall by one at a time, in memory that all threads share: a row of the table holds the time at which the
// last thing counted will be forgotten, so a count costs one word and needs no sweeper.

import { createHmac } from 'node:crypto';
import type { Key, SharedTable } from './auth/table.ts';

/** The tables count in ticks of this, so that 32 bits last for years. */
export const TICK_MS = 100;

export class LeakyCounter {
  readonly #table: SharedTable;
  /** Ticks after which one is forgotten. */
  readonly #forget: number;
  readonly #now: () => number;

  /** `now` in ticks. */
  constructor(table: SharedTable, forgetMs: number, now: () => number) {
    this.#table = table;
    this.#forget = forgetMs / TICK_MS;
    this.#now = now;
  }

  /** What is not forgotten yet. */
  count(key: Key): number {
    return this.#countAt(this.#table.get(key));
  }

  /** Counts one more, up to `cap`; what is not forgotten yet. */
  add(key: Key, cap: number): number {
    const now = this.#now();
    const most = now + cap * this.#forget;
    return this.#countAt(this.#table.update(key, (until) => Math.min(Math.max(until, now) + this.#forget, most)));
  }

  clear(key: Key): void {
    if (this.count(key) > 0) this.#table.update(key, () => 0);
  }

  #countAt(until: number): number {
    return Math.max(0, Math.ceil((until - this.#now()) / this.#forget));
  }
}

/** The row of these parts; nobody without the secret can aim at another's. */
export function rowKey(secret: Uint8Array, parts: readonly string[]): Key {
  const hash = createHmac('sha256', secret).update(parts.join('\0')).digest();
  return [hash.readInt32LE(0) | 1, hash.readInt32LE(4)]; // never both zero: an empty row is nobody's
}
