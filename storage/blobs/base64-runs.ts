// Base64 undone before a body is packed: attachments, and texts that a program wrapped in it. zstd finds little in base64,
// and so finds what it is base64 of: a text shrinks like a text, and of a picture 1 % more goes. Only lines that come out
// byte for byte as they were are taken; all else stays where it is.
//
// Packed, such a body is MARK, the length of the first frame, and two frames: the rest of the body behind a list of what
// was taken out of it, and the bytes that were taken. No zstd frame begins with MARK, so any other body is a frame alone.

import type { Span } from '../ports.ts';
import { INLINE_BYTES } from './limits.ts';
import type { Packer } from './packer.ts';

const MARK = 0xb6;

/** Characters of a line from which on it is looked at: writers of base64 fill them with 60 to 76. */
const LEAST_LINE = 60;

/** No line is longer (RFC 5322 2.1.1). */
const MOST_LINE = 996;

/** Bytes in base64 from which on it is worth a second frame. */
const LEAST_BYTES = 512;

const [CR, LF] = [13, 10];

/** The 64 characters, without the padding. */
const IS_DIGIT = new Uint8Array(256);
for (const digit of 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/')
  IS_DIGIT[digit.charCodeAt(0)] = 1;
const NOTHING = new Uint8Array(0);
const ALL: readonly Span[] = [[0, Number.POSITIVE_INFINITY]];
const PADDING = '='.charCodeAt(0);

/** Lines of base64, all of the same length but the last; the end of that line is not part of it. */
interface Run {
  readonly start: number;
  readonly end: number;
  /** Characters of a line. */
  readonly line: number;
  readonly bytes: Uint8Array;
}

/** A packer that undoes base64 first. */
export function undoingBase64(packer: Packer): Packer {
  const joiner = new Joiner(packer);
  return {
    kept: packer.kept,
    pack(plain) {
      const runs = findRuns(plain);
      const taken = runs.reduce((sum, { bytes }) => sum + bytes.length, 0);
      return taken < LEAST_BYTES ? packer.pack(plain) : takeOut(packer, plain, runs);
    },
    unpack: (packed, maxBytes) =>
      packed[0] === MARK ? new Uint8Array(joiner.putBack(packed, maxBytes, ALL)) : packer.unpack(packed, maxBytes),
    look: (packed, maxBytes, reader, spans = ALL) =>
      packed[0] === MARK ? reader(joiner.putBack(packed, maxBytes, spans)) : packer.look(packed, maxBytes, reader),
  };
}

function takeOut(packer: Packer, plain: Uint8Array, runs: readonly Run[]): Uint8Array {
  const list: number[] = [];
  const rest: Uint8Array[] = [];
  let at = 0;
  putNumber(list, runs.length);
  for (const { start, end, line, bytes } of runs) {
    for (const value of [start - at, bytes.length, line]) putNumber(list, value);
    rest.push(plain.subarray(at, start));
    at = end;
  }
  const first = packer.pack(joined([Uint8Array.from(list), ...rest, plain.subarray(at)]));
  const second = packer.pack(joined(runs.map(({ bytes }) => bytes)));
  const head = [MARK];
  putNumber(head, first.length);
  return joined([Uint8Array.from(head), first, second]);
}

/** In memory of their own. */
function joined(pieces: readonly Uint8Array[]): Uint8Array {
  const out = new Uint8Array(pieces.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const piece of pieces) {
    out.set(piece, at);
    at += piece.length;
  }
  return out;
}

/** A run as the list in front of a body's rest has it. */
interface ListedRun {
  /** Bytes of the rest before it. */
  readonly gap: number;
  /** Bytes that it is base64 of. */
  readonly bytes: number;
  /** Characters of a line. */
  readonly line: number;
}

/** A run that has its place in the body. */
interface PlacedRun extends ListedRun {
  readonly start: number;
  readonly end: number;
}

/** Puts bodies back together, in memory that it keeps. */
class Joiner {
  readonly #packer: Packer;
  #room = NOTHING;

  constructor(packer: Packer) {
    this.#packer = packer;
  }

  /**
   * The body, until the next is put back; throws if it is damaged, or has more than `maxBytes`. Runs outside of these
   * spans are left as zeros: an attachment need not be unpacked to read the text before it.
   */
  putBack(packed: Uint8Array, maxBytes: number, spans: readonly Span[]): Uint8Array {
    const packer = this.#packer;
    const head = new Numbers(packed, 1);
    const length = head.next();
    if (length > packed.length - head.at) throw new Error('a body ends in its first frame');
    const [body, runs] = packer.look(packed.subarray(head.at, head.at + length), maxBytes, (first) =>
      this.#withoutRuns(first, maxBytes),
    );
    const isWanted = ({ start, end }: PlacedRun) => spans.some((span) => span[0] < end && span[1] > start);
    if (!runs.some(isWanted)) return body;
    packer.look(packed.subarray(head.at + length), maxBytes, (plain) => {
      const taken = view(plain);
      let used = 0;
      for (const run of runs) {
        if (run.bytes > taken.length - used) throw new Error('a body has less than its list says');
        if (isWanted(run))
          encode(taken.subarray(used, used + run.bytes), run.line, view(body.subarray(run.start, run.end)));
        used += run.bytes;
      }
      if (used !== taken.length) throw new Error('a body has more than its list says');
    });
    return body;
  }

  /** The body without what was taken out of it, and the places that has. */
  #withoutRuns(first: Uint8Array, maxBytes: number): [Uint8Array, PlacedRun[]] {
    const list = new Numbers(first, 0);
    const runs = listedRuns(list, first.length);
    let size = first.length - list.at;
    for (const { bytes, line } of runs) size += encodedLength(bytes, line);
    if (size > maxBytes) throw new Error(`a body has more than ${maxBytes} bytes`);
    if (size > this.#room.length) this.#room = new Uint8Array(Math.max(size, INLINE_BYTES));
    const body = this.#room.subarray(0, size);
    const placed: PlacedRun[] = [];
    let [at, to] = [list.at, 0];
    for (const run of runs) {
      if (run.gap > first.length - at) throw new Error('a body has less than its list says');
      body.set(first.subarray(at, at + run.gap), to);
      at += run.gap;
      const start = to + run.gap;
      to = start + encodedLength(run.bytes, run.line);
      body.fill(0, start, to);
      placed.push({ ...run, start, end: to });
    }
    body.set(first.subarray(at), to);
    return [body, placed];
  }
}

function listedRuns(list: Numbers, most: number): ListedRun[] {
  const runs: ListedRun[] = [];
  const count = list.next();
  // Each takes three bytes at least; without any, a body is one frame.
  if (count === 0 || count > most) throw new Error(`a list of ${count} runs in ${most} bytes`);
  while (runs.length < count) {
    const run = { gap: list.next(), bytes: list.next(), line: list.next() };
    if (run.line < LEAST_LINE || run.line > MOST_LINE || run.line % 4 !== 0) {
      throw new Error(`lines of ${run.line} characters`);
    }
    runs.push(run);
  }
  return runs;
}

function view(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
}

/** The length of so many bytes as base64 in lines of so many characters, the last of which does not end. */
function encodedLength(bytes: number, line: number): number {
  const digits = 4 * Math.ceil(bytes / 3);
  return digits + 2 * Math.max(0, Math.ceil(digits / line) - 1);
}

/** Writes that into a place of just its length. */
function encode(bytes: Buffer, line: number, out: Buffer): void {
  const digits = bytes.toString('base64');
  // First all behind the room that the line ends will take, then line after line where it belongs.
  const ahead = out.length - digits.length;
  out.write(digits, ahead, 'latin1');
  let to = 0;
  for (let from = ahead; from < out.length; from += line) {
    if (to > 0) {
      out[to] = CR;
      out[to + 1] = LF;
      to += 2;
    }
    if (to !== from) out.copyWithin(to, from, Math.min(out.length, from + line));
    to += line;
  }
}

function encoded(bytes: Buffer, line: number): Buffer {
  const out = Buffer.allocUnsafe(encodedLength(bytes.length, line));
  encode(bytes, line, out);
  return out;
}

/**
 * The runs of a body. It looks at one byte in LEAST_LINE, and around it only where that is a digit: every line that is
 * long enough has one of them.
 */
function findRuns(plain: Uint8Array): Run[] {
  const body = view(plain);
  const runs: Run[] = [];
  let done = 0;
  for (let at = LEAST_LINE - 1; at < body.length; at += LEAST_LINE) {
    if (!isDigit(body, at)) continue;
    const start = startOfDigits(body, done, at);
    const end = endOfDigits(body, at);
    const line = end - start;
    if (line < LEAST_LINE) continue;
    const run = isLine(body, start, end) ? runAt(body, start, line) : undefined;
    if (run !== undefined && run.bytes.length > 0) runs.push(run);
    // What did not come out is not looked at again, line by line.
    done = run?.end ?? end;
    at = Math.max(at, done - 1);
  }
  return runs;
}

function isDigit(body: Uint8Array, at: number): boolean {
  return IS_DIGIT[body[at] ?? 0] === 1;
}

// Nearly every byte of a text without blanks is looked at here: bounds first, so that none is read outside of the body.

function startOfDigits(body: Uint8Array, least: number, from: number): number {
  let at = from;
  while (at > least && IS_DIGIT[body[at - 1] as number] === 1) at -= 1;
  return at;
}

function endOfDigits(body: Uint8Array, from: number): number {
  let at = from;
  while (at < body.length && IS_DIGIT[body[at] as number] === 1) at += 1;
  return at;
}

/** Whole, ended by CRLF, and of a length that base64 has. */
function isLine(body: Uint8Array, start: number, end: number): boolean {
  const line = end - start;
  return line % 4 === 0 && line <= MOST_LINE && (start === 0 || body[start - 1] === LF) && isEnd(body, end);
}

function isEnd(body: Uint8Array, at: number): boolean {
  return body[at] === CR && body[at + 1] === LF;
}

/** The run whose first line is here; without bytes if it would not come out as it is. */
function runAt(body: Buffer, start: number, line: number): Run {
  let end = start + line;
  while (isEnd(body, end) && isEnd(body, end + 2 + line)) end += 2 + line;
  // The last line is shorter, and ends as it likes.
  const last = isEnd(body, end) ? end + 2 : end;
  let at = endOfDigits(body, last);
  for (let most = 2; most > 0 && body[at] === PADDING; most -= 1) at += 1;
  const isLast = at > last && at - last <= line && (at - last) % 4 === 0;
  return (
    (isLast ? exactRun(body, start, at, line) : undefined) ??
    exactRun(body, start, end, line) ?? { start, end, line, bytes: NOTHING }
  );
}

function exactRun(body: Buffer, start: number, end: number, line: number): Run | undefined {
  const bytes = Buffer.from(body.toString('latin1', start, end), 'base64');
  return body.subarray(start, end).equals(encoded(bytes, line)) ? { start, end, line, bytes } : undefined;
}

/** A number in pieces of seven bits, the lowest first. */
function putNumber(into: number[], value: number): void {
  let left = value;
  for (; left > 127; left >>>= 7) into.push((left & 127) | 128);
  into.push(left);
}

/** Reads them again. */
class Numbers {
  readonly #bytes: Uint8Array;
  at: number;

  constructor(bytes: Uint8Array, at: number) {
    this.#bytes = bytes;
    this.at = at;
  }

  /** Throws at the end, and at what is too large. */
  next(): number {
    let value = 0;
    for (let shift = 0; shift < 28; shift += 7) {
      const byte = this.#bytes[this.at];
      if (byte === undefined) break;
      this.at += 1;
      value |= (byte & 127) << shift;
      if (byte < 128) return value;
    }
    throw new Error('a number has no end');
  }
}
