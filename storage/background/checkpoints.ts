// Checkpoints, one after the other, of the databases whose write-ahead log has become long.

import { setTimeout as sleep } from 'node:timers/promises';
import type { StoreLog } from '../log.ts';
import { CHECKPOINT_PAUSE } from './limits.ts';

/** A log that has become long, as threads tell of it. */
export interface GrownLog {
  readonly name: string;
  readonly urgent: boolean;
}

export interface CheckpointOptions {
  readonly checkpoint: (name: string) => Promise<void>;
  readonly log: StoreLog;
  /** Ends the pauses; what was due then is not done. */
  readonly signal: AbortSignal;
  readonly pause?: number;
}

/** The databases that are due, in the order in which they were named, and when. */
export class Checkpoints {
  readonly #due = new Map<string, number>();
  readonly #options: Required<CheckpointOptions>;
  #running = false;
  /** Ends the pause that is being made. */
  #hurry: AbortController | null = null;

  constructor(options: CheckpointOptions) {
    this.#options = { pause: CHECKPOINT_PAUSE, ...options };
  }

  /** Says that a database's log is long; named again while it waits, it is checkpointed once. `urgent`: without a pause. */
  add(name: string, urgent = false): void {
    if (urgent) this.#due.set(name, 0);
    else if (!this.#due.has(name)) this.#due.set(name, performance.now() + this.#options.pause);
    if (urgent) this.#hurry?.abort();
    if (!this.#running) void this.#run();
  }

  async #run(): Promise<void> {
    const { checkpoint, log, signal } = this.#options;
    this.#running = true;
    for (const [name, at] of this.#due) {
      // What comes in a hurry ends the pause of whoever is first in the row, too: it would only wait behind it.
      this.#hurry = new AbortController();
      await pausing(at - performance.now(), AbortSignal.any([signal, this.#hurry.signal]));
      if (signal.aborted) break;
      this.#due.delete(name);
      try {
        await checkpoint(name);
      } catch (error) {
        log.warn({ err: error, database: name }, 'a checkpoint failed; it is tried again as the log grows');
      }
    }
    this.#running = false;
  }
}

async function pausing(ms: number, signal: AbortSignal): Promise<void> {
  if (ms <= 0 || signal.aborted) return;
  try {
    await sleep(ms, undefined, { signal });
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}
