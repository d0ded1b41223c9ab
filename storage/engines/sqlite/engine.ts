// The SQLite engine: one file per account, operations driven synchronously inside one transaction, a fair lock for
// writers, group commit, and the feed. One in every server thread, over the same files.

import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import { StoreError } from '../../errors.ts';
import type { Op } from '../../operation.ts';
import type { DatabaseKey, Engine } from '../port.ts';
import { isBusy, isExpected, toStoreError } from './failure.ts';
import { Feed } from './feed.ts';
import { Handle, Seat } from './handles.ts';
import { accountFolder, databaseName, type Layout } from './layout.ts';
import { PASSIVE_FRAMES } from './maintenance-rules.ts';
import type { StoreShared } from './shared.ts';
import { type Boots, create, inspect, settle, stamp } from './upkeep.ts';
import { SYSTEM_SYNC, type SyncCalls } from './wal-sync.ts';

/** How long SQLITE_BUSY is retried, ms: only a recovery or the end of a checkpoint is ever in the way. */
const BUSY_BOUND = 5_000;
/** Longest pause between two tries, ms. */
const BUSY_PAUSE = 50;
/** How often waiting writers are looked at, ms. */
const EXPIRE_EVERY = 1_000;
/** Seats without a handle that are kept, so that a process that has seen a million accounts forgets most of them. */
const MAX_SEATS = 20_000;
/** A damaged file is named in the log once in so many ms, not at every command of its sessions. */
const CORRUPT_LOG_EVERY = 60_000;

/** What the engine asks of the maintenance thread. */
export interface Maintenance {
  /** Resolves when the maintenance thread has the database open, so that our close is not the last one. */
  hold(name: string): Promise<void>;
  /** The WAL has grown past what a checkpoint is due for. */
  grown(name: string): void;
  /** Runs a named operation there. */
  bulk(name: string, operation: string, args: unknown): Promise<unknown>;
}

export interface EngineOptions {
  readonly layout: Layout;
  readonly shared: StoreShared;
  readonly log: Logger;
  /** Open account handles in the whole process. */
  readonly handles: number;
  readonly boots: Boots;
  /** Null in the maintenance thread itself. */
  readonly maintenance: Maintenance | null;
  /** Called once, when a sync has failed: nothing can be promised any more, and the process must end. */
  readonly fatal: (error: Error) => void;
  readonly sync?: SyncCalls;
  /** Unix ms, for the epoch rule. */
  readonly now?: () => number;
}

/** Commits between two looks at how long the WAL has become. */
const GROWTH_EVERY = 8;

interface Committed<T> {
  readonly value: T;
  readonly changed: boolean;
  readonly handle: Handle;
}

export class SqliteEngine implements Engine {
  readonly #options: EngineOptions;
  readonly #feed: Feed;
  readonly #calls: SyncCalls;
  /** In order of use: the first is the one used longest ago. */
  readonly #seats = new Map<string, Seat>();
  readonly #unsynced: Int32Array;
  readonly #openHandles: Int32Array;
  readonly #timer: NodeJS.Timeout;
  readonly #corruptLogged = new Map<string, number>();
  #users = 0;
  #drained: (() => void) | null = null;
  #poison: StoreError | null = null;
  #closed = false;
  #evicting = false;

  constructor(options: EngineOptions) {
    this.#options = options;
    this.#calls = options.sync ?? SYSTEM_SYNC;
    this.#feed = new Feed(options.shared, options.log);
    this.#unsynced = new Int32Array(options.shared.unsynced);
    this.#openHandles = new Int32Array(options.shared.handles);
    this.#timer = setInterval(() => this.#expire(), EXPIRE_EVERY).unref();
  }

  async read<T>(db: DatabaseKey, op: () => Op<T>): Promise<T> {
    const seat = this.#enter(db);
    try {
      const handle = seat.handle?.ready && seat.retired === null ? seat.handle : await this.#open(seat);
      return await this.#patiently(() => handle.database.read(op));
    } catch (error) {
      throw this.#failed(seat, error);
    } finally {
      this.#leave(seat);
    }
  }

  async write<T>(db: DatabaseKey, op: () => Op<T>): Promise<T> {
    const seat = this.#enter(db);
    try {
      if (!seat.handle?.ready || seat.retired !== null) await this.#open(seat);
      const committed = await seat.queue.run(() => this.#commit(seat, op));
      await this.#sync(seat, committed);
      return committed.value;
    } catch (error) {
      throw this.#failed(seat, error);
    } finally {
      this.#leave(seat);
    }
  }

  async bulk<T>(db: DatabaseKey, name: string, args: unknown): Promise<T> {
    if (this.#options.maintenance === null) throw new StoreError('unavailable', 'no maintenance thread is here');
    this.#check();
    return (await this.#options.maintenance.bulk(databaseName(db), name, args)) as T;
  }

  async createAccount(id: string): Promise<void> {
    this.#check();
    try {
      await create(this.#options.layout, { kind: 'account', id }, this.#options.boots.current, this.#calls);
    } catch (error) {
      throw toStoreError(error, `account ${id}`);
    }
  }

  async destroyAccount(id: string): Promise<void> {
    const key: DatabaseKey = { kind: 'account', id };
    const seat = this.#enter(key);
    try {
      await this.#close(seat);
      await rm(accountFolder(this.#options.layout, id), { recursive: true, force: true });
    } catch (error) {
      throw toStoreError(error, `account ${id}`);
    } finally {
      this.#leave(seat);
    }
  }

  generation(db: DatabaseKey): number {
    return this.#feed.generation(db);
  }

  subscribe(db: DatabaseKey, wake: () => void): Disposable {
    return this.#feed.subscribe(db, wake);
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    clearInterval(this.#timer);
    if (this.#users > 0) {
      await new Promise<void>((resolve) => {
        this.#drained = resolve;
      });
    }
    for (const seat of this.#seats.values()) await this.#close(seat);
    this.#feed.close();
  }

  /** Counts an operation in: from here to #leave the seat's handle stays open. */
  #enter(db: DatabaseKey): Seat {
    this.#check();
    const name = databaseName(db);
    let seat = this.#seats.get(name);
    if (seat === undefined) seat = new Seat(db, this.#options.layout, this.#options.shared);
    else this.#seats.delete(name);
    this.#seats.set(name, seat);
    seat.users++;
    this.#users++;
    return seat;
  }

  #leave(seat: Seat): void {
    seat.users--;
    this.#users--;
    if (this.#users === 0) this.#drained?.();
    if (this.#overBudget() && !this.#evicting) void this.#evict();
  }

  #check(): void {
    if (this.#poison !== null) throw this.#poison;
    if (this.#closed) throw new StoreError('closed', 'the store is closed');
  }

  /** The seat's handle, opened and fit for use. */
  async #open(seat: Seat): Promise<Handle> {
    await seat.retired;
    await seat.closing;
    seat.opening ??= this.#openReady(seat).finally(() => {
      seat.opening = null;
    });
    return seat.opening;
  }

  async #openReady(seat: Seat): Promise<Handle> {
    if (seat.handle === null) {
      seat.handle = await this.#patiently(() => this.#newHandle(seat));
      if (seat.key.kind === 'account') Atomics.add(this.#openHandles, 0, 1);
    }
    if (!seat.handle.ready) await this.#makeReady(seat, seat.handle);
    return seat.handle;
  }

  #newHandle(seat: Seat): Handle {
    try {
      return new Handle(seat.file, this.#calls);
    } catch (error) {
      if (existsSync(seat.file)) throw error;
      if (existsSync(dirname(seat.file))) throw new StoreError('corrupt', `${seat.file} is missing`, { cause: error });
      throw new StoreError('not-found', `no account ${seat.name}`, { cause: error });
    }
  }

  async #makeReady(seat: Seat, handle: Handle): Promise<void> {
    const { boots, now = Date.now } = this.#options;
    let fitness = await this.#patiently(() => inspect(handle.database, seat.key, boots));
    if (fitness === 'settle') {
      await seat.queue.run(async () => {
        await this.#patiently(() => settle(handle.database, seat.key, boots, now()));
        await this.#durable(handle);
      });
      fitness = 'current';
    }
    handle.stamped ||= fitness === 'current';
    handle.ready = true;
  }

  /** Runs under the lock: one transaction, visible when it ends, durable later. */
  async #commit<T>(seat: Seat, op: () => Op<T>): Promise<Committed<T>> {
    this.#check();
    const handle = seat.handle;
    if (handle === null) throw new StoreError('busy', `${seat.name} was closed while a writer waited`);
    if (!handle.stamped) {
      await this.#patiently(() => stamp(handle.database, seat.key, this.#options.boots));
      await this.#durable(handle);
      handle.stamped = true;
    }
    const { value, changed } = await this.#patiently(() => handle.database.write(op));
    if (changed) Atomics.add(this.#unsynced, seat.slot, 1);
    return { value, changed, handle };
  }

  /** Makes what was committed durable, then tells those who listen. */
  async #sync<T>(seat: Seat, { changed, handle }: Committed<T>): Promise<void> {
    // Nothing changed, perhaps because another commit, still to be synced, had done it already (a delivery's retry):
    // the answer rests on that one, so it waits for a sync too.
    if (!changed && Atomics.load(this.#unsynced, seat.slot) === 0) return;
    await this.#durable(handle);
    if (!changed) return;
    Atomics.sub(this.#unsynced, seat.slot, 1);
    this.#feed.raise(seat.key);
    this.#watchGrowth(seat, handle);
  }

  async #durable(handle: Handle): Promise<void> {
    try {
      await handle.sync.wait();
    } catch (error) {
      throw this.#poisoned(error);
    }
    // Another file's sync may have failed meanwhile; then nothing is acknowledged any more.
    if (this.#poison !== null) throw this.#poison;
  }

  #poisoned(error: unknown): StoreError {
    if (this.#poison !== null) return this.#poison;
    const cause = error instanceof Error ? error : new Error(String(error));
    this.#poison = new StoreError('unavailable', `a sync failed, nothing is acknowledged: ${cause.message}`, { cause });
    this.#options.log.fatal({ err: cause }, 'a sync of the write-ahead log failed: the process must end');
    this.#options.fatal(cause);
    return this.#poison;
  }

  #watchGrowth(seat: Seat, handle: Handle): void {
    if (this.#options.maintenance === null || ++handle.commits % GROWTH_EVERY !== 0) return;
    try {
      const { frames, moved } = handle.database.checkpoint('NOOP');
      if (frames - moved >= PASSIVE_FRAMES) this.#options.maintenance.grown(seat.name);
    } catch (error) {
      // The commit is durable; how long the log is will be seen the next time.
      this.#options.log.warn({ err: error, database: seat.name }, 'the length of a write-ahead log was not to be had');
    }
  }

  /** Runs synchronous work against SQLite; a refusal as busy is tried again, asynchronously, within a bound. */
  #patiently<T>(work: () => T): T | Promise<T> {
    try {
      return work();
    } catch (error) {
      if (!isBusy(error)) throw error;
      return this.#retry(work);
    }
  }

  async #retry<T>(work: () => T): Promise<T> {
    const end = performance.now() + BUSY_BOUND;
    for (let pause = 1; ; pause = Math.min(pause * 2, BUSY_PAUSE)) {
      await sleep(pause);
      try {
        return work();
      } catch (error) {
        if (!isBusy(error) || performance.now() > end) throw error;
      }
    }
  }

  /** Makes a StoreError of what an operation failed with, and logs what an operator must see. */
  #failed(seat: Seat, error: unknown): StoreError {
    const failure = toStoreError(error, seat.name);
    if (!isExpected(error)) this.#options.log.error({ err: error, database: seat.name }, 'an operation is wrong');
    if (failure.code === 'corrupt') this.#logCorrupt(seat, failure);
    return failure;
  }

  #logCorrupt(seat: Seat, failure: StoreError): void {
    const now = performance.now();
    const last = this.#corruptLogged.get(seat.name);
    if (last !== undefined && now - last < CORRUPT_LOG_EVERY) return;
    this.#corruptLogged.set(seat.name, now);
    const what = seat.key.kind === 'account' ? `account ${seat.name}` : `the ${seat.name}`;
    this.#options.log.error(
      { err: failure, database: seat.name, file: seat.file },
      `the database of ${what} is damaged: it is unavailable until it is restored, everything else goes on`,
    );
  }

  #overBudget(): boolean {
    return this.#openHandles[0] !== undefined && Atomics.load(this.#openHandles, 0) > this.#options.handles;
  }

  /** Closes the handles that were used longest ago, one after the other, until the process is within its budget. */
  async #evict(): Promise<void> {
    this.#evicting = true;
    try {
      for (const seat of this.#seats.values()) {
        if (!this.#overBudget()) break;
        if (seat.key.kind !== 'account' || seat.handle === null || seat.users > 0) continue;
        await this.#options.maintenance?.hold(seat.name);
        if (seat.users === 0) await this.#close(seat);
      }
    } catch (error) {
      this.#options.log.error({ err: error }, 'closing a database failed');
    } finally {
      this.#evicting = false;
    }
  }

  /** Closes a seat's handle; an operation that comes meanwhile waits for the end of it. */
  async #close(seat: Seat): Promise<void> {
    await seat.closing;
    const handle = seat.handle;
    if (handle === null) return;
    seat.handle = null;
    seat.closing = handle.close().finally(() => {
      seat.closing = null;
      if (seat.key.kind === 'account') Atomics.sub(this.#openHandles, 0, 1);
    });
    await seat.closing;
  }

  #expire(): void {
    const now = performance.now();
    for (const seat of this.#seats.values()) {
      seat.queue.expire(now);
    }
    for (const [name, seat] of this.#seats) {
      if (this.#seats.size <= MAX_SEATS) break;
      if (seat.handle === null && seat.users === 0 && seat.retired === null) this.#seats.delete(name);
    }
  }
}
