// What FETCH says of messages and never changes (everything but FLAGS and MODSEQ), kept for a while as the bytes that are
// sent: programs list a mailbox several times in a row, over several connections, and neither the database nor the header
// blocks need be read again for that. By slot, in blocks, so a block is right as long as the rows are; those of a thread.

import { OutputBuffers } from '#protocols/net/output-buffers.ts';
import { ReplyWriter } from '#protocols/net/reply-writer.ts';
import type { Rows } from '../index/rows.ts';
import { LINE_LISTS, LINES_BYTES, LINES_MS } from '../limits.ts';

/** Slots of a block: 64 lines fill one output buffer, more or less. */
export const BLOCK_SLOTS = 64;
/** Lines below which a block is not kept: a few messages are read as fast as they are kept. */
const LEAST_LINES = BLOCK_SLOTS / 2;

/** The block that a slot is in. */
export function blockOf(slot: number): number {
  return Math.floor(slot / BLOCK_SLOTS);
}

/** The lines of a block's messages, one after the other; each in so many pieces, between which the items that change go. */
export class LineBlock {
  readonly bytes: Buffer;
  /** Where each piece ends: that of slot s and piece p is at s * pieces + p. A line that is not here has no length. */
  readonly #ends: Uint32Array;
  readonly #pieces: number;

  constructor(bytes: Buffer, ends: Uint32Array, pieces: number) {
    this.bytes = bytes;
    this.#ends = ends;
    this.#pieces = pieces;
  }

  get size(): number {
    return this.bytes.length + this.#ends.byteLength;
  }

  /** Where a piece of a slot's line begins and ends. */
  start(slot: number, piece: number): number {
    const at = (slot % BLOCK_SLOTS) * this.#pieces + piece;
    return at === 0 ? 0 : (this.#ends[at - 1] ?? 0);
  }

  end(slot: number, piece: number): number {
    return this.#ends[(slot % BLOCK_SLOTS) * this.#pieces + piece] ?? 0;
  }

  has(slot: number): boolean {
    return this.end(slot, this.#pieces - 1) > this.start(slot, 0);
  }
}

/** The lines that one kind of FETCH makes of a mailbox's rows. */
export class Lines {
  readonly rows: Rows;
  readonly key: string;
  /** Kept no longer: what it has still serves who is at it. */
  dropped = false;
  readonly #blocks: (LineBlock | undefined)[] = [];
  readonly #room: (bytes: number) => boolean;

  /** `room`: asks for so many bytes more, or gives them back. */
  constructor(rows: Rows, key: string, room: (lines: Lines, bytes: number) => boolean) {
    this.rows = rows;
    this.key = key;
    this.#room = (bytes) => room(this, bytes);
  }

  block(slot: number): LineBlock | undefined {
    return this.#blocks[blockOf(slot)];
  }

  /** Keeps the block of a slot, if there is room for it. */
  keep(slot: number, block: LineBlock, lines: number): void {
    if (lines < LEAST_LINES || !this.#room(block.size - (this.block(slot)?.size ?? 0))) return;
    this.#blocks[blockOf(slot)] = block;
  }
}

/** Those of all mailboxes, within LINES_BYTES; forgotten when nobody has asked for LINES_MS. */
export class LineCache {
  /** Where lines are made. */
  readonly buffers = new OutputBuffers(1);
  /** With their bytes; the one asked for longest ago is the first. */
  readonly #kept = new Map<Lines, number>();
  readonly #most: number;
  #bytes = 0;
  #timer: NodeJS.Timeout | null = null;

  constructor(most = LINES_BYTES) {
    this.#most = most;
  }

  /** Bytes that are kept. */
  get bytes(): number {
    return this.#bytes;
  }

  /** What is known of a kind of FETCH over these rows. Where nothing is, it counts once a block of it is kept. */
  of(rows: Rows, key: string): Lines {
    const lines = this.#find(rows, key);
    if (lines === undefined) return new Lines(rows, key, (asking, bytes) => this.#take(asking, bytes));
    const bytes = this.#kept.get(lines) ?? 0;
    this.#kept.delete(lines);
    this.#kept.set(lines, bytes);
    this.#timer?.refresh();
    return lines;
  }

  clear(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    while (this.#kept.size > 0) this.#dropOldest();
  }

  #find(rows: Rows, key: string): Lines | undefined {
    for (const lines of this.#kept.keys()) if (lines.rows === rows && lines.key === key) return lines;
    return undefined;
  }

  /**
   * Room at the cost of those asked for before; none for what was itself dropped, would push itself out, or is made by
   * two at a time.
   */
  #take(lines: Lines, bytes: number): boolean {
    const known = this.#find(lines.rows, lines.key);
    if (lines.dropped || (known !== undefined && known !== lines)) return false;
    while (this.#bytes + bytes > this.#most || (known === undefined && this.#kept.size >= LINE_LISTS)) {
      const [oldest] = this.#kept.keys();
      if (oldest === undefined || oldest === lines) return false;
      this.#dropOldest();
    }
    this.#kept.set(lines, (this.#kept.get(lines) ?? 0) + bytes);
    this.#bytes += bytes;
    if (this.#timer === null) this.#timer = setTimeout(() => this.clear(), LINES_MS).unref();
    else this.#timer.refresh();
    return true;
  }

  #dropOldest(): void {
    const [oldest] = this.#kept;
    if (oldest === undefined) return;
    oldest[0].dropped = true;
    this.#kept.delete(oldest[0]);
    this.#bytes -= oldest[1];
  }
}

/** Makes blocks, line by line. */
export class LineBuilder {
  /** What writes the lines. */
  readonly out: ReplyWriter;
  readonly #pieces: number;
  readonly #done: Buffer[] = [];
  #length = 0;
  #ends: Uint32Array;
  #at = 0;

  constructor(pieces: number, buffers: OutputBuffers) {
    this.#pieces = pieces;
    this.#ends = new Uint32Array(BLOCK_SLOTS * pieces);
    this.out = new ReplyWriter((chunk, lent) => {
      this.#done.push(lent === null ? chunk : Buffer.from(chunk));
      this.#length += chunk.length;
      if (lent !== null) buffers.give(lent);
    }, buffers);
  }

  /** Bytes of the block so far. */
  get length(): number {
    return this.#length + this.out.pending;
  }

  /** A line of this slot begins; slots ascend. */
  begin(slot: number): void {
    const first = (slot % BLOCK_SLOTS) * this.#pieces;
    this.#ends.fill(this.length, this.#at, first);
    this.#at = first;
  }

  /** A piece has been written to its end. */
  endPiece(): void {
    this.#ends[this.#at++] = this.length;
  }

  /** The block, and a new one begins. */
  finish(): LineBlock {
    this.#ends.fill(this.length, this.#at);
    this.out.flush();
    const [only] = this.#done;
    const bytes = only !== undefined && this.#done.length === 1 ? only : Buffer.concat(this.#done);
    const block = new LineBlock(bytes, this.#ends, this.#pieces);
    this.#done.length = 0;
    this.#length = 0;
    this.#at = 0;
    this.#ends = new Uint32Array(BLOCK_SLOTS * this.#pieces);
    return block;
  }
}
