// One sync for the commits of many databases. Each database has a write-ahead log of its own, and a sync of each costs more
// than what is written: so when several wait at once, what was committed to them is copied, as it stands in their logs, into
// one file of this thread, and that is synced. After a run that did not end it is put back into the logs (journal-replay.ts);
// the logs themselves are synced later, before the part of the journal that stands for them is written over.

import { randomUUID } from 'node:crypto';
import { closeSync, openSync, rmSync, writeSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { StoreLog } from '../../log.ts';
import { isNoSpace } from './failure.ts';
import { RECORD_HEAD, writeHead } from './journal-format.ts';
import { type FrameSpace, spaceOf } from './wal-format.ts';
import type { SyncCalls, WalSync } from './wal-sync.ts';

/** Two or fewer are synced each for itself: that takes no longer, and nothing is written twice. */
const LEAST = 3;
/** A file of the journal is as long as 400 deliveries: with 100 mailboxes each log is synced once in four of its own. */
const FILE = 16 * 1024 * 1024;
/** Most that is synced at once, 50 deliveries, and most of it that is of one log: a larger commit is synced in its log. */
const BATCH = 2 * 1024 * 1024;
const SHARE = 256 * 1024;
/** Of a record's place in its log, which has four bytes. */
const MOST_OFFSET = 0x7fff_ffff;
/** When so many syncs in a row were of one log alone, the next begins at once: who is alone has no company to wait for. */
const ALONE = 8;
/** Logs that are synced at once before a file is written again: they are in nobody's way. */
const SYNCS = 2;
/** Where no journal could be made, as on a full disk, it is tried again after so many ms. */
const TRY_AGAIN = 60_000;

export interface JournalOptions {
  /** The folder of all threads' journals. */
  readonly folder: string;
  readonly calls: SyncCalls;
  readonly log: StoreLog;
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
  position = 0;
  pass = 0;
  records = 0;

  constructor(folder: string) {
    this.path = join(folder, randomUUID());
    this.fd = openSync(this.path, 'wx+', 0o600);
  }

  /** The logs have what was in it: it is written from its beginning. */
  rewind(): void {
    this.logs.clear();
    // A start need not look at the last pass any more; if this is lost, it does so for nothing.
    writeSync(this.fd, Buffer.alloc(RECORD_HEAD), 0, RECORD_HEAD, 0);
    this.position = 0;
    this.records = 0;
    this.pass += 1;
  }
}

/** The journal of one thread. */
export class CommitJournal {
  readonly #options: JournalOptions;
  #waiting: Waiting[] = [];
  #due = false;
  /** Syncs in a row that were of one log; and those of single logs that are in hand. */
  #alone = 0;
  #inHand = 0;
  #running: Promise<void> | null = null;
  /** The one that is written, and the one that is made ready to be written again; none until they are needed. */
  #files: readonly [JournalFile, JournalFile] | null = null;
  #preparing: Promise<void> | null = null;
  #tryAfter = 0;
  #space: FrameSpace | null = null;
  /** A log could not be synced: what the journal has may be all there is. */
  #needed = false;

  constructor(options: JournalOptions) {
    this.#options = options;
  }

  /** Resolves when everything that was committed to this log before the call is durable. */
  sync(log: WalSync): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#waiting.push({ log, resolve, reject });
    if (this.#due || this.#running !== null) return promise;
    if (this.#inHand > 0) this.#alone = 0;
    if (this.#alone >= ALONE) this.#start();
    else {
      // At the end of this turn of the event loop, when those who commit in it have done so.
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
      this.#failed(error);
    }
    for (const { logs } of files) logs.delete(log);
  }

  /** Once every log is closed: deletes its files, unless they are needed at the next start. */
  async close(): Promise<void> {
    await Promise.allSettled([this.#running, this.#preparing]);
    for (const { fd, path } of this.#files ?? []) {
      closeSync(fd);
      if (!this.#needed) rmSync(path);
    }
    this.#files = null;
  }

  #failed(error: unknown): void {
    this.#needed = true;
    this.#options.failed(error);
  }

  #start(): void {
    this.#due = false;
    if (this.#running !== null || this.#waiting.length === 0) return;
    const waiting = this.#waiting;
    this.#waiting = [];
    this.#alone = waiting.length === 1 ? this.#alone + 1 : 0;
    const file = waiting.length < LEAST ? null : this.#ready();
    if (file === null) {
      for (const { log, resolve } of waiting) resolve(this.#single(log, waiting.length >= LEAST));
      return;
    }
    this.#running = this.#together(file, waiting)
      .catch((error) => {
        for (const { reject } of waiting) reject(error);
      })
      .finally(() => {
        this.#running = null;
        this.#start();
      });
  }

  #single(log: WalSync, mark: boolean): Promise<void> {
    const sync = log.whole(mark);
    this.#inHand += 1;
    const over = () => {
      this.#inHand -= 1;
    };
    sync.then(over, over);
    return sync;
  }

  /** The file that has room for a batch; null if there is none yet. */
  #ready(): JournalFile | null {
    if (this.#files === null) {
      if (performance.now() >= this.#tryAfter) this.#preparing ??= this.#create();
      return null;
    }
    const [file, other] = this.#files;
    if (file.position + BATCH <= (this.#options.size ?? FILE)) return file;
    if (this.#preparing !== null || this.#needed) return null;
    this.#files = [other, file];
    this.#preparing = this.#settle(file);
    return other;
  }

  async #create(): Promise<void> {
    const { folder, calls, log } = this.#options;
    const made: JournalFile[] = [];
    const make = async (): Promise<JournalFile> => {
      const file = new JournalFile(folder);
      made.push(file);
      await calls.file(file.fd, file.path);
      return file;
    };
    try {
      const files = [await make(), await make()] as const;
      await calls.folder(folder);
      await calls.folder(dirname(folder));
      this.#files = files;
    } catch (error) {
      log.warn({ err: error }, 'no journal of commits can be made: each log is synced for itself');
      this.#tryAfter = performance.now() + TRY_AGAIN;
      for (const { fd, path } of made) {
        closeSync(fd);
        rmSync(path);
      }
    } finally {
      this.#preparing = null;
    }
  }

  /** Syncs the logs of which something is only in this file; then it is written from its beginning. */
  async #settle(file: JournalFile): Promise<void> {
    const logs = file.logs.values();
    const some = async (): Promise<void> => {
      for (const log of logs) await log.whole(false);
    };
    try {
      await Promise.all(Array.from({ length: SYNCS }, some));
      file.rewind();
    } catch (error) {
      this.#failed(error);
    } finally {
      this.#preparing = null;
    }
  }

  async #together(file: JournalFile, waiting: readonly Waiting[]): Promise<void> {
    this.#space ??= spaceOf(Buffer.alloc(BATCH));
    const space = this.#space;
    const written: Waiting[] = [];
    let length = 0;
    for (const [index, one] of waiting.entries()) {
      if (length + RECORD_HEAD + SHARE > BATCH) {
        this.#waiting.unshift(...waiting.slice(index));
        break;
      }
      const end = this.#record(space, length, one.log, file, file.records + written.length);
      if (end === null) one.resolve(one.log.whole(true));
      else {
        length = end;
        written.push(one);
      }
    }
    if (written.length === 0) return;
    for (const { log } of written) file.logs.add(log);
    if (await this.#write(file, space.bytes.subarray(0, length))) {
      file.position += length;
      file.records += written.length;
      for (const { log, resolve } of written) {
        log.tail.advance();
        resolve();
      }
      return;
    }
    // A full disk has room for what is in the logs already.
    for (const { log, resolve } of written) resolve(log.whole(true));
  }

  /** False on a full disk. */
  async #write(file: JournalFile, records: Buffer): Promise<boolean> {
    try {
      if (writeSync(file.fd, records, 0, records.length, file.position) < records.length) return false;
      await this.#options.calls.file(file.fd, file.path);
      return true;
    } catch (error) {
      if (isNoSpace(error)) return false;
      throw error;
    }
  }

  /** Puts what is new of a log into the buffer; where it ends, null if the log must be synced itself. */
  #record(space: FrameSpace, at: number, { name, tail }: WalSync, file: JournalFile, number: number): number | null {
    const { durable } = tail;
    if (durable === null || durable.offset > MOST_OFFSET) return null;
    const frames = at + RECORD_HEAD;
    const length = tail.copy(space, frames, frames + SHARE);
    if (length === null) return null;
    const { header: log, offset } = durable;
    writeHead(space.bytes, at, { pass: file.pass, number, database: name, log, offset, length });
    return frames + length;
  }
}
