// The lock of one database in the whole process. Almost always nobody else wants it: then it is one cell of shared
// memory, taken and freed in less than a microsecond. Who finds it taken queues in a web lock (navigator.locks, 10 to
// 30 us), which is fair across threads; and while anybody queues, nobody takes the cell past them.

import type { StoreShared } from './shared.ts';

const FREE = 0;
const TAKEN = 1;

/** One thread's view of the lock of a database. */
export class ProcessLock {
  readonly #name: string;
  readonly #slot: number;
  /** Databases that share a slot wait for each other at times; none is taken while another is held. */
  readonly #taken: Int32Array;
  /** Those who queue; one that its thread's end has left there only makes the others queue too. */
  readonly #queued: Int32Array;

  constructor(shared: StoreShared, name: string, slot: number) {
    this.#name = `${shared.name}/${name}`;
    this.#slot = slot;
    this.#taken = new Int32Array(shared.taken);
    this.#queued = new Int32Array(shared.queued);
  }

  /** Takes it, if nobody has it and nobody waits for it; to be given back by `free`. */
  take(): boolean {
    return Atomics.load(this.#queued, this.#slot) === 0 && this.#take();
  }

  /** Runs work that begins when it is its turn, and frees the lock at its end. */
  async run(work: () => void | Promise<void>): Promise<void> {
    Atomics.add(this.#queued, this.#slot, 1);
    await navigator.locks.request(this.#name, async () => {
      // The first in the queue: only who took it before there was one is still to be waited for.
      while (!this.#take()) await Atomics.waitAsync(this.#taken, this.#slot, TAKEN).value;
      Atomics.sub(this.#queued, this.#slot, 1);
      try {
        await work();
      } finally {
        this.free();
      }
    });
  }

  free(): void {
    Atomics.store(this.#taken, this.#slot, FREE);
    // Counted before it looked at the cell: whoever found it taken is seen here.
    if (Atomics.load(this.#queued, this.#slot) > 0) Atomics.notify(this.#taken, this.#slot);
  }

  #take(): boolean {
    return Atomics.compareExchange(this.#taken, this.#slot, FREE, TAKEN) === FREE;
  }
}
