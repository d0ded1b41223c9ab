// One sync for the commits of many databases. Each database has a write-ahead log of its own, and a sync of each costs more
// than what is written: so when several wait at once, what was committed to them is copied, as it stands in their logs, into
// one file of this thread, and that is synced. After a power cut it is put back into the logs (journal-replay.ts); the logs
// themselves are synced later, before the part of the journal that stands for them is written over.

import { randomUUID } from 'node:crypto';
import { closeSync, openSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { isNoSpace } from './failure.ts';
import { FIRST_RECORD, firstPage, RECORD_HEAD, writeHead } from './journal-format.ts';
import type { SyncCalls, WalSync } from './wal-sync.ts';

/** Two or fewer are synced each for itself: that takes no longer, and nothing is written twice. */
const LEAST = 3;
/** A file of the journal is as long as 200 deliveries: with 100 mailboxes each log is synced once in four of them. */
const FILE = 16 * 1024 * 1024;
/** Most that is synced at once, and most of it that is of one log: a larger commit is synced in its log. */
const BATCH = 1024 * 1024;
const SHARE = 256 * 1024;
/** Of a record's place in its log, which has four bytes. */
const MOST_OFFSET = 0x7fff_ffff;
/** Logs that are synced at once before a file is written again: they are in nobody's way. */
const SYNCS = 2;

export interface JournalOptions {
  /** The folder of all threads' journals. */
  readonly folder: string;
  readonly bootId: string;
  readonly calls: SyncCalls;
  /** Bytes of a file; less only in tests. */
  readonly size?: number;
  /** Called when a sync that nobody waits for has failed. */
  readonly failed: (error: unknown) => void;
}

interface Waiting {
  readonly log: WalSync;
  readonly resolve: (done?: Promise<void>) => void;
  readonly reject: (error: unknown) => void;
}

/** One of the two files that take turns. */
class JournalFile {
  readonly path: string;
  readonly fd: number;
  /** Logs of which something is only here. */
  readonly logs = new Set<WalSync>();
  /** Where the next record goes. */
  position = FIRST_RECORD;
  pass = 0;
  records = 0;

  constructor(folder: string, bootId: string) {
    this.path = join(folder, randomUUID());
    this.fd = openSync(this.path, 'wx+', 0o600);
    try {
      writeSync(this.fd, firstPage(bootId), 0, FIRST_RECORD, 0);
    } catch (error) {
      this.delete();
      throw error;
    }
  }

  delete(): void {
    closeSync(this.fd);
    rmSync(this.path);
  }
}

/** The journal of one thread. */
export class CommitJournal {
  readonly #options: JournalOptions;
  #waiting: Waiting[] = [];
  #due = false;
  #running: Promise<void> | null = null;
  /** The one that is written, and the one that is made ready to be written again; none until they are needed. */
  #files: readonly [JournalFile, JournalFile] | null = null;
  #preparing: Promise<void> | null = null;
  #buffer: Buffer | null = null;

  constructor(options: JournalOptions) {
    this.#options = options;
  }

  /** Resolves when everything that was committed to this log before the call is durable. */
  sync(log: WalSync): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#waiting.push({ log, resolve, reject });
    // At the end of this turn of the event loop, when those who commit in it have done so.
    if (!this.#due && this.#running === null) {
      this.#due = true;
      setImmediate(() => this.#start());
    }
    return promise;
  }

  /** Before a log is closed: syncs it, if the journal stands for some of it. */
  async release(log: WalSync): Promise<void> {
    const files = this.#files?.filter(({ logs }) => logs.has(log)) ?? [];
    if (files.length === 0) return;
    try {
      await log.whole(false);
    } catch (error) {
      this.#options.failed(error);
    }
    for (const { logs } of files) logs.delete(log);
  }

  /** Deletes its files; once every log is closed. */
  async close(): Promise<void> {
    await Promise.allSettled([this.#running, this.#preparing]);
    for (const file of this.#files ?? []) file.delete();
    this.#files = null;
  }

  #start(): void {
    this.#due = false;
    if (this.#running !== null || this.#waiting.length === 0) return;
    const waiting = this.#waiting;
    this.#waiting = [];
    if (waiting.length < LEAST || !this.#ready()) {
      for (const { log, resolve } of waiting) resolve(log.whole(waiting.length >= LEAST));
      return;
    }
    this.#running = this.#together(waiting)
      .catch((error) => {
        for (const { reject } of waiting) reject(error);
      })
      .finally(() => {
        this.#running = null;
        this.#start();
      });
  }

  /** True if there is room for a batch. */
  #ready(): boolean {
    if (this.#files === null) {
      this.#preparing ??= this.#prepare(() => this.#create());
      return false;
    }
    const [file, other] = this.#files;
    if (file.position + BATCH <= (this.#options.size ?? FILE)) return true;
    if (this.#preparing !== null) return false;
    this.#files = [other, file];
    this.#preparing = this.#prepare(() => this.#settle(file));
    return true;
  }

  async #prepare(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      this.#options.failed(error);
    } finally {
      this.#preparing = null;
    }
  }

  /** On a full disk there is no journal, until the next time. */
  async #create(): Promise<void> {
    const { folder, bootId, calls } = this.#options;
    const made: JournalFile[] = [];
    const make = async (): Promise<JournalFile> => {
      const file = new JournalFile(folder, bootId);
      made.push(file);
      await calls.file(file.fd, file.path);
      return file;
    };
    try {
      const files = [await make(), await make()] as const;
      await calls.folder(folder);
      this.#files = files;
    } catch (error) {
      for (const file of made) file.delete();
      if (!isNoSpace(error)) throw error;
    }
  }

  /** Syncs the logs of which something is only in this file; then it is written from its beginning. */
  async #settle(file: JournalFile): Promise<void> {
    const logs = file.logs.values();
    const some = async (): Promise<void> => {
      for (const log of logs) await log.whole(false);
    };
    await Promise.all(Array.from({ length: SYNCS }, some));
    file.logs.clear();
    Object.assign(file, { position: FIRST_RECORD, pass: file.pass + 1, records: 0 });
  }

  async #together(waiting: readonly Waiting[]): Promise<void> {
    const [file] = this.#files ?? [];
    if (file === undefined) throw new Error('there is no journal');
    this.#buffer ??= Buffer.alloc(BATCH);
    const written: Waiting[] = [];
    let length = 0;
    for (const one of waiting) {
      const end = this.#record(file, file.records + written.length, one.log, length);
      if (end === null) one.resolve(one.log.whole(true));
      else {
        length = end;
        written.push(one);
      }
    }
    try {
      if (writeSync(file.fd, this.#buffer, 0, length, file.position) === length) {
        for (const { log } of written) file.logs.add(log);
        await this.#options.calls.file(file.fd, file.path);
        file.position += length;
        file.records += written.length;
        for (const { log, resolve } of written) {
          log.tail.advance();
          resolve();
        }
        return;
      }
    } catch (error) {
      if (!isNoSpace(error)) throw error;
    }
    // A full disk, which has room for what is in the logs already.
    for (const { log, resolve } of written) resolve(log.whole(true));
  }

  /** Puts what is new of a log into the buffer; where it ends, null if it must be synced itself. */
  #record(file: JournalFile, number: number, { name, tail }: WalSync, at: number): number | null {
    const buffer = this.#buffer;
    if (buffer === null) return null;
    const frames = at + RECORD_HEAD;
    const { durable } = tail;
    if (durable === null || durable.offset > MOST_OFFSET || frames >= BATCH) return null;
    const length = tail.copy(buffer, frames, Math.min(BATCH, frames + SHARE));
    if (length === null) return null;
    writeHead(buffer, at, {
      ...{ pass: file.pass, number, database: name },
      ...{ log: durable.header, offset: durable.offset, length },
    });
    return frames + length;
  }
}
