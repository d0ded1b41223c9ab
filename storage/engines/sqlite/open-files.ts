// Which databases one thread has open: opening them and making them fit for use, counting those who use them, closing
// what is over the process's budget, and letting go of a file that is to be replaced or deleted.

import { existsSync } from 'node:fs';
import { dirname } from 'node:path';
import { StoreError } from '../../errors.ts';
import type { DatabaseKey } from '../port.ts';
import type { BatchCalls } from './batch-writer.ts';
import type { CommitJournal } from './commit-journal.ts';
import type { EngineOptions } from './engine.ts';
import { type Committed, Handle, Seat } from './handles.ts';
import { databaseName } from './layout.ts';
import type { Pace } from './pace.ts';
import { patiently } from './patience.ts';
import { inspect, settle } from './upkeep.ts';
import type { SyncCalls } from './wal-sync.ts';

/** How often waiting writers are looked at, ms. */
const EXPIRE_EVERY = 1_000;

/** What the open files ask of the engine that they belong to. */
export interface OpenFilesCalls {
  readonly sync: SyncCalls;
  readonly pace: Pace;
  /** For the commits of many databases; null: each is synced for itself. */
  readonly journal: CommitJournal | null;
  /** Throws if nothing may be begun any more. */
  check(): void;
  /** Makes durable what was committed to a handle. */
  durable(handle: Handle): Promise<void>;
  /** How batches of writers are committed to a seat. */
  batches(seat: Seat): BatchCalls<Committed>;
}

export class OpenFiles {
  readonly #options: EngineOptions;
  readonly #calls: OpenFilesCalls;
  /** In order of use: the first is the one used longest ago. */
  readonly #seats = new Map<string, Seat>();
  readonly #openHandles: Int32Array;
  readonly #timer: NodeJS.Timeout;
  #users = 0;
  #drained: (() => void) | null = null;
  #closed = false;
  #evicting = false;

  constructor(options: EngineOptions, calls: OpenFilesCalls) {
    this.#options = options;
    this.#calls = calls;
    this.#openHandles = new Int32Array(options.shared.handles);
    this.#timer = setInterval(() => this.#expire(), EXPIRE_EVERY).unref();
  }

  /** What this thread knows of a database, as the one used last. */
  seat(db: DatabaseKey): Seat {
    const name = databaseName(db);
    let seat = this.#seats.get(name);
    if (seat === undefined) {
      seat = new Seat(db, this.#options.layout, this.#options.shared, (made) => this.#calls.batches(made));
    } else this.#seats.delete(name);
    this.#seats.set(name, seat);
    return seat;
  }

  /** Counts an operation in: from here to `leave` the seat's handle stays open. Undefined while the seat is retired. */
  enter(db: DatabaseKey): Seat | undefined {
    this.#calls.check();
    const seat = this.seat(db);
    if (seat.retired !== null) return undefined;
    seat.users++;
    // Waiting for a lock does not keep a process alive; the timer does, while anything is in hand.
    if (this.#users++ === 0) this.#timer.ref();
    return seat;
  }

  /** The same, after a retirement has ended. */
  async enterLater(db: DatabaseKey): Promise<Seat> {
    for (;;) {
      await this.seat(db).retired?.over;
      const seat = this.enter(db);
      if (seat !== undefined) return seat;
    }
  }

  /** Counts an operation out. */
  leave(seat: Seat): void {
    seat.users--;
    seat.lastUsed = performance.now();
    if (seat.users === 0) seat.drained?.();
    if (seat.handle === null) this.#forget(seat);
    if (--this.#users === 0) {
      this.#timer.unref();
      this.#drained?.();
    }
    if (this.#overBudget() && !this.#evicting) void this.#evict();
  }

  /** The handle of a seat that was entered, opened and fit for use. */
  async open(seat: Seat): Promise<Handle> {
    await seat.closing;
    seat.opening ??= this.#openReady(seat).finally(() => {
      seat.opening = null;
    });
    return seat.opening;
  }

  /** Lets no operation begin, and closes the file when those in hand have ended. */
  async retire(seat: Seat): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const retirement = { over: promise, end: resolve };
    seat.retired = retirement;
    if (seat.users > 0) {
      await new Promise<void>((drained) => {
        seat.drained = drained;
      });
      seat.drained = null;
    }
    // Given up meanwhile, because it took too long: the file is in use again.
    if (seat.retired === retirement) await this.#close(seat);
  }

  /** Ends a retirement. */
  resume(seat: Seat): void {
    seat.retired?.end();
    seat.retired = null;
    this.#forget(seat);
  }

  /** Closes account handles that nobody has used for so many ms. */
  async closeIdle(age: number): Promise<void> {
    const before = performance.now() - age;
    for (const seat of this.#seats.values()) {
      if (seat.key.kind === 'account' && seat.lastUsed < before) await this.#closeUnused(seat);
    }
  }

  /** Waits for the operations in hand and closes everything; nothing may be begun any more. */
  async close(): Promise<void> {
    this.#closed = true;
    clearInterval(this.#timer);
    if (this.#users > 0) {
      await new Promise<void>((resolve) => {
        this.#drained = resolve;
      });
    }
    for (const seat of this.#seats.values()) await this.#close(seat);
  }

  async #openReady(seat: Seat): Promise<Handle> {
    if (seat.handle === null) {
      await this.#calls.pace.next();
      seat.handle = await patiently(() => this.#newHandle(seat));
      if (seat.key.kind === 'account') Atomics.add(this.#openHandles, 0, 1);
    }
    if (!seat.handle.ready) await this.#makeReady(seat, seat.handle);
    return seat.handle;
  }

  #newHandle(seat: Seat): Handle {
    try {
      return new Handle(seat.file, seat.name, this.#calls.sync, this.#calls.journal);
    } catch (error) {
      if (existsSync(seat.file)) throw error;
      if (existsSync(dirname(seat.file))) throw new StoreError('corrupt', `${seat.file} is missing`, { cause: error });
      throw new StoreError('not-found', `no account ${seat.name}`, { cause: error });
    }
  }

  async #makeReady(seat: Seat, handle: Handle): Promise<void> {
    const { boots, now = Date.now } = this.#options;
    let fitness = await patiently(() => inspect(handle.database, seat.key, boots));
    if (fitness === 'settle') {
      await seat.queue.run(async () => {
        await this.#calls.pace.next();
        await patiently(() => handle.write((database) => settle(database, seat.key, boots, now())));
        await this.#calls.durable(handle);
      });
      fitness = 'current';
    }
    handle.stamped ||= fitness === 'current';
    handle.ready = true;
  }

  #overBudget(): boolean {
    return Atomics.load(this.#openHandles, 0) > this.#options.handles;
  }

  /** Closes the handles that were used longest ago, one after the other, until the process is within its budget. */
  async #evict(): Promise<void> {
    this.#evicting = true;
    try {
      for (const seat of this.#seats.values()) {
        if (!this.#overBudget()) break;
        if (seat.key.kind !== 'account' || seat.handle === null || seat.users > 0 || seat.retired !== null) continue;
        await this.#options.maintenance?.hold(seat.name);
        await this.#closeUnused(seat);
      }
    } catch (error) {
      if (!this.#closed) this.#options.log.error({ err: error }, 'closing a database failed');
    } finally {
      this.#evicting = false;
    }
  }

  /** Closes a seat's handle if no operation has it: nothing may come between the look and the closing. */
  async #closeUnused(seat: Seat): Promise<void> {
    await seat.closing;
    if (seat.users === 0) await this.#close(seat);
  }

  /** Closes a seat's handle, which nobody uses; an operation that comes meanwhile waits for the end of it. */
  async #close(seat: Seat): Promise<void> {
    if (seat.closing !== null) await seat.closing;
    const handle = seat.handle;
    if (handle === null) return;
    seat.handle = null;
    seat.closing = handle.close().finally(() => {
      seat.closing = null;
      if (seat.key.kind === 'account') Atomics.sub(this.#openHandles, 0, 1);
    });
    await seat.closing;
    this.#forget(seat);
  }

  /** Drops a seat that says nothing any more. */
  #forget(seat: Seat): void {
    if (seat.handle !== null || seat.users > 0 || seat.retired !== null || seat.closing !== null) return;
    if (this.#seats.get(seat.name) === seat) this.#seats.delete(seat.name);
  }

  #expire(): void {
    const now = performance.now();
    for (const seat of this.#seats.values()) seat.queue.expire(now);
  }
}
