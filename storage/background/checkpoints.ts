// Checkpoints, one after the other, of the databases whose write-ahead log has become long.

import type { StoreLog } from '../log.ts';

/** The databases that are due, in the order in which they were named. */
export class Checkpoints {
  readonly #due = new Set<string>();
  readonly #checkpoint: (name: string) => Promise<void>;
  readonly #log: StoreLog;
  #running = false;

  constructor(checkpoint: (name: string) => Promise<void>, log: StoreLog) {
    this.#checkpoint = checkpoint;
    this.#log = log;
  }

  /** Says that a database's log is long; named again while it waits, it is checkpointed once. */
  add(name: string): void {
    this.#due.add(name);
    if (!this.#running) void this.#run();
  }

  async #run(): Promise<void> {
    this.#running = true;
    for (const name of this.#due) {
      this.#due.delete(name);
      try {
        await this.#checkpoint(name);
      } catch (error) {
        this.#log.warn({ err: error, database: name }, 'a checkpoint failed; it is tried again as the log grows');
      }
    }
    this.#running = false;
  }
}
