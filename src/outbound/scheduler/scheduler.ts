// Sends what waits: looks which destinations are due, and has a lane work on each. One in a process, in the main thread.
// It holds nothing that the queue does not know: after a restart it begins where the queue is.

import { setTimeout as sleep } from 'node:timers/promises';
import { Turns } from '#storage/blobs/turns.ts';
import { CUT_MS, FAULT_MS, LANES, LOOK_MS, SESSIONS, STOP_MS, TICK_MS } from '../limits.ts';
import { Lane, type LaneParts, type SchedulerParts } from './lane.ts';

export class Scheduler implements AsyncDisposable {
  readonly #parts: LaneParts;
  readonly #lanes = new Map<string, Lane>();
  readonly #running = new Set<Promise<void>>();
  readonly #subscription: Disposable;
  #timer: NodeJS.Timeout | null = null;
  #looking = false;
  #again = false;
  #stopped = false;

  constructor(parts: SchedulerParts) {
    this.#parts = { ...parts, turns: new Turns(SESSIONS) };
    this.#subscription = parts.queue.subscribe(() => this.wake());
    this.wake();
  }

  /** Destinations that are worked on. */
  get lanes(): number {
    return this.#lanes.size;
  }

  /** Looks at the queue soon. */
  wake(): void {
    if (this.#stopped) return;
    this.#again = true;
    if (this.#looking) return;
    this.#looking = true;
    setImmediate(() => void this.#look());
  }

  async #look(): Promise<void> {
    try {
      while (this.#again && !this.#stopped) {
        this.#again = false;
        await this.#begin();
        // Every delivery wakes us: what came meanwhile is looked at once.
        await sleep(LOOK_MS, undefined, { ref: false });
      }
    } catch (error) {
      this.#parts.log.error({ err: error }, 'the queue could not be looked at');
      this.#wakeIn(FAULT_MS);
    } finally {
      this.#looking = false;
    }
  }

  async #begin(): Promise<void> {
    const { queue, now } = this.#parts;
    // Those that are worked on are due too, and stand before the others.
    const due = await queue.due(now(), this.#lanes.size + LANES);
    for (const { domain, failures } of due) {
      if (this.#lanes.size >= LANES) return; // the end of a lane wakes us
      if (!this.#lanes.has(domain) && !this.#stopped) this.#start(domain, failures);
    }
    const next = await queue.nextDue(now());
    this.#wakeIn(next === null ? TICK_MS : Math.min(Math.max(next - now(), 1), TICK_MS));
  }

  #wakeIn(ms: number): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.wake(), ms).unref();
  }

  #start(domain: string, failures: number): void {
    const lane = new Lane(domain, failures, this.#parts);
    this.#lanes.set(domain, lane);
    const running = this.#run(lane).finally(() => {
      this.#running.delete(running);
    });
    this.#running.add(running);
  }

  async #run(lane: Lane): Promise<void> {
    try {
      await lane.run();
      this.#lanes.delete(lane.domain);
      this.wake();
    } catch (error) {
      this.#parts.log.error({ err: error, domain: lane.domain }, 'a destination could not be worked on');
      // It keeps its place for a while: what is wrong here would be so at once again.
      setTimeout(() => {
        this.#lanes.delete(lane.domain);
        this.wake();
      }, FAULT_MS).unref();
    }
  }

  /** Begins nothing new, waits for the transactions in hand, then cuts them: they are tried again. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopped = true;
    this.#subscription[Symbol.dispose]();
    if (this.#timer !== null) clearTimeout(this.#timer);
    for (const lane of this.#lanes.values()) lane.stop();
    const late = new AbortController();
    const done = Promise.allSettled(this.#running).then(() => late.abort());
    const cut = async () => {
      await pausing(STOP_MS, late.signal);
      for (const lane of this.#lanes.values()) lane.cut();
      await pausing(CUT_MS, late.signal);
    };
    // Who is not done even then has written nothing that counts.
    await Promise.race([done, cut()]);
  }
}

async function pausing(ms: number, signal: AbortSignal): Promise<void> {
  try {
    await sleep(ms, undefined, { signal });
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}
