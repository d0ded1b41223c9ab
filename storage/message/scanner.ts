// Reads a message once, as it streams in, by byte offsets (RFC 5322, 2045, 2046). It never holds more than a header
// block and the beginning of a text, whatever the size of the chunks: only lines that can matter are looked at (a
// boundary, the end of a header block), the rest is skipped with indexOf. part-tree.ts knows what the lines mean.

import { BOUNDARY_BYTES, HEADER_BYTES } from './limits.ts';
import { NO_MATCH, PartTree } from './part-tree.ts';
import type { ScannedMessage } from './scanned.ts';

const LF = 10;
const CR = 13;
const LINE_OF_DASHES = Buffer.from('\n--', 'latin1');

/** A line with more bytes is neither a boundary nor empty. */
const LINE_BYTES = BOUNDARY_BYTES + 8;

/** A push parser: write the message in pieces of any size, then ask for the outcome. */
export class MessageScanner {
  readonly #tree: PartTree;
  /** Bytes taken; those held are among them. */
  #size = 0;
  /** The beginning of a line that may matter, until the rest of it is there. */
  #held: Buffer | undefined;
  #heldLength = 0;
  /** The next byte continues a line that does not matter. */
  #inLine = false;
  /** Bytes of the line end before the line that starts or is held at the end of what was taken. */
  #before = 0;
  /** The last byte taken, and the one before it. */
  #last = LF;
  #beforeLast = CR;

  /** `utf8`: ENVELOPE and BODYSTRUCTURE keep the UTF-8 of headers (RFC 9755 3); else they are ASCII, as they are stored. */
  constructor({ utf8 = false } = {}) {
    this.#tree = new PartTree(utf8);
  }

  /** Bytes of the header block, as soon as its end was seen. */
  get headerLength(): number | undefined {
    return this.#tree.headerLength;
  }

  write(chunk: Uint8Array): void {
    let bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length);
    if (this.headerLength === undefined && this.#size + bytes.length > HEADER_BYTES) {
      const room = HEADER_BYTES - this.#size;
      this.#take(bytes.subarray(0, room));
      bytes = bytes.subarray(room);
      if (this.headerLength === undefined) this.#cutHeader();
    }
    this.#take(bytes);
  }

  /** The outcome; the scanner is of no use afterwards. */
  end(): ScannedMessage {
    if (this.#held !== undefined && this.#heldLength > 0) {
      const match = this.#tree.match(this.#held, 0, this.#heldLength);
      if (match === NO_MATCH) this.#tree.pass(this.#held, 0, this.#heldLength);
      else this.#tree.apply(match, this.#size - this.#heldLength, this.#size, this.#before, false);
    }
    return this.#tree.finish(this.#size, this.#last !== LF || this.#beforeLast !== CR);
  }

  /** The header block is as long as it may be: what follows counts as body, from the middle of a line if need be. */
  #cutHeader(): void {
    if (this.#heldLength > 0) this.#inLine = true;
    this.#heldLength = 0;
    this.#tree.endHeader(this.#size);
  }

  #take(bytes: Buffer): void {
    if (bytes.length === 0) return;
    const tree = this.#tree;
    const base = this.#size;
    this.#size += bytes.length;
    let at = this.#heldLength > 0 ? this.#joinHeld(bytes) : 0;
    /** The first byte that the tree has not been given. */
    let kept = at;
    while (at < bytes.length) {
      if (!this.#inLine && tree.mayMatter(bytes[at] ?? 0)) {
        const newline = bytes.indexOf(LF, at);
        if (newline < 0 && bytes.length - at < LINE_BYTES) {
          tree.pass(bytes, kept, at);
          this.#hold(bytes, at);
          kept = bytes.length;
          break;
        }
        const end = newline + 1;
        const match = newline < 0 || end - at > LINE_BYTES ? NO_MATCH : tree.match(bytes, at, end);
        if (match !== NO_MATCH) {
          tree.pass(bytes, kept, at);
          tree.apply(match, base + at, base + end, this.#lineEndBefore(bytes, at), true);
          at = end;
          kept = end;
          continue;
        }
      }
      at = this.#nextLine(bytes, at);
    }
    tree.pass(bytes, kept, bytes.length);
    if (!this.#inLine && this.#heldLength === 0) this.#before = this.#lineEndBefore(bytes, bytes.length);
    this.#beforeLast = bytes.length > 1 ? (bytes[bytes.length - 2] ?? 0) : this.#last;
    this.#last = bytes[bytes.length - 1] ?? 0;
  }

  /** From anywhere in a line that does not matter to the start of the next one that may, or the end of the bytes. */
  #nextLine(bytes: Buffer, at: number): number {
    const newline = this.#tree.watchesLines ? bytes.indexOf(LF, at) : this.#beforeDashes(bytes, at);
    this.#inLine = newline < 0;
    if (newline < 0) return bytes.length;
    this.#tree.lines++;
    return newline + 1;
  }

  /** Where no lines are counted: the line end before the next line of dashes, or before the last line of the bytes. */
  #beforeDashes(bytes: Buffer, at: number): number {
    if (this.#tree.boundaries === 0) return -1;
    const found = bytes.indexOf(LINE_OF_DASHES, at);
    if (found >= 0) return found;
    const last = bytes.lastIndexOf(LF);
    return last >= at ? last : -1;
  }

  /** The bytes of the line end before `at`, which is the start of a line. */
  #lineEndBefore(bytes: Buffer, at: number): number {
    if (at === 0) return this.#before;
    return (at > 1 ? bytes[at - 2] : this.#last) === CR ? 2 : 1;
  }

  /** Keeps the beginning of a line until the rest of it is there. */
  #hold(bytes: Buffer, at: number): void {
    this.#before = this.#lineEndBefore(bytes, at);
    this.#held ??= Buffer.allocUnsafe(LINE_BYTES);
    bytes.copy(this.#held, 0, at);
    this.#heldLength = bytes.length - at;
  }

  /** Completes the held line, if these bytes do, and deals with it. Returns where to go on. */
  #joinHeld(bytes: Buffer): number {
    const held = this.#held ?? Buffer.allocUnsafe(LINE_BYTES);
    const room = bytes.subarray(0, LINE_BYTES - this.#heldLength);
    const newline = room.indexOf(LF);
    const taken = newline < 0 ? room.length : newline + 1;
    room.copy(held, this.#heldLength, 0, taken);
    const length = this.#heldLength + taken;
    const complete = newline >= 0;
    if (!complete && length < LINE_BYTES) {
      this.#heldLength = length;
      return bytes.length;
    }
    this.#heldLength = 0;
    const match = complete ? this.#tree.match(held, 0, length) : NO_MATCH;
    if (match !== NO_MATCH) {
      const end = this.#size - bytes.length + taken;
      this.#tree.apply(match, end - length, end, this.#before, true);
    } else {
      this.#tree.pass(held, 0, length);
      if (complete) this.#tree.lines++;
    }
    this.#inLine = !complete;
    return taken;
  }
}
