// What FETCH says of messages and never changes (everything but FLAGS and MODSEQ), kept for a while as the bytes that are
// sent: programs list a mailbox several times in a row, over several connections, and neither the database nor the header
// blocks need be read again for that. By slot, in blocks, so a block is right as long as the rows are; those of a thread.

import { OutputBuffers } from '#protocols/net/output-buffers.ts';
import { ReplyWriter } from '#protocols/net/reply-writer.ts';
import type { Rows } from '../index/rows.ts';
import { LINE_BLOCK_BYTES, LINE_LISTS, LINES_BYTES, LINES_MS } from '../limits.ts';

/** Slots of a block: 64 lines fill one output buffer, more or less. */
export const BLOCK_SLOTS = 64;
/** What a list takes besides its blocks: itself, and the rows of a message, which it may be the last to hold. */
const LIST_BYTES = 500;
const ROW_BYTES = 29;

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

  /** These lines and another block's of the same slots; where both have one, the other's. */
  with(other: LineBlock): LineBlock {
    const pieces = this.#pieces;
    const ends = new Uint32Array(BLOCK_SLOTS * pieces);
    const bytes = Buffer.allocUnsafeSlow(this.bytes.length + other.bytes.length);
    let length = 0;
    for (let slot = 0; slot < BLOCK_SLOTS; slot++) {
      const from = other.has(slot) ? other : this;
      const start = from.start(slot, 0);
      for (let piece = 0; piece < pieces; piece++) {
        ends[slot * pieces + piece] = length + from.end(slot, piece) - start;
      }
      length += from.bytes.copy(bytes, length, start, from.end(slot, pieces - 1));
    }
    return new LineBlock(length === bytes.length ? bytes : own(bytes.subarray(0, length)), ends, pieces);
  }
}

/** The bytes in memory of their own: what is kept must not hold more than it is. */
function own(bytes: Buffer): Buffer {
  if (bytes.buffer.byteLength === bytes.length) return bytes;
  const copy = Buffer.allocUnsafeSlow(bytes.length);
  bytes.copy(copy);
  return copy;
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

  /** The block of a slot with what is known of its messages besides; kept, if there is room for it and it is not too long. */
  keep(slot: number, block: LineBlock): LineBlock {
    const before = this.block(slot);
    const both = before === undefined ? block : before.with(block);
    if (both.size <= LINE_BLOCK_BYTES && this.#room(both.size - (before?.size ?? 0))) {
      this.#blocks[blockOf(slot)] = both;
    }
    return both;
  }
}

/** Those of all mailboxes, within LINES_BYTES; forgotten when nobody has asked for LINES_MS. */
export class LineCache {
  /** Where lines are made. */
  readonly buffers = new OutputBuffers(1);
  /** With their bytes; the one asked for longest ago is the first. */
  readonly #kept = new Map<Lines, number>();
  /** The same by what they are of. */
  readonly #byRows = new Map<Rows, Lines[]>();
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
    return this.#byRows.get(rows)?.find((lines) => lines.key === key);
  }

  /**
   * Room at the cost of those asked for before; none for what was itself dropped, would push itself out, or is made by
   * two at a time.
   */
  #take(lines: Lines, asked: number): boolean {
    const known = this.#find(lines.rows, lines.key);
    if (lines.dropped || (known !== undefined && known !== lines)) return false;
    const bytes = known === undefined ? asked + LIST_BYTES + lines.rows.count * ROW_BYTES : asked;
    while (this.#bytes + bytes > this.#most || (known === undefined && this.#kept.size >= LINE_LISTS)) {
      const [oldest] = this.#kept.keys();
      if (oldest === undefined || oldest === lines) return false;
      this.#dropOldest();
    }
    this.#kept.set(lines, (this.#kept.get(lines) ?? 0) + bytes);
    if (known === undefined) this.#byRows.set(lines.rows, [...(this.#byRows.get(lines.rows) ?? []), lines]);
    this.#bytes += bytes;
    if (this.#timer === null) this.#timer = setTimeout(() => this.clear(), LINES_MS).unref();
    else this.#timer.refresh();
    return true;
  }

  #dropOldest(): void {
    const [oldest] = this.#kept;
    if (oldest === undefined) return;
    const [lines, bytes] = oldest;
    lines.dropped = true;
    this.#kept.delete(lines);
    const others = this.#byRows.get(lines.rows)?.filter((other) => other !== lines) ?? [];
    if (others.length === 0) this.#byRows.delete(lines.rows);
    else this.#byRows.set(lines.rows, others);
    this.#bytes -= bytes;
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
    const bytes = own(only !== undefined && this.#done.length === 1 ? only : Buffer.concat(this.#done));
    const block = new LineBlock(bytes, this.#ends, this.#pieces);
    this.#done.length = 0;
    this.#length = 0;
    this.#at = 0;
    this.#ends = new Uint32Array(BLOCK_SLOTS * this.#pieces);
    return block;
  }
}
