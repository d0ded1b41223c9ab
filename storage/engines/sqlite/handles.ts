// The open files of one thread. Handles of accounts are kept in order of use within a budget that the process shares;
// the directory and the queue stay open. A handle in use is never closed.

import type { DatabaseKey } from '../port.ts';
import { type BatchCalls, BatchWriter } from './batch-writer.ts';
import type { CommitJournal } from './commit-journal.ts';
import { type Batch, Database } from './database.ts';
import { databaseFile, databaseName, type Layout } from './layout.ts';
import { WATCH_ROWS } from './maintenance-rules.ts';
import { ProcessLock } from './process-lock.ts';
import { type StoreShared, slotOf } from './shared.ts';
import { type SyncCalls, WalSync } from './wal-sync.ts';
import { WriteQueue } from './write-queue.ts';

/** Milliseconds that SQLite may block the thread waiting for another connection; longer waits are asynchronous. */
const BUSY_TIMEOUT = 10;

/** One open file. */
export class Handle {
  readonly database: Database;
  readonly sync: WalSync;
  /** Migrated, and jumped if its boot ended badly: operations may run. */
  ready = false;
  /** The file says durably that it is written under this boot: writing operations may run. */
  stamped = false;
  /** Rows written since the length of the log was looked at; at first it may be of any length. */
  unwatched = WATCH_ROWS;
  /** There is something in the log. */
  #begun = false;

  constructor(file: string, name: string, calls: SyncCalls, journal: CommitJournal | null) {
    this.database = new Database({ file, busyTimeout: BUSY_TIMEOUT });
    try {
      const frames = () => this.database.checkpoint('NOOP').frames;
      this.sync = new WalSync(file, calls, journal === null ? null : { journal, name, frames });
      if (!this.sync.isCurrent()) throw new Error(`the WAL of ${file} was replaced while it was opened`);
    } catch (error) {
      this.database.close();
      throw error;
    }
  }

  /**
   * Runs what writes; called under the lock, so that nobody else does. Before a log's first frame SQLite syncs its header
   * and its folder, on this thread, lest frames of an older log be read under it after a power cut. A log that is still
   * empty has none, and what is written is answered, or moved into the database, only after a sync of ours of both: there
   * it is left out. It held the event loop for 3 to 22 ms, for each mailbox that came into use.
   */
  write<T>(work: (database: Database) => T): T {
    this.#begun ||= !this.sync.isEmpty();
    return this.#begun ? work(this.database) : this.database.withoutSyncs(() => work(this.database));
  }

  async close(): Promise<void> {
    await this.sync.close();
    this.database.close();
  }
}

/** A batch that was committed to a handle. */
export interface Committed extends Batch {
  readonly handle: Handle;
}

/** No operation may begin until `end` is called. */
export interface Retirement {
  readonly over: Promise<void>;
  readonly end: () => void;
}

/** What this thread knows of one database. */
export class Seat {
  readonly key: DatabaseKey;
  readonly name: string;
  readonly slot: number;
  readonly file: string;
  readonly queue: WriteQueue;
  readonly writer: BatchWriter<Committed>;
  handle: Handle | null = null;
  /** Set while the handle is being opened. */
  opening: Promise<Handle> | null = null;
  /** Operations in hand; the handle stays open while there are any. */
  users = 0;
  /** Called when the last of them ends. */
  drained: (() => void) | null = null;
  /** When the last operation ended, on the monotonic clock. */
  lastUsed = 0;
  /** Set while the file is being replaced or deleted; new operations wait for its end. */
  retired: Retirement | null = null;
  /** Set while the handle is being closed. */
  closing: Promise<void> | null = null;

  constructor(key: DatabaseKey, layout: Layout, shared: StoreShared, calls: (seat: Seat) => BatchCalls<Committed>) {
    this.key = key;
    this.name = databaseName(key);
    this.slot = slotOf(key);
    this.file = databaseFile(layout, key);
    this.queue = new WriteQueue(new ProcessLock(shared, this.name, this.slot), this.name);
    this.writer = new BatchWriter(this.queue, calls(this));
  }
}
