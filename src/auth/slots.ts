// The process-wide slots for argon2 (DESIGN 5): at most `maximum` run at once over all threads, a bounded number waits,
// and the rest are told that it is impossible now.

import { QUEUE, SLOT_WAIT_MS } from './limits.ts';
import type { AuthShared } from './shared.ts';

const RUNNING = 0;
const WAITING = 1;

export class Slots {
  readonly #cells: Int32Array;
  readonly #maximum: number;
  /** Who waits in this thread waits in order: only the first of them watches the shared cell. */
  #last: Promise<unknown> = Promise.resolve();
  #waiting = 0;

  constructor(shared: AuthShared) {
    this.#cells = new Int32Array(shared.slots);
    this.#maximum = shared.maximum;
  }

  /** Runs `work` in a slot, or resolves undefined when there is none to be had. */
  async run<T>(work: () => Promise<T>): Promise<T | undefined> {
    if (!(await this.#acquire())) return undefined;
    try {
      return await work();
    } finally {
      Atomics.sub(this.#cells, RUNNING, 1);
      Atomics.notify(this.#cells, RUNNING, 1);
    }
  }

  async #acquire(): Promise<boolean> {
    if (this.#waiting === 0 && this.#take()) return true;
    const full = Atomics.add(this.#cells, WAITING, 1) >= QUEUE;
    this.#waiting++;
    try {
      if (full) return false;
      const deadline = performance.now() + SLOT_WAIT_MS;
      const turn = this.#last.then(() => this.#watch(deadline));
      this.#last = turn;
      return await turn;
    } finally {
      this.#waiting--;
      Atomics.sub(this.#cells, WAITING, 1);
    }
  }

  async #watch(deadline: number): Promise<boolean> {
    for (;;) {
      if (this.#take()) return true;
      const left = deadline - performance.now();
      if (left <= 0) return false;
      // Another thread's release changes the cell: the wait then returns at once, or it is woken.
      const wait = Atomics.waitAsync(this.#cells, RUNNING, this.#maximum, left);
      if (wait.async) await wait.value;
    }
  }

  #take(): boolean {
    for (;;) {
      const running = Atomics.load(this.#cells, RUNNING);
      if (running >= this.#maximum) return false;
      if (Atomics.compareExchange(this.#cells, RUNNING, running, running + 1) === running) return true;
    }
  }
}
