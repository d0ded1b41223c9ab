// zstd by node:zlib's documented calls: at once for small pieces, in the thread pool for frames of large bodies. Every
// stream carries a checksum, so that a damaged body is noticed and never served.

import type { Transform } from 'node:stream';
import { constants, createZstdCompress, createZstdDecompress, zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import { ZSTD_LEVEL, ZSTD_SMALL_HASH_LOG, ZSTD_SMALL_LEVEL } from './limits.ts';

type Parameters = Readonly<Record<number, number>>;

/** How frames of large bodies are compressed. */
const FRAME_PARAMETERS: Parameters = {
  [constants.ZSTD_c_compressionLevel]: ZSTD_LEVEL,
  [constants.ZSTD_c_checksumFlag]: 1,
};

/** How small pieces are. */
export const SMALL_PARAMETERS: Parameters = {
  [constants.ZSTD_c_compressionLevel]: ZSTD_SMALL_LEVEL,
  [constants.ZSTD_c_hashLog]: ZSTD_SMALL_HASH_LOG,
  [constants.ZSTD_c_checksumFlag]: 1,
};

/** Room for the outcome of so many bytes, whatever they are. */
export function roomFor(bytes: number): number {
  return bytes + (bytes >> 8) + 512;
}

/** Room for the largest outcome, so that zlib fills one buffer in one step. */
function options(params: Parameters, bytes: number) {
  return { params, pledgedSrcSize: bytes, chunkSize: roomFor(bytes) };
}

/** Compresses a small piece in a context of its own. */
export function compress(plain: Uint8Array, dictionary: Uint8Array | null): Uint8Array {
  const given = options(SMALL_PARAMETERS, plain.length);
  return zstdCompressSync(plain, { ...given, ...(dictionary === null ? {} : { dictionary }) });
}

/**
 * Decompresses a small piece in a context of its own; throws if it is damaged, is followed by anything, or is larger
 * than `maxBytes`.
 */
export function decompress(compressed: Uint8Array, maxBytes: number, dictionary: Uint8Array): Uint8Array {
  const maxOutputLength = Math.max(1, maxBytes);
  return zstdDecompressSync(compressed, { maxOutputLength, rejectGarbageAfterEnd: true, dictionary });
}

/** Compresses a frame in the thread pool. */
export function compressFrame(plain: Uint8Array): Promise<Uint8Array> {
  return outcome(createZstdCompress(options(FRAME_PARAMETERS, plain.length)), plain, Number.POSITIVE_INFINITY);
}

/** Decompresses a frame of exactly `bytes` in the thread pool; throws if it is damaged. */
export async function decompressFrame(compressed: Uint8Array, bytes: number): Promise<Uint8Array> {
  // With room to spare: a buffer that is full is followed by another, before it is known that nothing more comes.
  const plain = await outcome(createZstdDecompress({ chunkSize: bytes + 64 }), compressed, bytes);
  if (plain.length !== bytes) throw new Error(`a frame has ${plain.length} bytes instead of ${bytes}`);
  return plain;
}

/**
 * What a stream makes of its only input. zlib's own functions give it in a copy, since zstd's last bytes come in a piece
 * of their own; the pieces lie side by side in one buffer, so that no copy is needed and none is left to be collected.
 */
function outcome(stream: Transform, input: Uint8Array, maxBytes: number): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    const pieces: Buffer[] = [];
    let length = 0;
    stream.on('data', (piece: Buffer) => {
      pieces.push(piece);
      length += piece.length;
      if (length > maxBytes) stream.destroy(new Error(`a frame has more than ${maxBytes} bytes`));
    });
    stream.on('end', () => resolve(joined(pieces, length)));
    stream.on('error', reject);
    stream.end(input);
  });
}

function joined(pieces: readonly Buffer[], length: number): Uint8Array {
  const [first] = pieces;
  if (first === undefined) return Buffer.alloc(0);
  const last = pieces[pieces.length - 1] ?? first;
  const sideBySide = last.buffer === first.buffer && last.byteOffset + last.length === first.byteOffset + length;
  return sideBySide ? Buffer.from(first.buffer, first.byteOffset, length) : Buffer.concat(pieces);
}
