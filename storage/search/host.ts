// The main thread's end of the search thread. It is started when there is something for it to do: a server that has
// nothing to index holds no memory for it.

import { HelperThread } from '../background/host.ts';
import type { StoreData } from '../background/member.ts';
import { slotOf } from '../engines/sqlite/shared.ts';
import type { StoreLog } from '../log.ts';

/** How often it is looked whether anything was written, ms. */
const LOOK_EVERY = 2_000;

/** What is written there is nothing to index: devices once a minute, the queue. (An account may have the same slot.) */
const NO_MAIL: ReadonlySet<number> = new Set([slotOf({ kind: 'directory' }), slotOf({ kind: 'queue' })]);

/** What the thread is started with. */
export interface SearchData extends StoreData {
  readonly kind: 'posthuis-search';
  /** How long an account is left alone after it was written to, before its mail is indexed, ms. */
  readonly quiet: number;
}

export class SearchHost {
  readonly #data: SearchData;
  readonly #log: StoreLog;
  readonly #fatal: (error: Error) => void;
  readonly #generations: Int32Array;
  readonly #timer: NodeJS.Timeout;
  #before: Int32Array;
  #thread: HelperThread | null = null;

  constructor(data: Omit<SearchData, 'kind'>, log: StoreLog, fatal: (error: Error) => void) {
    this.#data = { ...data, kind: 'posthuis-search' };
    this.#log = log;
    this.#fatal = fatal;
    this.#generations = new Int32Array(data.shared.generations);
    this.#before = this.#generations.slice();
    this.#timer = setInterval(() => this.#look(), Math.min(LOOK_EVERY, Math.max(10, data.quiet))).unref();
  }

  get running(): boolean {
    return this.#thread !== null;
  }

  /** Starts the thread if it is not running; resolves when it takes requests. */
  start(): Promise<void> {
    if (this.#thread === null) {
      clearInterval(this.#timer);
      this.#before = new Int32Array(0);
      this.#thread = new HelperThread(new URL('./thread.ts', import.meta.url), this.#data, this.#log, this.#fatal);
      // Why it did not start, `fatal` has been told.
      this.#thread.ready.catch(() => undefined);
    }
    return this.#thread.ready;
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    await this.#thread?.close();
  }

  #look(): void {
    const moved = (generation: number, slot: number) => generation !== this.#generations[slot] && !NO_MAIL.has(slot);
    if (this.#before.some(moved)) void this.start();
  }
}
