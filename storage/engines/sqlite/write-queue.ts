// What one thread does under the lock of one database, in order of arrival. The first one asks for the process-wide lock
// (process-lock.ts); a queue per thread, because that lock's own queue is slow when it is long.

import { StoreError } from '../../errors.ts';
import type { ProcessLock } from './process-lock.ts';

/** Longest wait for a database's lock, ms: bulk operations take seconds, a client's patience ends at about a minute. */
const MAX_WAIT = 30_000;

interface Waiter {
  readonly deadline: number;
  readonly work: () => void | Promise<void>;
  readonly refuse: (error: StoreError) => void;
}

/** Runs pieces of work one after the other under a lock. */
export class WriteQueue {
  readonly #lock: ProcessLock;
  /** Of the database, for messages. */
  readonly #name: string;
  #waiting: Waiter[] = [];
  #busy = false;

  constructor(lock: ProcessLock, name: string) {
    this.#lock = lock;
    this.#name = name;
  }

  /**
   * Runs `work` under the lock: at once, if it is free, and then what `work` returns or throws comes as it is. Rejects
   * with `busy` if the lock isn't had within the bound.
   */
  run<T>(work: () => T | Promise<T>): T | Promise<T> {
    if (this.#busy || !this.#lock.take()) return this.#later(work);
    this.#busy = true;
    let result: T | Promise<T>;
    try {
      result = work();
    } catch (error) {
      this.#end();
      throw error;
    }
    if (result instanceof Promise) return result.finally(() => this.#end());
    this.#end();
    return result;
  }

  #end(): void {
    this.#lock.free();
    this.#busy = false;
    if (this.#waiting.length > 0) void this.#drain();
  }

  #later<T>(work: () => T | Promise<T>): Promise<T> {
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    this.#waiting.push({
      deadline: performance.now() + MAX_WAIT,
      work: async () => {
        try {
          resolve(await work());
        } catch (error) {
          reject(error);
        }
      },
      refuse: reject,
    });
    if (!this.#busy) void this.#drain();
    return promise;
  }

  /** Refuses those who have waited too long; called now and then. */
  expire(now: number): void {
    const fresh = this.#waiting.findIndex((waiter) => waiter.deadline > now);
    const late = this.#waiting.splice(0, fresh === -1 ? this.#waiting.length : fresh);
    for (const waiter of late)
      waiter.refuse(new StoreError('busy', `${this.#name} was not free within ${MAX_WAIT} ms`));
  }

  async #drain(): Promise<void> {
    this.#busy = true;
    while (this.#waiting.length > 0) {
      // One a lock, so that other threads get their turn between two of ours.
      await this.#lock.run(() => this.#waiting.shift()?.work());
    }
    this.#busy = false;
  }
}
