// What the networks of untrusted peers did lately, counted over all threads. Sessions ask it how patient to be.

import { randomBytes } from 'node:crypto';
import type { Conduct, Misdeed, PeerConduct } from '#protocols/ports.ts';
import { monotonic } from './auth/shared.ts';
import { ROW_WORDS, SharedTable } from './auth/table.ts';
import { LeakyCounter, rowKey, TICK_MS } from './leaky-counter.ts';
import { CONDUCT_CAP, CONDUCT_FORGET_MS, CONDUCT_ROWS } from './limits.ts';
import { countedNetwork, wideNetwork } from './peers.ts';

/** Made once in the main thread, handed to every worker. */
export interface ConductShared {
  readonly rows: SharedArrayBuffer;
  readonly key: Uint8Array;
  readonly start: number;
}

export function createConductShared(): ConductShared {
  return {
    rows: new SharedArrayBuffer((1 + CONDUCT_ROWS * ROW_WORDS) * 4),
    key: randomBytes(32),
    start: monotonic(),
  };
}

/** `clock`: monotonic ms, the same in all threads. */
export function createConduct(shared: ConductShared, clock: () => number = monotonic): Conduct {
  const table = new SharedTable(shared.rows);
  const now = () => Math.floor((clock() - shared.start) / TICK_MS) + 1;
  const counters: Record<Misdeed, LeakyCounter> = {
    'unknown-recipient': new LeakyCounter(table, CONDUCT_FORGET_MS['unknown-recipient'], now),
    'caught-recipient': new LeakyCounter(table, CONDUCT_FORGET_MS['caught-recipient'], now),
    'spoiled-session': new LeakyCounter(table, CONDUCT_FORGET_MS['spoiled-session'], now),
    message: new LeakyCounter(table, CONDUCT_FORGET_MS.message, now),
  };
  return {
    of(address): PeerConduct {
      const row = (what: Misdeed) =>
        rowKey(shared.key, [what, what.endsWith('recipient') ? wideNetwork(address) : countedNetwork(address)]);
      return {
        count: (what) => counters[what].count(row(what)),
        note: (what) => counters[what].add(row(what), CONDUCT_CAP[what]),
      };
    },
  };
}
