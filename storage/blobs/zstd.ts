// zstd by node:zlib's documented calls: at once for small pieces, in the thread pool for frames of large bodies. Every
// stream carries a checksum, so that a damaged body is noticed and never served.

import { promisify } from 'node:util';
import { constants, zstdCompress, zstdCompressSync, zstdDecompress, zstdDecompressSync } from 'node:zlib';
import { ZSTD_LEVEL } from './limits.ts';

const compressAsync = promisify(zstdCompress);
const decompressAsync = promisify(zstdDecompress);

/** How everything is compressed. */
export const ZSTD_PARAMETERS: Readonly<Record<number, number>> = {
  [constants.ZSTD_c_compressionLevel]: ZSTD_LEVEL,
  [constants.ZSTD_c_checksumFlag]: 1,
};

/** Room for the outcome of so many bytes, whatever they are. */
export function roomFor(bytes: number): number {
  return bytes + (bytes >> 8) + 512;
}

/** Room for the largest outcome, so that zlib fills one buffer in one step. */
function options(bytes: number) {
  return { params: ZSTD_PARAMETERS, pledgedSrcSize: bytes, chunkSize: roomFor(bytes) };
}

/** Compresses a small piece in a context of its own. */
export function compress(plain: Uint8Array, dictionary: Uint8Array): Uint8Array {
  return zstdCompressSync(plain, { ...options(plain.length), dictionary });
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
  return compressAsync(plain, options(plain.length));
}

/** Decompresses a frame of exactly `bytes` in the thread pool; throws if it is damaged. */
export async function decompressFrame(compressed: Uint8Array, bytes: number): Promise<Uint8Array> {
  const plain = await decompressAsync(compressed, {
    chunkSize: Math.max(64, bytes),
    maxOutputLength: Math.max(1, bytes),
  });
  if (plain.length !== bytes) throw new Error(`a frame has ${plain.length} bytes instead of ${bytes}`);
  return plain;
}
