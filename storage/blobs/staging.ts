// A body on its way in: hashed, scanned and split into header block and body while it streams. A small body stays in
// memory; from INLINE_BYTES on it goes, framed and compressed, to a file in DATA/staging, which is synced at `finish`
// and linked into accounts afterwards (blobs/files.ts).

import { createHash, type Hash, randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { StoreError } from '../errors.ts';
import type { StoreLog } from '../log.ts';
import { Collector } from '../message/collector.ts';
import { HEADER_BYTES } from '../message/limits.ts';
import type { ScannedMessage } from '../message/scanned.ts';
import { MessageScanner } from '../message/scanner.ts';
import type { Staged, Staging } from '../ports.ts';
import type { Budget, Share } from './budget.ts';
import { asStoreError, guarded } from './faults.ts';
import type { FileSystem } from './file-system.ts';
import { FrameReader, FrameWriter } from './frames.ts';
import { INLINE_BYTES, LARGE_STAGED_BYTES, SMALL_STAGED_BYTES } from './limits.ts';
import type { Packers } from './packer.ts';
import { release } from './release.ts';
import type { Turns } from './turns.ts';

export interface StagingOptions {
  /** DATA/staging; it exists. */
  readonly directory: string;
  readonly files: FileSystem;
  /** For small pieces; shared, as is the next, by all stagings of a thread. */
  readonly packers: Packers;
  /** For compressing frames. */
  readonly turns: Turns;
  /** What it may hold in memory is counted there. */
  readonly budget: Budget;
  readonly log: StoreLog;
}

const EMPTY = new Uint8Array(0);
const DONE = Promise.resolve();

/** The file that a large body is written to. */
class Spill {
  readonly path: string;
  readonly #file: Awaited<ReturnType<FileSystem['open']>>;
  readonly #files: FileSystem;
  readonly writer: FrameWriter;

  private constructor(path: string, file: Awaited<ReturnType<FileSystem['open']>>, { files, turns }: StagingOptions) {
    this.path = path;
    this.#file = file;
    this.#files = files;
    this.writer = new FrameWriter(file, turns);
  }

  static async create(options: StagingOptions): Promise<Spill> {
    const path = join(options.directory, randomBytes(16).toString('hex'));
    return new Spill(path, await options.files.open(path, 'wx', 0o600), options);
  }

  async finish(): Promise<void> {
    await this.writer.finish();
    await this.#file.close();
  }

  async discard(): Promise<void> {
    await this.writer.settle();
    await this.#file.close();
    await this.#files.unlink(this.path);
  }
}

/** Starts a body on its way in. See Staging in storage/ports.ts. */
export function stage(options: StagingOptions, maxBytes: number): Staging {
  return new StreamedStaging(options, maxBytes);
}

class StreamedStaging implements Staging {
  readonly #options: StagingOptions;
  readonly #maxBytes: number;
  /** Of a large message, and of its body alone: a small one is hashed once it is there, if anybody asks. */
  #hash: Hash | undefined;
  #bodyHash: Hash | undefined;
  readonly #scanner = new MessageScanner();
  readonly #header = new Collector(HEADER_BYTES);
  /** The body while it is small. */
  #body: Collector;
  #spill: Spill | undefined;
  #size = 0;
  /** What went wrong: nothing more is taken. */
  #failure: StoreError | undefined;
  /** Why nothing more is taken after the end or disposal; '' before. An error is only made for who asks. */
  #ended = '';
  /** The asynchronous write under way; a caller that does not await is queued behind it. */
  #pending: Promise<void> | undefined;
  #staged = false;
  readonly #share: Share;

  constructor(options: StagingOptions, maxBytes: number) {
    this.#options = options;
    this.#maxBytes = maxBytes;
    this.#body = new Collector(maxBytes);
    this.#share = options.budget.open((error) => this.#revoke(error));
  }

  write(chunk: Uint8Array): void | Promise<void> {
    const closed = this.#closed();
    if (closed !== undefined) return Promise.reject(closed);
    if (this.#pending !== undefined) return this.#later(this.#pending.then(() => this.#take(chunk)));
    const taken = this.#guard(() => this.#take(chunk));
    return taken === undefined ? undefined : this.#later(taken);
  }

  /** Remembers an asynchronous write until it is done, and its failure for ever. */
  #later(work: Promise<void>): Promise<void> {
    this.#share.busy = true;
    const pending = work
      .catch((cause: unknown) => {
        throw this.#fail(cause);
      })
      .finally(() => {
        if (this.#pending !== pending) return;
        this.#pending = undefined;
        this.#share.busy = false;
      });
    this.#pending = pending;
    return pending;
  }

  #guard(work: () => void | Promise<void>): void | Promise<void> {
    try {
      return work();
    } catch (cause) {
      return Promise.reject(this.#fail(cause));
    }
  }

  #fail(cause: unknown): StoreError {
    this.#failure ??= asStoreError(cause, 'a body could not be staged');
    return this.#failure;
  }

  #closed(): StoreError | undefined {
    if (this.#failure !== undefined || this.#ended === '') return this.#failure;
    return new StoreError('closed', this.#ended);
  }

  #take(chunk: Uint8Array): void | Promise<void> {
    const closed = this.#closed();
    if (closed !== undefined) throw closed;
    if (chunk.length === 0) return;
    this.#size += chunk.length;
    if (this.#size > this.#maxBytes) {
      throw new StoreError('limit', `the message is larger than ${this.#maxBytes} bytes`);
    }
    this.#share.arrived = this.#size;
    const held = this.#spill === undefined ? this.#share.hold('small', counted(this.#size)) : undefined;
    return held === undefined ? this.#read(chunk) : held.then(() => this.#read(chunk));
  }

  #read(chunk: Uint8Array): void | Promise<void> {
    this.#hash?.update(chunk);
    const before = this.#size - chunk.length;
    const headerKnown = this.#scanner.headerLength;
    this.#scanner.write(chunk);
    if (headerKnown !== undefined) return this.#takeBody(chunk);
    const headerLength = this.#scanner.headerLength;
    if (headerLength === undefined) {
      this.#header.add(chunk);
      return;
    }
    return this.#split(chunk, headerLength - before);
  }

  /** The chunk in which the header block ends, after `at` bytes of it. */
  #split(chunk: Uint8Array, at: number): void | Promise<void> {
    this.#header.add(chunk.subarray(0, at));
    return this.#takeBody(chunk.subarray(at));
  }

  #takeBody(chunk: Uint8Array): void | Promise<void> {
    if (this.#spill !== undefined) {
      this.#bodyHash?.update(chunk);
      return this.#spill.writer.write(chunk);
    }
    this.#body.add(chunk);
    if (this.#body.length > INLINE_BYTES) return this.#startSpill();
  }

  async #startSpill(): Promise<void> {
    await this.#share.hold('large', LARGE_STAGED_BYTES);
    const collected = this.#body.bytes();
    this.#body = new Collector(0);
    this.#hash = createHash('sha256').update(this.#header.bytes()).update(collected);
    this.#bodyHash = createHash('sha256').update(collected);
    this.#spill = await Spill.create(this.#options);
    await this.#spill.writer.write(collected);
    release(new Uint8Array(collected.buffer));
    await this.#share.hold('small', counted(this.#header.length));
  }

  /** Its memory is given to others: the peer is told when it has sent the rest. */
  #revoke(error: StoreError): void {
    this.#fail(error);
    void this.#discard();
  }

  async finish(): Promise<Staged> {
    await this.#pending;
    const closed = this.#closed();
    if (closed !== undefined) throw closed;
    this.#ended = 'the body is finished';
    this.#share.busy = true; // from here on it is in our hands
    const scanned = this.#scanner.end();
    const header = this.#header.bytes();
    const spill = this.#spill;
    if (spill !== undefined) await guarded('a body could not be synced', () => spill.finish());
    this.#staged = true;
    const body = spill === undefined ? this.#body.bytes() : null;
    const finished = new FinishedBody(this.#options, this.#share, {
      size: this.#size,
      hash: this.#hash?.digest('hex'),
      scanned,
      header,
      body,
      file: spill?.path ?? null,
      fileHash: this.#bodyHash?.digest('hex') ?? '',
    });
    await this.#share.hold('large', 0);
    return finished;
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#ended ||= 'the body was dropped';
    return this.#staged ? DONE : this.#drop();
  }

  async #drop(): Promise<void> {
    this.#share[Symbol.dispose]();
    await Promise.allSettled([this.#pending]);
    await this.#discard();
  }

  async #discard(): Promise<void> {
    this.#body = new Collector(0);
    const spill = this.#spill;
    this.#spill = undefined;
    if (spill === undefined) return;
    try {
      await spill.discard();
    } catch (cause) {
      this.#options.log.warn({ err: cause, file: spill.path }, 'a staged file could not be removed');
    }
  }
}

/** What a body of so many bytes in memory is counted as: buffers that grow by doubling hold up to twice that. */
function counted(bytes: number): number {
  let size = SMALL_STAGED_BYTES;
  while (size < bytes) size *= 2;
  return size;
}

/** What `finish` returns: small bodies with their bytes, large ones with their file. */
class FinishedBody implements Staged {
  readonly size: number;
  readonly scanned: ScannedMessage;
  readonly header: Uint8Array;
  readonly headerCompressed: Uint8Array;
  readonly bodyCompressed: Uint8Array | null;
  readonly file: string | null;
  readonly fileHash: string;
  readonly body: Uint8Array | null;
  readonly #options: StagingOptions;
  readonly #share: Share;
  #hash: string | undefined;
  #disposed = false;

  constructor(
    options: StagingOptions,
    share: Share,
    parts: Pick<Staged, 'size' | 'scanned' | 'header' | 'body' | 'file' | 'fileHash'> & {
      readonly hash: string | undefined;
    },
  ) {
    this.#options = options;
    this.#share = share;
    this.size = parts.size;
    this.#hash = parts.hash;
    this.scanned = parts.scanned;
    this.header = parts.header;
    this.headerCompressed = options.packers.header.pack(parts.header);
    this.body = parts.body;
    this.bodyCompressed = parts.body === null ? null : options.packers.body.pack(parts.body);
    this.file = parts.file;
    this.fileHash = parts.fileHash;
  }

  get hash(): string {
    this.#hash ??= createHash('sha256')
      .update(this.header)
      .update(this.body ?? EMPTY)
      .digest('hex');
    return this.#hash;
  }

  open(start = 0, end = this.size): Readable {
    return Readable.from(this.#read(start, Math.min(end, this.size)), { objectMode: false });
  }

  async *#read(start: number, end: number): AsyncGenerator<Uint8Array> {
    const split = this.header.length;
    if (start < split) yield this.header.subarray(start, Math.min(end, split));
    if (end <= split) return;
    const from = Math.max(0, start - split);
    if (this.body !== null) yield this.body.subarray(from, end - split);
    else if (this.file !== null) yield* this.#readFile(this.file, from, end - split);
  }

  async *#readFile(path: string, start: number, end: number): AsyncGenerator<Uint8Array> {
    let file: Awaited<ReturnType<FileSystem['open']>> | undefined;
    try {
      file = await this.#options.files.open(path, 'r');
      const reader = await FrameReader.open(file);
      yield* reader.read(start, end);
    } catch (cause) {
      throw asStoreError(cause, 'a staged body could not be read');
    } finally {
      await file?.close();
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    if (this.#disposed) return DONE;
    this.#disposed = true;
    this.#share[Symbol.dispose]();
    return this.file === null ? DONE : this.#remove(this.file);
  }

  async #remove(file: string): Promise<void> {
    try {
      await this.#options.files.unlink(file);
    } catch (cause) {
      this.#options.log.warn({ err: cause, file }, 'a staged file could not be removed');
    }
  }
}
