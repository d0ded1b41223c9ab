// The group commit: after COMMIT a writer waits for an asynchronous fdatasync of the WAL file. One is in flight and one
// is waiting; everybody who commits while one is in flight shares the next. Where several logs wait at once, the thread's
// journal (commit-journal.ts) syncs for all of them.

import { close, fdatasync, fstatSync, fsync, open, openSync, statSync } from 'node:fs';
import { type FileHandle, open as openFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { promisify } from 'node:util';
import type { CommitJournal } from './commit-journal.ts';
import { codeOf } from './failure.ts';
import { WalTail } from './wal-tail.ts';

const fsyncAsync = promisify(fsync);
const openAsync = promisify(open);
const closeAsync = promisify(close);

/** The system's calls that make things durable; tests put stalling and failing ones in their place. */
export interface SyncCalls {
  /** Makes the content of an open file durable. */
  file(fd: number, path: string): Promise<void>;
  /** Makes the names in a folder durable. */
  folder(path: string): Promise<void>;
}

/** The real ones. */
export const SYSTEM_SYNC: SyncCalls = {
  // One for each commit: promisify would cost as much again as the call.
  file: (fd) =>
    new Promise((resolve, reject) => {
      fdatasync(fd, (error) => (error === null ? resolve() : reject(error)));
    }),
  async folder(path) {
    const fd = await openAsync(path, 'r');
    try {
      await fsyncAsync(fd);
    } finally {
      await closeAsync(fd);
    }
  },
};

/** Opens the log of a database; null if there is none. Closing it again drops no lock of SQLite's. */
export async function openLog(database: string, flags: 'r' | 'r+'): Promise<FileHandle | null> {
  try {
    return await openFile(`${database}-wal`, flags);
  } catch (error) {
    // The last handle to close deletes it, synced into its database.
    if (codeOf(error) === 'ENOENT') return null;
    throw error;
  }
}

/** How a log takes part in the journal of its thread. */
export interface InJournal {
  readonly journal: CommitJournal;
  /** The database, by databaseName. */
  readonly name: string;
  /** The frames of its log that are committed. */
  readonly frames: () => number;
}

/** The WAL file of one open database. Lives no longer than its handle, which keeps the file from being deleted. */
export class WalSync {
  readonly #path: string;
  readonly #fd: number;
  readonly #calls: SyncCalls;
  readonly #journal: CommitJournal | null;
  readonly name: string;
  /** What the journal knows of the log. */
  readonly tail: WalTail;
  #whole: Promise<void> | null = null;
  #folderSynced = false;
  #running: Promise<void> | null = null;
  #next: Promise<void> | null = null;

  /** To be made after the handle has read from the database, which opens (or makes) its WAL. */
  constructor(database: string, calls: SyncCalls, inJournal: InJournal | null = null) {
    this.#path = `${database}-wal`;
    this.#calls = calls;
    // Opening and closing the WAL is harmless; closing the database or its -shm would drop SQLite's POSIX locks.
    this.#fd = openSync(this.#path, 'r');
    this.#journal = inJournal?.journal ?? null;
    this.name = inJournal?.name ?? '';
    this.tail = new WalTail(this.#fd, inJournal?.frames ?? (() => 0));
  }

  /** True if the name still leads to the file that we sync: it must, as long as the handle is open. */
  isCurrent(): boolean {
    const named = statSync(this.#path, { throwIfNoEntry: false });
    return named !== undefined && named.ino === fstatSync(this.#fd).ino;
  }

  /** True while nothing was ever written to it. */
  isEmpty(): boolean {
    return fstatSync(this.#fd).size === 0;
  }

  /** Resolves when everything that was committed before this call is durable. */
  wait(): Promise<void> {
    if (this.#next !== null) return this.#next;
    if (this.#running === null) return this.#start();
    this.#next = this.#running.then(() => {
      this.#next = null;
      return this.#start();
    });
    return this.#next;
  }

  /**
   * Syncs the file itself; what was committed before the call is durable when it resolves. `mark`: what is committed later
   * may go through the journal.
   */
  whole(mark: boolean): Promise<void> {
    // One at a time: of a failure only the first who waits is told by the kernel. After it there is no other.
    const sync = this.#whole === null ? this.#syncWhole(mark) : this.#whole.then(() => this.#syncWhole(mark));
    this.#whole = sync;
    return sync;
  }

  async #syncWhole(mark: boolean): Promise<void> {
    const end = mark ? this.tail.end() : null;
    await this.#calls.file(this.#fd, this.#path);
    if (end !== null) this.tail.synced(end);
  }

  /** Closes the file, once no sync is in hand. */
  async close(): Promise<void> {
    await Promise.allSettled([this.#running]);
    await this.#journal?.release(this);
    // The journal's own, too: the descriptor may be another file's at once.
    await Promise.allSettled([this.#whole]);
    await closeAsync(this.#fd);
  }

  #start(): Promise<void> {
    this.#running = this.#run();
    return this.#running;
  }

  async #run(): Promise<void> {
    try {
      await this.#sync();
    } finally {
      this.#running = null;
    }
  }

  #sync(): Promise<void> {
    // The WAL may be new (the last handle to close deletes it), and only its folder's sync makes its name durable.
    // Every handle does that once: another one's first sync may not have got so far.
    if (!this.#folderSynced) return this.#first();
    return this.#journal === null ? this.whole(false) : this.#journal.sync(this);
  }

  async #first(): Promise<void> {
    await Promise.all([this.#calls.file(this.#fd, this.#path), this.#calls.folder(dirname(this.#path))]);
    this.#folderSynced = true;
  }
}
