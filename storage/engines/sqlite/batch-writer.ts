// The writers of one database in one thread, as batches: who comes while a sync is in flight could not be answered before
// the next one anyway, so all who came meanwhile share one transaction, its pages and its sync.

import { StoreError } from '../../errors.ts';
import type { Op } from '../../operation.ts';
import type { Outcome } from './database.ts';
import type { WriteQueue } from './write-queue.ts';

/** Most operations that may wait for one database in one thread: beyond it, waiting would outlast any client. */
const MAX_WAITING = 5_000;
/** Most operations of one batch; the database also stops it by time. */
const MAX_BATCH = 100;

interface Waiting {
  readonly op: () => Op<unknown>;
  readonly resolve: (value: never) => void;
  readonly reject: (error: unknown) => void;
  /** Of one of a series: is told what it came to as soon as it is committed. */
  readonly committed: ((value: never) => void) | null;
  /** The sync in hand is that of a part of the same series, on which nobody's answer rests: no need to wait for it. */
  readonly goesOn: boolean;
}

/** An operation of a series: what follows it can begin once it is committed. */
export interface InSeries<T> {
  committed(value: T): void;
  /** It is not the first one. */
  readonly goesOn: boolean;
}

export interface BatchCalls<C extends { readonly outcomes: readonly Outcome[] }> {
  /** Runs the first of these operations, at least one, in a transaction; called under the lock. */
  commit(ops: readonly (() => Op<unknown>)[]): C | Promise<C>;
  /** Makes what was committed durable, and tells those who follow the database. */
  settle(committed: C): Promise<void>;
}

/** Collects operations into batches. */
export class BatchWriter<C extends { readonly outcomes: readonly Outcome[] }> {
  readonly #queue: WriteQueue;
  readonly #calls: BatchCalls<C>;
  #waiting: Waiting[] = [];
  #running = false;
  /** The sync of the last batch, while it is in hand; and how many there were. */
  #settling: Promise<void> | null = null;
  #batches = 0;

  constructor(queue: WriteQueue, calls: BatchCalls<C>) {
    this.#queue = queue;
    this.#calls = calls;
  }

  /** Runs an operation; resolves when it is durable. */
  write<T>(op: () => Op<T>, series: InSeries<T> | null = null): Promise<T> {
    if (this.#waiting.length >= MAX_WAITING) {
      return Promise.reject(new StoreError('busy', `${MAX_WAITING} writers wait for one database already`));
    }
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    this.#waiting.push({
      ...{ op, resolve: resolve as (value: never) => void, reject },
      ...{ committed: series?.committed ?? null, goesOn: series?.goesOn ?? false },
    });
    if (!this.#running) void this.#run();
    return promise;
  }

  async #run(): Promise<void> {
    this.#running = true;
    while (this.#waiting.length > 0) {
      if (this.#settling !== null && !this.#waiting.some(({ goesOn }) => goesOn)) await this.#settling;
      try {
        await this.#queue.run(() => this.#batch());
      } catch (error) {
        // The lock was not to be had, or nothing could be committed.
        for (const { reject } of this.#waiting.splice(0)) reject(error);
      }
    }
    this.#running = false;
  }

  /** Runs under the lock; the sync goes on after it is free again. */
  #batch(): void | Promise<void> {
    const offered = this.#waiting.slice(0, MAX_BATCH);
    const committed = this.#calls.commit(offered.map(({ op }) => op));
    if (committed instanceof Promise) return committed.then((later) => this.#settle(later));
    this.#settle(committed);
  }

  #settle(committed: C): void {
    const batch = this.#waiting.splice(0, committed.outcomes.length);
    this.#batches += 1;
    this.#settling = this.#answer(batch, committed, this.#batches);
    for (const [index, { committed: tell }] of batch.entries()) {
      const outcome = committed.outcomes[index];
      if (tell !== null && outcome !== undefined && 'value' in outcome) tell(outcome.value as never);
    }
  }

  async #answer(batch: readonly Waiting[], committed: C, number: number): Promise<void> {
    try {
      await this.#calls.settle(committed);
      for (const [index, { resolve, reject }] of batch.entries()) {
        const outcome = committed.outcomes[index];
        if (outcome !== undefined && 'value' in outcome) resolve(outcome.value as never);
        else reject(outcome?.error);
      }
    } catch (error) {
      for (const { reject } of batch) reject(error);
    }
    if (number === this.#batches) this.#settling = null;
  }
}
