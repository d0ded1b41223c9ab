// The file format of a large body: a header, independent zstd frames of FRAME_BYTES plain bytes each, and a footer with
// the frames' lengths. A reader fetches the footer with one read and then only the frames it needs; a writer only ever
// appends. All numbers are little-endian.
//
//   header  128 bytes   "PHBLOB" CR LF, version u16, cipher u16 (0: none), frame bytes u32, key slot 64 bytes, zeros
//   frames              back to back
//   index   4 bytes each: the compressed length of each frame
//   footer   24 bytes   plain bytes u64, frames u32, CRC-32 of the index u32, "PHBLOBE\n"
//
// The key slot is where the file's own key goes, sealed, once bodies are encrypted at rest; until then it is zeros.

import type { FileHandle } from 'node:fs/promises';
import { crc32 } from 'node:zlib';
import { FRAME_BYTES, MAX_FRAMES } from './limits.ts';
import { release } from './release.ts';
import type { Turns } from './turns.ts';
import { compressFrame, decompressFrame } from './zstd.ts';

const MAGIC = Buffer.from('PHBLOB\r\n', 'latin1');
const END_MAGIC = Buffer.from('PHBLOBE\n', 'latin1');
const VERSION = 1;
const HEADER_SIZE = 128;
const FOOTER_SIZE = 24;
/** Read from the end at once: the footer, and the index of a body up to 250 MB. */
const TAIL_BYTES = 4_096;

/** Writes all of a buffer at a position (a single write may be short when the disk fills up). */
async function writeAll(file: FileHandle, bytes: Uint8Array, position: number): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    const { bytesWritten } = await file.write(bytes, done, bytes.length - done, position + done);
    done += bytesWritten;
  }
}

/** Reads exactly `length` bytes at a position, or throws. */
async function readAll(file: FileHandle, length: number, position: number): Promise<Buffer> {
  const bytes = Buffer.allocUnsafe(length);
  for (let done = 0; done < length; ) {
    const { bytesRead } = await file.read(bytes, done, length - done, position + done);
    if (bytesRead === 0) throw new Error('the file is shorter than its footer says');
    done += bytesRead;
  }
  return bytes;
}

/** Appends a body to an empty file, frame by frame: one frame fills while the one before is compressed and written. */
export class FrameWriter {
  readonly #file: FileHandle;
  readonly #turns: Turns;
  readonly #lengths: number[] = [];
  #filling: Buffer = Buffer.allocUnsafeSlow(FRAME_BYTES);
  #filled = 0;
  #position = HEADER_SIZE;
  #size = 0;
  /** The frame being compressed and written; its failure is thrown at the next step. */
  #busy: Promise<void> | undefined;

  /** `turns`: those that all writers of this thread compress in. */
  constructor(file: FileHandle, turns: Turns) {
    this.#file = file;
    this.#turns = turns;
  }

  /** Takes bytes; a returned promise is to be awaited before the next call. The chunk is copied. */
  write(chunk: Uint8Array): void | Promise<void> {
    const room = FRAME_BYTES - this.#filled;
    if (chunk.length < room) {
      this.#filling.set(chunk, this.#filled);
      this.#filled += chunk.length;
      return;
    }
    this.#filling.set(chunk.subarray(0, room), this.#filled);
    this.#filled = FRAME_BYTES;
    return this.#next(chunk.subarray(room));
  }

  async #next(rest: Uint8Array): Promise<void> {
    await this.#flush();
    for (let at = 0; at < rest.length; ) {
      const piece = rest.subarray(at, at + FRAME_BYTES - this.#filled);
      this.#filling.set(piece, this.#filled);
      this.#filled += piece.length;
      at += piece.length;
      if (this.#filled === FRAME_BYTES) await this.#flush();
    }
  }

  /** Waits for the frame under way, then sends the filled one after it. */
  async #flush(): Promise<void> {
    await this.#busy;
    if (this.#filled === 0) return;
    const frame = this.#filling;
    const bytes = this.#filled;
    // Not kept for the next: a body that comes slowly, as most do, then holds one frame and not two.
    this.#filling = Buffer.allocUnsafeSlow(FRAME_BYTES);
    this.#filled = 0;
    this.#size += bytes;
    this.#busy = this.#send(frame, bytes);
    // Whoever awaits #busy next gets the failure; until then it must not count as unhandled.
    this.#busy.catch(() => undefined);
  }

  async #send(frame: Buffer, bytes: number): Promise<void> {
    const compressed = await this.#turns.run(() => compressFrame(frame.subarray(0, bytes)));
    release(frame);
    await writeAll(this.#file, compressed, this.#position);
    this.#lengths.push(compressed.length);
    this.#position += compressed.length;
    // An output buffer that a whole frame fits into is this frame's own; a small outcome lies in a pool.
    if (compressed.buffer.byteLength > FRAME_BYTES) release(new Uint8Array(compressed.buffer));
  }

  /** Writes what is left, the index, the footer and the header, and syncs the file. */
  async finish(): Promise<void> {
    await this.#flush();
    await this.#busy;
    const index = Buffer.alloc(this.#lengths.length * 4 + FOOTER_SIZE);
    for (const [frame, length] of this.#lengths.entries()) index.writeUInt32LE(length, frame * 4);
    const footer = this.#lengths.length * 4;
    index.writeBigUInt64LE(BigInt(this.#size), footer);
    index.writeUInt32LE(this.#lengths.length, footer + 8);
    index.writeUInt32LE(crc32(index.subarray(0, footer)), footer + 12);
    END_MAGIC.copy(index, footer + 16);
    await writeAll(this.#file, index, this.#position);
    const header = Buffer.alloc(HEADER_SIZE);
    MAGIC.copy(header);
    header.writeUInt16LE(VERSION, 8);
    header.writeUInt32LE(FRAME_BYTES, 12);
    await writeAll(this.#file, header, 0);
    await this.#file.datasync();
    await this.settle();
  }

  /** Waits until nothing touches the file any more, whatever came of it, and takes nothing more. */
  async settle(): Promise<void> {
    await Promise.allSettled([this.#busy]);
    release(this.#filling);
  }
}

/** Reads a finished file by ranges. */
export class FrameReader {
  readonly size: number;
  readonly #file: FileHandle;
  /** Where each frame starts in the file, and where the last one ends. */
  readonly #offsets: readonly number[];

  private constructor(file: FileHandle, size: number, offsets: readonly number[]) {
    this.#file = file;
    this.size = size;
    this.#offsets = offsets;
  }

  /** Reads and checks header and footer; throws if the file is not a whole one of this format. */
  static async open(file: FileHandle): Promise<FrameReader> {
    const header = await readAll(file, HEADER_SIZE, 0);
    if (header.compare(MAGIC, 0, 8, 0, 8) !== 0) throw new Error('not a blob file');
    const version = header.readUInt16LE(8);
    if (version !== VERSION) throw new Error(`blob version ${version} is unknown`);
    if (header.readUInt16LE(10) !== 0) throw new Error('the blob is encrypted');
    if (header.readUInt32LE(12) !== FRAME_BYTES) throw new Error('the blob has frames of another size');
    const { size: fileSize } = await file.stat();
    const tailSize = Math.min(TAIL_BYTES, fileSize - HEADER_SIZE);
    if (tailSize < FOOTER_SIZE) throw new Error('the blob has no footer');
    const tail = await readAll(file, tailSize, fileSize - tailSize);
    const footer = tail.subarray(tailSize - FOOTER_SIZE);
    if (footer.compare(END_MAGIC, 0, 8, 16, 24) !== 0) throw new Error('the blob has no footer');
    const size = Number(footer.readBigUInt64LE(0));
    const frames = footer.readUInt32LE(8);
    if (frames > MAX_FRAMES || frames !== Math.ceil(size / FRAME_BYTES))
      throw new Error("the blob's footer is damaged");
    const indexSize = frames * 4;
    const indexEnd = fileSize - FOOTER_SIZE;
    const index =
      indexSize + FOOTER_SIZE <= tailSize
        ? tail.subarray(tailSize - FOOTER_SIZE - indexSize, tailSize - FOOTER_SIZE)
        : await readAll(file, indexSize, indexEnd - indexSize);
    if (crc32(index) !== footer.readUInt32LE(12)) throw new Error("the blob's index is damaged");
    const offsets = [HEADER_SIZE];
    let offset = HEADER_SIZE;
    for (let frame = 0; frame < frames; frame++) {
      offset += index.readUInt32LE(frame * 4);
      offsets.push(offset);
    }
    if (offset !== indexEnd - indexSize) throw new Error("the blob's frames and index do not meet");
    return new FrameReader(file, size, offsets);
  }

  /** Plain bytes [start, end), a frame at a time; the next frame is fetched while the consumer has one. */
  async *read(start: number, end: number): AsyncGenerator<Uint8Array> {
    const stop = Math.min(end, this.size);
    if (start >= stop) return;
    const last = Math.floor((stop - 1) / FRAME_BYTES);
    let next: Promise<Uint8Array> | undefined = this.#frame(Math.floor(start / FRAME_BYTES));
    for (let frame = Math.floor(start / FRAME_BYTES); frame <= last; frame++) {
      const plain: Uint8Array = await next;
      if (frame < last) {
        next = this.#frame(frame + 1);
        next.catch(() => undefined); // thrown where it is awaited; a consumer may stop before that
      }
      const base = frame * FRAME_BYTES;
      yield plain.subarray(Math.max(0, start - base), Math.min(plain.length, stop - base));
    }
  }

  async #frame(frame: number): Promise<Uint8Array> {
    const from = this.#offsets[frame];
    const to = this.#offsets[frame + 1];
    if (from === undefined || to === undefined) throw new Error(`the blob has no frame ${frame}`);
    const compressed = await readAll(this.#file, to - from, from);
    const plain = await decompressFrame(compressed, Math.min(FRAME_BYTES, this.size - frame * FRAME_BYTES));
    release(compressed);
    return plain;
  }
}
