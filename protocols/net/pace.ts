// Keeps long work from holding the event loop, and a slow reader from growing the process.

import { setImmediate } from 'node:timers/promises';
import type { Connection } from './connection.ts';
import { SLICE_MS } from './limits.ts';

/** For work that sends nothing. */
const NO_PEER: Pick<Connection, 'congested' | 'drain'> = { congested: false, drain: async () => {} };

export class Pace {
  readonly #connection: Pick<Connection, 'congested' | 'drain'>;
  #until = performance.now() + SLICE_MS;
  #asked = 0;

  constructor(connection = NO_PEER) {
    this.#connection = connection;
  }

  /** As `due`, for pieces of work of which eight would be too much. */
  get late(): boolean {
    return this.#connection.congested || performance.now() > this.#until;
  }

  /** True when `rest` should be awaited before going on: ask between messages. */
  get due(): boolean {
    // The clock costs as much as a short reply: it is read at every eighth message.
    if (this.#connection.congested) return true;
    return (++this.#asked & 7) === 0 && performance.now() > this.#until;
  }

  /** Waits for the peer if it does not keep up, and lets other work run. Rejects with Disconnected. */
  async rest(): Promise<void> {
    if (this.#connection.congested) await this.#connection.drain();
    // A peer that reads as fast as we write is drained at once: that was no turn of the event loop.
    if (performance.now() <= this.#until) return;
    await setImmediate();
    this.#until = performance.now() + SLICE_MS;
  }
}
