// The SQLite engine: one file per account, operations driven synchronously inside one transaction, a fair lock for
// writers, group commit, and the feed. One in every server thread, over the same files.

import { rm } from 'node:fs/promises';
import { setImmediate as eventLoopTurn } from 'node:timers/promises';
import { StoreError } from '../../errors.ts';
import type { StoreLog } from '../../log.ts';
import type { Op } from '../../operation.ts';
import type { DatabaseKey, Engine } from '../port.ts';
import { CommitJournal, type JournalOptions } from './commit-journal.ts';
import type { Control } from './control.ts';
import type { Batch } from './database.ts';
import { isExpected, isFailedSync, toStoreError } from './failure.ts';
import { Feed } from './feed.ts';
import type { Committed, Handle, Seat } from './handles.ts';
import { accountFolder, databaseKey, databaseName, type Layout } from './layout.ts';
import { CHECKPOINT_FRAMES, URGENT_FRAMES, WATCH_ROWS } from './maintenance-rules.ts';
import { OpenFiles } from './open-files.ts';
import { Pace } from './pace.ts';
import { patiently } from './patience.ts';
import type { StoreShared } from './shared.ts';
import { type Boots, create, stamp } from './upkeep.ts';
import { SYSTEM_SYNC, type SyncCalls } from './wal-sync.ts';

/** A damaged file is named in the log once in so many ms, not at every command of its sessions. */
const CORRUPT_LOG_EVERY = 60_000;

/**
 * Operations of a series that may be committed and not yet durable: beyond what one sync takes, more would only fill the
 * kernel's memory with what a slow disk has not taken.
 */
const UNSYNCED = 4;

/** What the engine asks of the background thread. */
export interface Maintenance {
  /** Resolves when the background thread has the database open, so that our close is not the last one. */
  hold(name: string): Promise<unknown>;
  /** A checkpoint of this database is due, or, if it is urgent, overdue. */
  grown(name: string, urgent: boolean): void;
}

export interface EngineOptions {
  readonly layout: Layout;
  readonly shared: StoreShared;
  readonly log: StoreLog;
  /** Open account handles in the whole process. */
  readonly handles: number;
  readonly boots: Boots;
  /** The way to the store's other threads; null where this is the only one. */
  readonly control: Control | null;
  /** Null: files are closed, and their logs moved, wherever that falls. */
  readonly maintenance: Maintenance | null;
  /** The background thread's own operations; elsewhere null, and they are sent there. */
  readonly bulk: BulkOperation | null;
  /** Called once, when a sync has failed: nothing can be promised any more, and the process must end. */
  readonly fatal: (error: Error) => void;
  readonly sync?: SyncCalls;
  /** In a thread that commits for many at once: one sync for all of them (commit-journal.ts). */
  readonly journal?: Pick<JournalOptions, 'size'>;
  /** Unix ms, for the epoch rule. */
  readonly now?: () => number;
}

/** The operation of a name, which may take longer than a server thread's event loop may be held. */
export type BulkOperation = (name: string, args: unknown) => () => Op<unknown>;

export class SqliteEngine implements Engine {
  readonly #options: EngineOptions;
  readonly #feed: Feed;
  readonly #calls: SyncCalls;
  readonly #files: OpenFiles;
  readonly #journal: CommitJournal | null;
  readonly #pace = new Pace();
  readonly #unsynced: Int32Array;
  readonly #corruptLogged = new Map<string, number>();
  #poison: StoreError | null = null;
  #closed = false;

  constructor(options: EngineOptions) {
    this.#options = options;
    this.#calls = options.sync ?? SYSTEM_SYNC;
    this.#feed = new Feed(options.shared, options.log);
    this.#unsynced = new Int32Array(options.shared.unsynced);
    this.#journal = options.journal === undefined ? null : this.#newJournal(options.journal);
    this.#files = new OpenFiles(options, {
      sync: this.#calls,
      journal: this.#journal,
      pace: this.#pace,
      check: () => this.#check(),
      durable: (handle) => this.#durable(handle),
      batches: (seat) => ({
        commit: (ops) => this.#commit(seat, ops),
        settle: (committed) => this.#sync(seat, committed),
      }),
    });
    options.control?.handle('retire', (name: string) => this.#files.retire(this.#files.seat(databaseKey(name))));
    options.control?.handle('resume', (name: string) => this.#files.resume(this.#files.seat(databaseKey(name))));
  }

  async read<T>(db: DatabaseKey, op: () => Op<T>): Promise<T> {
    const seat = this.#files.enter(db) ?? (await this.#files.enterLater(db));
    try {
      const handle = seat.handle?.ready ? seat.handle : await this.#files.open(seat);
      return await patiently(() => handle.database.read(op));
    } catch (error) {
      throw this.#failed(seat, error);
    } finally {
      this.#files.leave(seat);
    }
  }

  async write<T>(db: DatabaseKey, op: () => Op<T>): Promise<T> {
    const seat = this.#files.enter(db) ?? (await this.#files.enterLater(db));
    try {
      if (!seat.handle?.ready) await this.#files.open(seat);
      return await seat.writer.write(op);
    } catch (error) {
      throw this.#failed(seat, error);
    } finally {
      this.#files.leave(seat);
    }
  }

  async series<T>(db: DatabaseKey, next: (last: T | undefined) => (() => Op<T>) | undefined): Promise<void> {
    const seat = this.#files.enter(db) ?? (await this.#files.enterLater(db));
    const durable: Promise<T>[] = [];
    try {
      if (!seat.handle?.ready) await this.#files.open(seat);
      for (let op = next(undefined); op !== undefined; ) {
        const { promise, resolve: committed } = Promise.withResolvers<T>();
        const written: Promise<T> = seat.writer.write<T>(op, { committed, goesOn: durable.length > 0 });
        durable.push(written);
        op = next(await Promise.race([promise, written]));
        if (op !== undefined) await Promise.all([durable.at(-UNSYNCED), eventLoopTurn()]);
      }
      await Promise.all(durable);
    } catch (error) {
      throw this.#failed(seat, error);
    } finally {
      // None is left behind, and the handle stays open for its sync.
      await Promise.allSettled(durable);
      this.#files.leave(seat);
    }
  }

  async bulk<T>(db: DatabaseKey, name: string, args: unknown): Promise<T> {
    const { control, bulk } = this.#options;
    this.#check();
    if (bulk !== null) return this.write(db, bulk(name, args) as () => Op<T>);
    if (control === null) throw new StoreError('unavailable', 'no background thread is here');
    return (await control.ask('bulk', { database: databaseName(db), name, args })) as T;
  }

  async createAccount(id: string): Promise<void> {
    this.#check();
    try {
      await create(this.#options.layout, { kind: 'account', id }, this.#options.boots, this.#calls);
    } catch (error) {
      throw toStoreError(error, `account ${id}`);
    }
  }

  async destroyAccount(id: string): Promise<void> {
    await this.exclusively({ kind: 'account', id }, () =>
      rm(accountFolder(this.#options.layout, id), { recursive: true, force: true }),
    );
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
    await this.#files.close();
    await this.#journal?.close();
    this.#feed.close();
  }

  /**
   * Runs `work` while no thread has the database's files open and no operation on it begins: to replace or delete them.
   * Errors: busy, if operations in hand do not end within the bound.
   */
  async exclusively<T>(db: DatabaseKey, work: () => Promise<T>): Promise<T> {
    this.#check();
    const name = databaseName(db);
    // One at a time, so that two threads do not wait for each other.
    return navigator.locks.request(`${this.#options.shared.name}/${name}/exclusive`, async () => {
      const seat = this.#files.seat(db);
      const { control } = this.#options;
      try {
        await Promise.all([this.#files.retire(seat), control?.askAll('retire', name)]);
        return await work();
      } catch (error) {
        throw toStoreError(error, name);
      } finally {
        this.#files.resume(seat);
        await control?.askAll('resume', name);
      }
    });
  }

  /** Raises the generation of a database whose file was replaced: whoever follows it looks again. */
  announce(db: DatabaseKey): void {
    this.#feed.raise(db);
  }

  /** Opens the database and keeps it open until `closeIdle` or the budget closes it. */
  async touch(db: DatabaseKey): Promise<void> {
    const seat = this.#files.enter(db) ?? (await this.#files.enterLater(db));
    try {
      await this.#files.open(seat);
    } catch (error) {
      throw this.#failed(seat, error);
    } finally {
      this.#files.leave(seat);
    }
  }

  /** Moves a long write-ahead log into its database (DESIGN 5, "Checkpoints"); for the background thread. */
  async checkpoint(db: DatabaseKey): Promise<void> {
    const seat = this.#files.enter(db) ?? (await this.#files.enterLater(db));
    try {
      const handle = await this.#files.open(seat);
      // Asked for again while it was under way, it may have been done already.
      const { frames, moved } = await patiently(() => handle.database.checkpoint('NOOP'));
      if (frames - moved < CHECKPOINT_FRAMES) return;
      // SQLite syncs the log, but not its name, which whoever wrote first may not have made durable yet.
      await this.#durable(handle);
      await patiently(() => handle.database.checkpoint('PASSIVE'));
      await seat.queue.run(() => this.#beginLog(handle));
    } catch (error) {
      throw this.#failed(seat, error);
    } finally {
      this.#files.leave(seat);
    }
  }

  /**
   * Makes a log begin anew, under the lock: what was written since is moved too and, once no reader is in the log, the
   * next write is its first. That one waits for a sync of the log's header; so it is made here, and changes nothing.
   */
  async #beginLog({ database }: Handle): Promise<void> {
    await patiently(() => database.checkpoint('RESTART'));
    await patiently(() => database.writePage());
  }

  /** Says durably under which boot the file is written. */
  async #stamp(seat: Seat, handle: Handle): Promise<void> {
    await this.#pace.next();
    await patiently(() => handle.write((database) => stamp(database, seat.key, this.#options.boots)));
    if (handle.stamped) return;
    await this.#durable(handle);
    handle.stamped = true;
  }

  /** What SQLite's own check of the file finds. It reads the whole file, and holds the thread as long as that takes. */
  async integrity(db: DatabaseKey): Promise<string[]> {
    const seat = this.#files.enter(db) ?? (await this.#files.enterLater(db));
    try {
      const { database } = await this.#files.open(seat);
      return await patiently(() => database.integrity());
    } catch (error) {
      throw this.#failed(seat, error);
    } finally {
      this.#files.leave(seat);
    }
  }

  /** Writes the database, as it is at this moment, into a new file; holds the thread as long as that takes. */
  async copyTo(db: DatabaseKey, file: string): Promise<void> {
    const seat = this.#files.enter(db) ?? (await this.#files.enterLater(db));
    try {
      const { database } = await this.#files.open(seat);
      await patiently(() => database.copyTo(file));
    } catch (error) {
      throw this.#failed(seat, error);
    } finally {
      this.#files.leave(seat);
    }
  }

  /** Runs `work` under the database's lock, with everything that was committed durable. It may read, and not write. */
  async locked<T>(db: DatabaseKey, work: () => Promise<T>): Promise<T> {
    const seat = this.#files.enter(db) ?? (await this.#files.enterLater(db));
    try {
      const handle = await this.#files.open(seat);
      return await seat.queue.run(async () => {
        await this.#durable(handle);
        return work();
      });
    } catch (error) {
      throw this.#failed(seat, error);
    } finally {
      this.#files.leave(seat);
    }
  }

  /** Closes account handles that nobody has used for so many ms. */
  closeIdle(age: number): Promise<void> {
    return this.#files.closeIdle(age);
  }

  #newJournal(options: Pick<JournalOptions, 'size'>): CommitJournal {
    const { layout, log } = this.#options;
    const failed = (error: unknown) => this.#poisoned(error);
    return new CommitJournal({ ...options, folder: layout.journal, calls: this.#calls, log, failed });
  }

  #check(): void {
    if (this.#poison !== null) throw this.#poison;
    if (this.#closed) throw new StoreError('closed', 'the store is closed');
  }

  /** Runs under the lock: one transaction, visible when it ends, durable later. */
  #commit(seat: Seat, ops: readonly (() => Op<unknown>)[]): Committed | Promise<Committed> {
    this.#check();
    const handle = seat.handle;
    if (handle === null) throw new StoreError('busy', `${seat.name} was closed while a writer waited`);
    if (!handle.stamped) return this.#stamp(seat, handle).then(() => this.#write(seat, handle, ops));
    return this.#write(seat, handle, ops);
  }

  #write(seat: Seat, handle: Handle, ops: readonly (() => Op<unknown>)[]): Committed | Promise<Committed> {
    const batch = patiently(() => handle.write((database) => database.writeBatch(ops)));
    if (batch instanceof Promise) return batch.then((later) => this.#committed(seat, handle, later));
    return this.#committed(seat, handle, batch);
  }

  /** Counted before the lock is free again. */
  #committed(seat: Seat, handle: Handle, { outcomes, rows }: Batch): Committed {
    if (rows > 0) Atomics.add(this.#unsynced, seat.slot, 1);
    return { outcomes, rows, handle };
  }

  /** Makes what was committed durable, then tells those who listen. */
  async #sync(seat: Seat, { rows, handle, outcomes }: Committed): Promise<void> {
    // Nothing changed, perhaps because another commit, still to be synced, had done it already (a delivery's retry):
    // the answer rests on that one, so it waits for a sync too.
    if (rows === 0 && Atomics.load(this.#unsynced, seat.slot) === 0) return;
    const durable = this.#durable(handle);
    // While the disk is at it: nobody waits for this.
    handle.unwatched += rows;
    if (handle.unwatched >= WATCH_ROWS) this.#watchGrowth(seat, handle);
    await durable;
    if (rows === 0) return;
    Atomics.sub(this.#unsynced, seat.slot, 1);
    this.#feed.raise(seat.key, outcomes.length);
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
    if (this.#options.maintenance === null) return;
    handle.unwatched = 0;
    try {
      const { frames, moved } = handle.database.checkpoint('NOOP');
      const length = frames - moved;
      if (length >= CHECKPOINT_FRAMES) this.#options.maintenance.grown(seat.name, length >= URGENT_FRAMES);
    } catch (error) {
      // The commit is durable; how long the log is will be seen the next time.
      this.#options.log.warn({ err: error, database: seat.name }, 'the length of a write-ahead log was not to be had');
    }
  }

  /** Makes a StoreError of what an operation failed with, and logs what an operator must see. */
  #failed(seat: Seat, error: unknown): StoreError {
    // SQLite syncs too, at a checkpoint and when a log begins: a failure of that is as final as one of ours.
    if (isFailedSync(error)) return this.#poisoned(error);
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
}
