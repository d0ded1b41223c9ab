// Keeps long work from holding the event loop, and a slow reader from growing the process.

import { setImmediate } from 'node:timers/promises';
import type { Connection } from '../net/connection.ts';
import { SLICE_MS } from './limits.ts';

export class Pace {
  readonly #connection: Connection;
  #until = performance.now() + SLICE_MS;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  /** True when `rest` should be awaited before going on: ask between messages. */
  get due(): boolean {
    return this.#connection.congested || performance.now() > this.#until;
  }

  /** Waits for the peer if it does not keep up, and lets other work run. Rejects with Disconnected. */
  async rest(): Promise<void> {
    if (this.#connection.congested) await this.#connection.drain();
    else await setImmediate();
    this.#until = performance.now() + SLICE_MS;
  }
}
