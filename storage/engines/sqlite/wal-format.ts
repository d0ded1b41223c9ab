// SQLite's write-ahead log as a file (sqlite.org/fileformat2.html, section 4): a header of 32 bytes, then frames of 24 bytes
// and a page. Each frame has the header's two salts, and a checksum over everything before it and itself; one that ends a
// transaction says so. What does not continue the chain of checksums is not there for SQLite, and not for us.

export const WAL_HEAD = 32;
export const FRAME_HEAD = 24;
/** Of a log whose checksums are made of little-endian words, as every machine writes it that Node runs on. */
const MAGIC = 0x377f0682;
const SALTS = 16;

/** The end of a transaction in a log. */
export interface LogEnd {
  /** The log's header: another one is another log. */
  readonly header: Buffer;
  readonly offset: number;
  /** The checksum up to there. */
  readonly sum: readonly [number, number];
}

/** The beginning of a log, if this is a header and ours to read. */
export function beginningOf(header: Buffer): LogEnd | null {
  if (header.length < WAL_HEAD || header.readUInt32BE(0) !== MAGIC) return null;
  const sum = [header.readUInt32BE(24), header.readUInt32BE(28)] as const;
  const words = new Int32Array(new Uint8Array(header.subarray(0, 24)).buffer);
  const [first, second] = checksum(words, 0, words.length, [0, 0]);
  return first === sum[0] && second === sum[1] ? { header, offset: WAL_HEAD, sum } : null;
}

/** The checksum in a frame's head, up to the end of that frame. */
export function sumOf(head: Buffer): [number, number] {
  return [head.readUInt32BE(16), head.readUInt32BE(20)];
}

/** Bytes of a frame. */
export function frameSize({ header }: LogEnd): number {
  return FRAME_HEAD + header.readUInt32BE(8);
}

/** Memory that frames are read into and followed in. */
export interface FrameSpace {
  readonly bytes: Buffer;
  readonly words: Int32Array;
}

/** A buffer, whose memory is its own and aligned, with its words. */
export function spaceOf(bytes: Buffer): FrameSpace {
  return { bytes, words: new Int32Array(bytes.buffer, bytes.byteOffset, bytes.length >> 2) };
}

/**
 * The last end of a transaction among the frames that follow `end`, which lie in a buffer from the byte `at` to `limit`; `end`
 * itself if there is none. `whole` is false if the chain goes on at `limit`, as far as is to be seen there.
 */
export function follow(
  end: LogEnd,
  { words }: FrameSpace,
  at: number,
  limit: number,
): { last: LogEnd; whole: boolean } {
  const size = frameSize(end);
  const salt = end.header.readInt32LE(SALTS);
  const secondSalt = end.header.readInt32LE(SALTS + 4);
  const sum = Int32Array.of(end.sum[0], end.sum[1]);
  let last = end;
  for (let frame = at; ; frame += size) {
    if (frame + FRAME_HEAD > limit) return { last, whole: false };
    const word = frame >> 2;
    if (words[word + 2] !== salt || words[word + 3] !== secondSalt) break;
    if (frame + size > limit) return { last, whole: false };
    addTo(sum, words, word, word + 2);
    addTo(sum, words, (frame + FRAME_HEAD) >> 2, (frame + size) >> 2);
    if (bigEndian(words[word + 4]) !== sum[0] || bigEndian(words[word + 5]) !== sum[1]) break;
    // The size of the database after it: of the last frame of a transaction.
    if (words[word + 1] !== 0) {
      const up = [(sum[0] ?? 0) >>> 0, (sum[1] ?? 0) >>> 0] as const;
      last = { header: end.header, offset: end.offset + frame + size - at, sum: up };
    }
  }
  return { last, whole: true };
}

/** A word of a file, which has the highest byte first, as the signed number that it is. */
function bigEndian(word = 0): number {
  return (word << 24) | ((word & 0xff00) << 8) | ((word >>> 8) & 0xff00) | (word >>> 24);
}

/** SQLite's checksum of an even number of words, going on from another. */
function checksum(words: Int32Array, from: number, to: number, [a, b]: readonly [number, number]): [number, number] {
  const sum = Int32Array.of(a, b);
  addTo(sum, words, from, to);
  return [(sum[0] ?? 0) >>> 0, (sum[1] ?? 0) >>> 0];
}

/** Adds an even number of words to a checksum, whose two numbers are kept signed. */
function addTo(sum: Int32Array, words: Int32Array, from: number, to: number): void {
  let first = sum[0] ?? 0;
  let second = sum[1] ?? 0;
  for (let i = from; i < to; i += 2) {
    first = (first + (words[i] as number) + second) | 0;
    second = (second + (words[i + 1] as number) + first) | 0;
  }
  sum[0] = first;
  sum[1] = second;
}
