// Wake-ups: after each durable commit the database's generation is raised and its subscribers are woken; those of this
// thread directly, those of other threads by one merged message a turn of the event loop.

import { Broadcast } from '../../broadcast.ts';
import type { StoreLog } from '../../log.ts';
import type { DatabaseKey } from '../port.ts';
import { type StoreShared, slotOf } from './shared.ts';

/** Generations and subscribers of one thread. */
export class Feed {
  readonly #generations: Int32Array;
  readonly #subscribed: Int32Array;
  readonly #channel: Broadcast<number[]>;
  readonly #log: StoreLog;
  readonly #wakes = new Map<number, Set<() => void>>();
  readonly #raised = new Set<number>();

  constructor(shared: StoreShared, log: StoreLog) {
    this.#generations = new Int32Array(shared.generations);
    this.#subscribed = new Int32Array(shared.subscribed);
    this.#log = log;
    this.#channel = new Broadcast(`${shared.name}-feed`, (slots) => {
      for (const slot of slots) this.#wake(slot);
    });
  }

  generation(db: DatabaseKey): number {
    return Atomics.load(this.#generations, slotOf(db));
  }

  /** To be called when a commit is durable, before it is answered; `operations`: how many were in it. */
  raise(db: DatabaseKey, operations = 1): void {
    const slot = slotOf(db);
    Atomics.add(this.#generations, slot, operations);
    this.#wake(slot);
    const here = this.#wakes.has(slot) ? 1 : 0;
    if (Atomics.load(this.#subscribed, slot) === here) return;
    if (this.#raised.size === 0) setImmediate(() => this.#tellOthers());
    this.#raised.add(slot);
  }

  subscribe(db: DatabaseKey, wake: () => void): Disposable {
    const slot = slotOf(db);
    // A wrapper of its own: the same function may subscribe twice.
    const entry = () => wake();
    const wakes = this.#wakes.get(slot) ?? new Set();
    if (wakes.size === 0) {
      this.#wakes.set(slot, wakes);
      Atomics.add(this.#subscribed, slot, 1);
    }
    wakes.add(entry);
    return {
      [Symbol.dispose]: () => {
        if (!wakes.delete(entry) || wakes.size > 0) return;
        this.#wakes.delete(slot);
        Atomics.sub(this.#subscribed, slot, 1);
      },
    };
  }

  close(): void {
    if (this.#raised.size > 0) this.#tellOthers();
    for (const slot of this.#wakes.keys()) Atomics.sub(this.#subscribed, slot, 1);
    this.#wakes.clear();
    this.#channel.close();
  }

  #tellOthers(): void {
    this.#channel.tell([...this.#raised]);
    this.#raised.clear();
  }

  #wake(slot: number): void {
    for (const wake of this.#wakes.get(slot) ?? []) {
      try {
        wake();
      } catch (error) {
        this.#log.error({ err: error }, 'a subscriber of the feed failed');
      }
    }
  }
}
