// How far a write-ahead log is durable, as far as one handle knows, and what has been committed to it since.

import { readSync } from 'node:fs';
import {
  beginningOf,
  FRAME_HEAD,
  type FrameSpace,
  follow,
  frameSize,
  type LogEnd,
  sumOf,
  WAL_HEAD,
} from './wal-format.ts';

/** Frames that are looked at in one go, if they are more than the last time: a delivery's commit is ten. */
const STEP = 12;

export class WalTail {
  readonly #fd: number;
  /** The frames that are committed, as SQLite's index of the log has it. */
  readonly #frames: () => number;
  readonly #header = Buffer.alloc(WAL_HEAD);
  #durable: LogEnd | null = null;
  /** Where what was copied last ends. */
  #copied: LogEnd | null = null;
  /** Bytes that are read at first: as many as were copied the last time, since commits to one log are alike. */
  #expected = 0;

  constructor(fd: number, frames: () => number) {
    this.#fd = fd;
    this.#frames = frames;
  }

  /**
   * Where the log ends now: to be asked before a sync of the whole file, and handed to `synced` after it. Null if that can't
   * be told; then the next sync is one of the whole file, too, and says what is wrong with it.
   */
  end(): LogEnd | null {
    return orNull(() => this.#end());
  }

  #end(): LogEnd | null {
    const begun = this.#beginning();
    if (begun === null) return null;
    const frames = this.#frames();
    // It may have begun anew between the two looks; an offset too small for its header does no harm.
    if (this.#beginning()?.header.equals(begun.header) !== true) return null;
    if (frames === 0) return begun;
    const offset = WAL_HEAD + frames * frameSize(begun);
    const head = Buffer.alloc(FRAME_HEAD);
    if (!this.#read(head, offset - frameSize(begun))) return null;
    return { header: begun.header, offset, sum: sumOf(head) };
  }

  /** A sync of the whole file has ended, that began when the log ended there. */
  synced(end: LogEnd): void {
    this.#durable = end;
  }

  /** The header of the log, and where in it the copy begins; after a copy. */
  get durable(): LogEnd | null {
    return this.#durable;
  }

  /**
   * Copies what was committed since the log was durable, at most up to `limit`, as `follow` wants it. The bytes
   * copied; null if nothing is seen that is new, it is too much, or the log has begun anew.
   */
  copy(space: FrameSpace, at: number, limit: number): number | null {
    return orNull(() => this.#copy(space, at, limit));
  }

  #copy(space: FrameSpace, at: number, limit: number): number | null {
    const durable = this.#durable;
    if (durable === null || !this.#read(this.#header, 0) || !this.#header.equals(durable.header)) return null;
    // By the head of one more frame it is seen that there is none.
    let step = this.#expected + FRAME_HEAD;
    let filled = at;
    for (let last = durable, from = at; ; step = STEP * frameSize(durable)) {
      const most = Math.min(step, limit - filled);
      const read = readSync(this.#fd, space.bytes, filled, most, durable.offset + filled - at);
      filled += read;
      const found = follow(last, space, from, filled);
      last = found.last;
      from = at + last.offset - durable.offset;
      if (found.whole || read < most) {
        this.#copied = last;
        this.#expected = from - at;
        return from === at ? null : from - at;
      }
      if (filled === limit) return null;
    }
  }

  /** What was copied last is durable. */
  advance(): void {
    this.#durable = this.#copied;
  }

  #beginning(): LogEnd | null {
    const header = Buffer.alloc(WAL_HEAD);
    return this.#read(header, 0) ? beginningOf(header) : null;
  }

  #read(into: Buffer, position: number): boolean {
    return readSync(this.#fd, into, 0, into.length, position) === into.length;
  }
}

/** A file that can't be read, or an index of the log that is busy. */
function orNull<T>(look: () => T): T | null {
  try {
    return look();
  } catch {
    return null;
  }
}
