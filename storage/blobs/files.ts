// Blobs as files: DATA/accounts/<xx>/<id>/blobs/<hash>, hard links of the staged file, so that the file system counts
// who uses a body. A blob is named by the SHA-256 of its bytes, so that an account has a large body once, under whatever headers.

import type { FileHandle } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { locks } from 'node:worker_threads';
import { StoreError } from '../errors.ts';
import type { StoreLog } from '../log.ts';
import type { AccountId, Staged, Staging } from '../ports.ts';
import { Budget, createBudgetShared } from './budget.ts';
import { asStoreError, guarded } from './faults.ts';
import { type FileSystem, fileSystem } from './file-system.ts';
import { FrameReader } from './frames.ts';
import { COMPRESSIONS, SWEEP_PAGE } from './limits.ts';
import { createPackers, type Packers } from './packer.ts';
import { type Adopted, type BlobReader, type Blobs, QUEUE_OWNER } from './port.ts';
import { type StagingOptions, stage } from './staging.ts';
import { Turns } from './turns.ts';

export interface FileBlobsOptions {
  /** The data directory. */
  readonly directory: string;
  readonly log: StoreLog;
  /** For tests that make it fail. */
  readonly files?: FileSystem;
  /** Others than new ones. */
  readonly packers?: Packers;
  /** The process's memory for bodies on their way in; one of its own if absent. */
  readonly budget?: Budget;
}

/** Where an account's files are: DATA/accounts/<first two characters>/<id>; the queue's are in DATA/queue. */
export function accountDirectory(data: string, account: AccountId): string {
  if (account === QUEUE_OWNER) return join(data, 'queue');
  return join(data, 'accounts', account.slice(0, 2), account);
}

/**
 * Makes DATA/staging and empties it: what lies there is of a process that died. Once per process, under DATA/lock,
 * before any thread stages.
 */
export async function clearStaging(data: string, files: FileSystem = fileSystem): Promise<number> {
  return guarded('DATA/staging could not be cleared', async () => {
    const directory = join(data, 'staging');
    await files.mkdir(directory, { recursive: true, mode: 0o700 });
    const names = await files.readdir(directory);
    for (const name of names) await files.unlink(join(directory, name));
    return names.length;
  });
}

/** Blobs in files, for one thread. */
export function createFileBlobs(options: FileBlobsOptions): Blobs {
  return new FileBlobs(options);
}

/** Waits for the shared lock of a name and holds it until the returned function is called. */
function holdShared(name: string): Promise<() => void> {
  return new Promise((resolve, reject) => {
    locks
      .request(name, { mode: 'shared' }, () => new Promise<void>((release) => resolve(() => release())))
      .catch(reject);
  });
}

function codeOf(cause: unknown): unknown {
  return cause instanceof Error && 'code' in cause ? cause.code : undefined;
}

/** That it is there already is what was wanted; anything else is thrown on. */
function unlessThere(cause: unknown): void {
  if (codeOf(cause) !== 'EEXIST') throw cause;
}

class FileBlobs implements Blobs {
  readonly packers: Packers;
  readonly #data: string;
  readonly #log: StoreLog;
  readonly #files: FileSystem;
  readonly #turns = new Turns(COMPRESSIONS);
  /** What all stagings have in common. */
  readonly #staging: StagingOptions;
  /** Accounts whose blobs folder is known to be durable in its parent. */
  readonly #settled = new Set<AccountId>();

  constructor(options: FileBlobsOptions) {
    this.#data = options.directory;
    this.#log = options.log;
    this.#files = options.files ?? fileSystem;
    const notKept = () => this.#log.warn({}, 'this Node keeps no zstd contexts: small messages cost more time');
    this.packers = options.packers ?? createPackers(notKept);
    this.#staging = {
      ...{ directory: join(this.#data, 'staging'), files: this.#files, packers: this.packers, turns: this.#turns },
      ...{ budget: options.budget ?? new Budget(createBudgetShared()), log: this.#log },
    };
  }

  #folder(account: AccountId): string {
    return join(accountDirectory(this.#data, account), 'blobs');
  }

  /** A process-wide lock: deliveries hold it shared, the sweeper takes it alone. */
  #pin(account: AccountId, name: string): string {
    return `blob:${this.#data}:${account}/${name}`;
  }

  stage(options: { maxBytes: number }): Staging {
    return stage(this.#staging, options.maxBytes);
  }

  async adopt(account: AccountId, staged: Staged): Promise<Adopted> {
    const source = staged.file;
    if (source === null) throw new StoreError('invalid', 'a small body is no blob');
    const name = staged.fileHash;
    const release = await holdShared(this.#pin(account, name));
    try {
      await guarded('a body could not be placed in the account', () => this.#link(source, account, name));
    } catch (error) {
      release();
      throw error;
    }
    return { name, release };
  }

  /** The staged file is synced already (Staging.finish); the folder is, even for a link that another delivery made. */
  async #link(source: string, account: AccountId, name: string): Promise<void> {
    const folder = this.#folder(account);
    const target = join(folder, name);
    try {
      await this.#files.link(source, target);
    } catch (cause) {
      if (codeOf(cause) === 'ENOENT') {
        await this.#makeFolder(folder);
        await this.#files.link(source, target).catch(unlessThere);
      } else {
        unlessThere(cause);
      }
    }
    await this.#syncFolder(folder);
    // Another delivery may have made the folder a moment ago and not have synced its parent yet.
    if (this.#settled.has(account)) return;
    await this.#syncFolder(dirname(folder));
    this.#settled.add(account);
  }

  /** Two first deliveries may both find that there is no folder. */
  async #makeFolder(folder: string): Promise<void> {
    await this.#files.mkdir(folder, { mode: 0o700 }).catch(unlessThere);
  }

  async #syncFolder(folder: string): Promise<void> {
    const handle = await this.#files.open(folder, 'r');
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
  }

  open(account: AccountId, name: string): Promise<BlobReader> {
    return guarded(`blob ${name} of ${account} can't be read`, async () => {
      const file = await this.#files.open(join(this.#folder(account), name), 'r');
      try {
        return new FileBlobReader(file, await FrameReader.open(file), `blob ${name} of ${account} can't be read`);
      } catch (cause) {
        await file.close();
        throw cause;
      }
    });
  }

  async *names(account: AccountId): AsyncGenerator<string> {
    yield* await guarded('blobs could not be listed', () => this.#list(account));
  }

  async #list(account: AccountId): Promise<string[]> {
    try {
      return await this.#files.readdir(this.#folder(account));
    } catch (cause) {
      if (codeOf(cause) === 'ENOENT') return [];
      throw cause;
    }
  }

  async sweep(
    account: AccountId,
    referenced: (names: readonly string[]) => Promise<ReadonlySet<string>>,
  ): Promise<number> {
    const names = await guarded('blobs could not be listed', () => this.#list(account));
    let deleted = 0;
    for (let at = 0; at < names.length; at += SWEEP_PAGE) {
      const page = names.slice(at, at + SWEEP_PAGE);
      const used = await referenced(page);
      for (const name of page) {
        if (!used.has(name) && (await this.#deleteUnpinned(account, name))) deleted++;
      }
    }
    return deleted;
  }

  async *unreferenced(
    account: AccountId,
    referenced: (names: readonly string[]) => Promise<ReadonlySet<string>>,
  ): AsyncGenerator<string> {
    const names = await guarded('blobs could not be listed', () => this.#list(account));
    for (let at = 0; at < names.length; at += SWEEP_PAGE) {
      const page = names.slice(at, at + SWEEP_PAGE);
      const used = await referenced(page);
      for (const name of page) {
        if (used.has(name)) continue;
        // A delivery may have named it since; while its pin is held here, none can.
        const loose = await locks.request(
          this.#pin(account, name),
          { ifAvailable: true },
          async (lock) => lock !== null && !(await referenced([name])).has(name),
        );
        if (loose && (await this.#exists(account, name))) yield name;
      }
    }
  }

  async #exists(account: AccountId, name: string): Promise<boolean> {
    return (await guarded('blobs could not be listed', () => this.#list(account))).includes(name);
  }

  /** No delivery can commit under the account's lock, so an unreferenced name that nobody holds is of no use. */
  #deleteUnpinned(account: AccountId, name: string): Promise<boolean> {
    return locks.request(this.#pin(account, name), { ifAvailable: true }, async (lock) => {
      if (lock === null) return false;
      await guarded('a blob could not be deleted', () => this.#files.unlink(join(this.#folder(account), name)));
      return true;
    });
  }
}

class FileBlobReader implements BlobReader {
  readonly size: number;
  readonly #file: FileHandle;
  readonly #frames: FrameReader;
  readonly #what: string;

  constructor(file: FileHandle, frames: FrameReader, what: string) {
    this.size = frames.size;
    this.#file = file;
    this.#frames = frames;
    this.#what = what;
  }

  async *read(start: number, end: number): AsyncGenerator<Uint8Array> {
    try {
      yield* this.#frames.read(start, end);
    } catch (cause) {
      throw asStoreError(cause, this.#what);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#file.close();
  }
}
