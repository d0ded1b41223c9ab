// Who may connect: counts of connections and of their rate by peer, shared by all threads of the process.
//
// A peer is a row of cells in a count-min sketch: four seeded hashes, and the smallest of its four cells is its count.
// So memory is fixed whatever the peers do, two peers share a count only if they meet in all four cells, and nobody
// can aim at another's cells without the seed. Cells are changed with Atomics; a thread's death ends the process, so
// no count is left behind.
import { randomFillSync } from 'node:crypto';
import {
  MAX_CONNECTIONS,
  MAX_CONNECTIONS_PER_ADDRESS,
  MAX_CONNECTIONS_PER_MINUTE,
  MAX_MX_CONNECTIONS_PER_ADDRESS,
  MAX_MX_CONNECTIONS_PER_NETWORK,
} from './limits.ts';
import { countedNetwork, siteNetwork } from './peers.ts';

const ROWS = 4;
const CELLS = 1 << 14;
const MASK = CELLS - 1;
/** Header: the total, the minute that the rates are of, and the seeds of the rows. */
const TOTAL = 0;
const MINUTE = 1;
const SEEDS = 2;
const OPEN = SEEDS + ROWS;
const RATE = OPEN + ROWS * CELLS;
const WORDS = RATE + ROWS * CELLS;
const MINUTE_MS = 60_000;

/** Why a connection is turned away. */
export type Refusal = 'too-many' | 'too-many-from-you' | 'too-fast';

export interface AdmissionLimits {
  readonly total: number;
  readonly perAddress: number;
  readonly perAddressMx: number;
  readonly perNetworkMx: number;
  readonly perMinute: number;
}

export const DEFAULT_ADMISSION: AdmissionLimits = {
  total: MAX_CONNECTIONS,
  perAddress: MAX_CONNECTIONS_PER_ADDRESS,
  perAddressMx: MAX_MX_CONNECTIONS_PER_ADDRESS,
  perNetworkMx: MAX_MX_CONNECTIONS_PER_NETWORK,
  perMinute: MAX_CONNECTIONS_PER_MINUTE,
};

/** The counters' memory, made once in the main thread and handed to every Admission. */
export function createAdmissionShared(): SharedArrayBuffer {
  const shared = new SharedArrayBuffer(WORDS * Int32Array.BYTES_PER_ELEMENT);
  const seeds = randomFillSync(new Int32Array(ROWS));
  new Int32Array(shared).set(seeds, SEEDS);
  return shared;
}

/** Decides about new connections and counts the open ones. */
export class Admission {
  readonly #words: Int32Array;
  readonly #limits: AdmissionLimits;

  constructor(shared: SharedArrayBuffer, limits: AdmissionLimits = DEFAULT_ADMISSION) {
    this.#words = new Int32Array(shared);
    this.#limits = limits;
  }

  /** Counts a new connection: how to give it back when it is gone, or why it is refused. `now` is in ms, monotonic. */
  admit(address: string, listener: string, now = performance.timeOrigin + performance.now()): (() => void) | Refusal {
    const mx = listener === 'smtp';
    const cells = this.#cells(`${mx ? 'mx' : 'users'} ${countedNetwork(address)}`);
    this.#turnMinute(Math.floor(now / MINUTE_MS));
    if (this.#raise(RATE, cells) > this.#limits.perMinute) return 'too-fast';
    const open = this.#raise(OPEN, cells);
    const site = mx ? this.#cells(`site ${siteNetwork(address)}`) : [];
    const openAtSite = mx ? this.#raise(OPEN, site) : 0;
    const total = Atomics.add(this.#words, TOTAL, 1) + 1;
    const release = () => {
      for (const cell of [...cells, ...site]) Atomics.sub(this.#words, OPEN + cell, 1);
      Atomics.sub(this.#words, TOTAL, 1);
    };
    const refusal =
      total > this.#limits.total
        ? 'too-many'
        : open > (mx ? this.#limits.perAddressMx : this.#limits.perAddress) || openAtSite > this.#limits.perNetworkMx
          ? 'too-many-from-you'
          : undefined;
    if (refusal === undefined) return once(release);
    release();
    return refusal;
  }

  /** Open connections that are counted. */
  get total(): number {
    return Atomics.load(this.#words, TOTAL);
  }

  /** Adds one to a peer's cells; its count. */
  #raise(table: number, cells: readonly number[]): number {
    let least = Number.POSITIVE_INFINITY;
    for (const cell of cells) least = Math.min(least, Atomics.add(this.#words, table + cell, 1) + 1);
    return least;
  }

  /** The first thread that sees a new minute clears the rates. */
  #turnMinute(minute: number): void {
    // Kept to 31 bits: only whether it differs matters.
    const current = minute & 0x7fffffff;
    const seen = Atomics.load(this.#words, MINUTE);
    if (seen === current || Atomics.compareExchange(this.#words, MINUTE, seen, current) !== seen) return;
    this.#words.fill(0, RATE, RATE + ROWS * CELLS);
  }

  /** A peer's cell in each row. */
  #cells(peer: string): number[] {
    const cells: number[] = [];
    for (let row = 0; row < ROWS; row++) cells.push(row * CELLS + (hash(peer, this.#words[SEEDS + row] ?? 0) & MASK));
    return cells;
  }
}

/** FNV-1a with a seed, and murmur3's last mixing, so that the low bits depend on all. */
function hash(text: string, seed: number): number {
  let h = seed ^ 0x811c9dc5;
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193);
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return h ^ (h >>> 16);
}

function once(action: () => void): () => void {
  let done = false;
  return () => {
    if (done) return;
    done = true;
    action();
  };
}
