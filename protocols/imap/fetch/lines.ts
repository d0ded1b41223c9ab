// What FETCH says of messages and never changes (everything but FLAGS and MODSEQ), kept for a while as the bytes that are
// sent: programs list a mailbox several times in a row, over several connections, and neither the database nor the header
// blocks need be read again for that. By slot, in blocks, so a block is right as long as the rows are; those of a thread.
// And whole messages that were just sent or appended, by their ids (MessageCache).

import { OutputBuffers } from '#protocols/net/output-buffers.ts';
import { ReplyWriter } from '#protocols/net/reply-writer.ts';
import type { AccountId, MessageId } from '#storage/ports.ts';
import type { Rows } from '../index/rows.ts';
import {
  KEPT_MESSAGE_BYTES,
  KEPT_MESSAGES_BYTES,
  LINE_BLOCK_BYTES,
  LINE_LISTS,
  LINES_BYTES,
  LINES_MS,
} from '../limits.ts';

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

// ------------------------------------------------------------------------------------------ whole messages

/** Where a message lies in the ring. */
interface Place {
  readonly start: number;
  /** Where its header ends; `start` if that is not known. */
  readonly body: number;
  readonly end: number;
}

/**
 * Whole messages that were sent or appended lately, kept as they are sent: a new one is asked for by each of its owner's
 * devices within seconds, a longer one in pieces, and unpacking it is most of what a FETCH of it costs. Those of all mailboxes are in one
 * ring of bytes, written over from its beginning, so keeping one is a copy and leaves no garbage; forgotten when nobody has
 * asked for LINES_MS.
 */
export class MessageCache {
  readonly #size: number;
  #ring: Buffer | null = null;
  /** Where the next one goes. */
  #next = 0;
  /** In the order in which they were written, which is that in which they are written over. */
  readonly #places = new Map<string, Place>();
  #timer: NodeJS.Timeout | null = null;

  constructor(size = KEPT_MESSAGES_BYTES) {
    this.#size = size;
  }

  /** A message that is kept, to be looked at before anything else is; undefined if it is not. */
  get(account: AccountId, message: MessageId): Buffer | undefined {
    const place = this.#place(account, message);
    return place && this.#ring?.subarray(place.start, place.end);
  }

  /** The same for its header; undefined if that is not known. */
  header(account: AccountId, message: MessageId): Buffer | undefined {
    const place = this.#place(account, message);
    return place && place.body > place.start ? this.#ring?.subarray(place.start, place.body) : undefined;
  }

  #place(account: AccountId, message: MessageId): Place | undefined {
    const place = this.#places.get(nameOf(account, message));
    if (place !== undefined) this.#timer?.refresh();
    return place;
  }

  /**
   * Keeps a message, which comes in pieces, in place of those kept before; not if it is long. `header`: its bytes up to the
   * end of its header, 0 if that is not known.
   */
  keep(account: AccountId, message: MessageId, pieces: readonly Uint8Array[], header = 0): void {
    const length = pieces.reduce((sum, piece) => sum + piece.length, 0);
    const name = nameOf(account, message);
    if (length === 0 || length > Math.min(KEPT_MESSAGE_BYTES, this.#size) || this.#places.has(name)) return;
    this.#ring ??= Buffer.allocUnsafeSlow(this.#size);
    if (this.#next + length > this.#size) {
      // What lies behind is the oldest there is; without it the oldest is at the beginning again.
      this.#forget(this.#next, this.#size);
      this.#next = 0;
    }
    const start = this.#next;
    this.#forget(start, start + length);
    for (const piece of pieces) {
      this.#ring.set(piece, this.#next);
      this.#next += piece.length;
    }
    this.#places.set(name, { start, body: start + header, end: this.#next });
    this.#timer ??= setTimeout(() => this.clear(), LINES_MS).unref();
    this.#timer.refresh();
  }

  /** Forgets what lies between two places, none of which can be before one that does not. */
  #forget(from: number, to: number): void {
    for (const [name, { start, end }] of this.#places) {
      if (start >= to || end <= from) return;
      this.#places.delete(name);
    }
  }

  clear(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    this.#places.clear();
    this.#ring = null;
    this.#next = 0;
  }
}

function nameOf(account: AccountId, message: MessageId): string {
  return `${account} ${message}`;
}
