// The memory that bodies on their way in may take, counted over all threads of the process. There are two purses, so that
// large messages, however many and however slow, never keep small ones out: what a body collects while it may still be a
// small one, and the frames of those that have become large. Who finds a purse empty waits, and its peer with it, since
// its socket is not read meanwhile; for a bounded time, and a bounded number of them. While somebody waits, a body that
// has all but stopped coming gives its share back.

import { StoreError } from '../errors.ts';
import { STAGING } from './limits.ts';

export interface BudgetLimits {
  /** KiB for bodies that may still be small. */
  readonly smallKib: number;
  /** KiB for the frames of large bodies. */
  readonly largeKib: number;
  /** Bodies that wait, for each purse. */
  readonly waiting: number;
  readonly waitMs: number;
  /** A body that brings less than this in each of `stalls` periods in a row has stalled. */
  readonly stallBytes: number;
  readonly stallPeriodMs: number;
  readonly stalls: number;
}

export type Purse = 'small' | 'large';

const KIB = 1024;
/** Cells of a purse: KiB in use, and how many wait. */
const CELLS = 2;
const FIRST: Readonly<Record<Purse, number>> = { small: 0, large: CELLS };

/** What all threads count in; made once, in the main thread. */
export function createBudgetShared(): SharedArrayBuffer {
  return new SharedArrayBuffer(2 * CELLS * Int32Array.BYTES_PER_ELEMENT);
}

/** One thread's view of the budget. */
export class Budget {
  readonly limits: BudgetLimits;
  readonly #pools: Readonly<Record<Purse, Pool>>;
  readonly #shares = new Set<Share>();
  #watch: NodeJS.Timeout | undefined;

  constructor(shared: SharedArrayBuffer, limits: BudgetLimits = STAGING) {
    this.limits = limits;
    const cells = new Int32Array(shared);
    this.#pools = {
      small: new Pool(cells, FIRST.small, limits.smallKib, limits),
      large: new Pool(cells, FIRST.large, limits.largeKib, limits),
    };
  }

  /** A body's share, empty at first. `revoked` is called when it has stalled and others wait: all is to be let go. */
  open(revoked: (error: StoreError) => void): Share {
    const share = new Share(this.#pools, revoked, () => this.#shares.delete(share));
    this.#shares.add(share);
    this.#watch ??= setInterval(() => this.#look(), this.limits.stallPeriodMs).unref();
    return share;
  }

  /** KiB in use over all threads. */
  used(purse: Purse): number {
    return this.#pools[purse].used;
  }

  #look(): void {
    if (this.#shares.size === 0) {
      clearInterval(this.#watch);
      this.#watch = undefined;
      return;
    }
    for (const share of this.#shares) share.look(this.limits);
  }
}

/** What one body holds of the budget. */
export class Share implements Disposable {
  /** Bytes that have come; whoever fills the body keeps it up to date. */
  arrived = 0;
  /** True while it is not the peer that is waited for: such a body has not stalled. */
  busy = false;
  readonly #pools: Readonly<Record<Purse, Pool>>;
  readonly #revoked: (error: StoreError) => void;
  readonly #closed: () => void;
  readonly #held: Record<Purse, number> = { small: 0, large: 0 };
  #waiting: Waiter | undefined;
  #seen = 0;
  #stalls = 0;
  #open = true;

  constructor(pools: Readonly<Record<Purse, Pool>>, revoked: (error: StoreError) => void, closed: () => void) {
    this.#pools = pools;
    this.#revoked = revoked;
    this.#closed = closed;
  }

  /** Holds so many bytes of a purse, no more and no less; nothing once disposed. It may have to wait. Errors: busy. */
  hold(purse: Purse, bytes: number): void | Promise<void> {
    if (!this.#open) return;
    const more = Math.ceil(bytes / KIB) - this.#held[purse];
    if (more <= 0 || this.#pools[purse].take(more)) {
      this.#held[purse] += more;
      if (more < 0) this.#pools[purse].give(-more);
      return;
    }
    return this.#await(purse, more);
  }

  async #await(purse: Purse, more: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<boolean>();
    this.#waiting = { kib: more, settle: resolve };
    this.#pools[purse].wait(this.#waiting);
    const granted = await promise;
    this.#waiting = undefined;
    if (!granted) throw new StoreError('busy', 'too many messages are coming in at once');
    this.#held[purse] += more;
    if (!this.#open) this.#giveAll();
  }

  /** Looks whether the body has stalled while others wait for what it holds. */
  look({ stallBytes, stalls }: BudgetLimits): void {
    const moved = this.busy || this.#waiting !== undefined || this.arrived - this.#seen >= stallBytes;
    this.#seen = this.arrived;
    this.#stalls = moved ? 0 : this.#stalls + 1;
    if (this.#stalls < stalls || !this.#wanted()) return;
    this[Symbol.dispose]();
    this.#revoked(new StoreError('busy', 'the message came too slowly while others waited'));
  }

  #wanted(): boolean {
    return (['small', 'large'] as const).some((purse) => this.#held[purse] > 0 && this.#pools[purse].waiting > 0);
  }

  #giveAll(): void {
    for (const purse of ['small', 'large'] as const) {
      if (this.#held[purse] > 0) this.#pools[purse].give(this.#held[purse]);
      this.#held[purse] = 0;
    }
  }

  /** Gives everything back, and ends a wait. */
  [Symbol.dispose](): void {
    if (!this.#open) return;
    this.#open = false;
    this.#giveAll();
    if (this.#waiting !== undefined) for (const pool of Object.values(this.#pools)) pool.leave(this.#waiting);
    this.#closed();
  }
}

interface Waiter {
  readonly kib: number;
  settle(granted: boolean): void;
}

/** One purse, seen from one thread: who waits here waits in order, and only the first of them watches the shared cell. */
class Pool {
  readonly #cells: Int32Array;
  readonly #inUse: number;
  readonly #size: number;
  readonly #limits: BudgetLimits;
  readonly #queue: { readonly waiter: Waiter; readonly late: NodeJS.Timeout }[] = [];
  #watching = false;

  constructor(cells: Int32Array, first: number, size: number, limits: BudgetLimits) {
    this.#cells = cells;
    this.#inUse = first;
    this.#size = size;
    this.#limits = limits;
  }

  get used(): number {
    return Atomics.load(this.#cells, this.#inUse);
  }

  get #waitingCell(): number {
    return this.#inUse + 1;
  }

  /** Who waits, in all threads. */
  get waiting(): number {
    return Atomics.load(this.#cells, this.#waitingCell);
  }

  /** Takes at once, if there is enough and nobody was first. */
  take(kib: number): boolean {
    return this.waiting === 0 && this.#take(kib);
  }

  #take(kib: number): boolean {
    for (;;) {
      const { used } = this;
      if (used + kib > this.#size) return false;
      if (Atomics.compareExchange(this.#cells, this.#inUse, used, used + kib) === used) return true;
    }
  }

  give(kib: number): void {
    Atomics.sub(this.#cells, this.#inUse, kib);
    if (this.waiting > 0) Atomics.notify(this.#cells, this.#inUse);
  }

  /** Waits for its turn; settled with false when there are too many that wait, or it took too long. */
  wait(waiter: Waiter): void {
    if (Atomics.add(this.#cells, this.#waitingCell, 1) >= this.#limits.waiting) {
      Atomics.sub(this.#cells, this.#waitingCell, 1);
      waiter.settle(false);
      return;
    }
    const late = setTimeout(() => this.leave(waiter), this.#limits.waitMs);
    this.#queue.push({ waiter, late });
    if (!this.#watching) void this.#watch();
  }

  /** Gives up waiting. */
  leave(waiter: Waiter): void {
    const at = this.#queue.findIndex((queued) => queued.waiter === waiter);
    if (at < 0) return;
    this.#settle(at, false);
    // Whoever comes after it may want less.
    Atomics.notify(this.#cells, this.#inUse);
  }

  #settle(at: number, granted: boolean): void {
    const [queued] = this.#queue.splice(at, 1);
    if (queued === undefined) return;
    clearTimeout(queued.late);
    Atomics.sub(this.#cells, this.#waitingCell, 1);
    queued.waiter.settle(granted);
  }

  async #watch(): Promise<void> {
    this.#watching = true;
    for (let first = this.#queue[0]; first !== undefined; first = this.#queue[0]) {
      const { used } = this;
      if (this.#take(first.waiter.kib)) {
        this.#settle(0, true);
        continue;
      }
      // Wakes when somebody gives back, in any thread; at once if the cell has changed since it was read.
      const wait = Atomics.waitAsync(this.#cells, this.#inUse, used, this.#limits.waitMs);
      if (wait.async) await wait.value;
    }
    this.#watching = false;
  }
}
