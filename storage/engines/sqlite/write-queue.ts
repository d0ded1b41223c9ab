// What one thread does under the lock of one database, in order of arrival. The first one asks for the process-wide lock
// (navigator.locks, fair across threads); a queue per thread, because that lock's own queue is slow when it is long.

import { StoreError } from '../../errors.ts';

/** Longest wait for a database's lock, ms: bulk operations take seconds, a client's patience ends at about a minute. */
const MAX_WAIT = 30_000;

interface Waiter {
  readonly deadline: number;
  readonly work: () => void | Promise<void>;
  readonly refuse: (error: StoreError) => void;
}

/** Runs pieces of work one after the other under the lock `name`. */
export class WriteQueue {
  readonly #name: string;
  #waiting: Waiter[] = [];
  #busy = false;

  constructor(name: string) {
    this.#name = name;
  }

  /** Runs `work` under the lock. Rejects with `busy` if the lock isn't had within the bound. */
  run<T>(work: () => T | Promise<T>): Promise<T> {
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
    if (!this.#busy) this.#drain();
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
      await navigator.locks.request(this.#name, () => this.#waiting.shift()?.work());
    }
    this.#busy = false;
  }
}
