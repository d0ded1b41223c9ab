// Checkpoints, one after the other, of the databases whose write-ahead log has become long.

import { setTimeout as sleep } from 'node:timers/promises';
import type { StoreLog } from '../log.ts';
import { CHECKPOINT_PAUSE } from './limits.ts';

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

  constructor(options: CheckpointOptions) {
    this.#options = { pause: CHECKPOINT_PAUSE, ...options };
  }

  /** Says that a database's log is long; named again while it waits, it is checkpointed once. */
  add(name: string): void {
    if (!this.#due.has(name)) this.#due.set(name, performance.now() + this.#options.pause);
    if (!this.#running) void this.#run();
  }

  async #run(): Promise<void> {
    const { checkpoint, log, signal } = this.#options;
    this.#running = true;
    for (const [name, at] of this.#due) {
      await pausing(at - performance.now(), signal);
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
