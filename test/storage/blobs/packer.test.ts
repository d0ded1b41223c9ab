// The packer of small pieces: with kept contexts and without, it takes and gives the same.
import { randomBytes } from 'node:crypto';
import { constants, createZstdCompress, createZstdDecompress, zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { INLINE_BYTES } from '#storage/blobs/limits.ts';
import { createPacker, type Packer, plainPacker } from '#storage/blobs/packer.ts';
import { seeded } from '#test/support/random.ts';

const keeping = createPacker();
const WAYS: [string, Packer][] = [
  ['kept contexts', keeping],
  ['documented calls', plainPacker],
];

const text = (bytes: number) =>
  Buffer.from('Received: from mx by store; '.repeat(Math.ceil(bytes / 28)).slice(0, bytes));

/** What it throws, as name, code and message. */
function refusal(packer: Packer, packed: Uint8Array, maxBytes: number): unknown {
  try {
    packer.unpack(packed, maxBytes);
    return 'nothing';
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    return { name: error.name, message: error.message, code: 'code' in error ? error.code : '' };
  }
}

test('this Node keeps contexts', () => {
  expect(keeping.kept).toBe(true);
});

test.each(WAYS)('%s: what is packed is a zstd frame with a checksum, and unpacks again, in any order', (_, packer) => {
  for (const bytes of [0, 1, 700, INLINE_BYTES - 1, 8_000, INLINE_BYTES, INLINE_BYTES + 1, 4 * INLINE_BYTES, 3]) {
    for (const plain of [text(bytes), randomBytes(bytes)]) {
      const packed = packer.pack(plain);
      expect(zstdDecompressSync(packed).equals(plain), `${bytes}`).toBe(true);
      // RFC 8878 3.1.1.1.1: the checksum flag of the frame's header.
      expect((packed[4] ?? 0) & 4, `${bytes}`).toBe(4);
      for (const [, other] of WAYS) expect(plain.equals(other.unpack(packed, bytes)), `${bytes}`).toBe(true);
    }
  }
});

test.each(WAYS)('%s: results have memory of their own', (_, packer) => {
  const [one, two] = [text(900), text(800)];
  const [packedOne, packedTwo] = [packer.pack(one), packer.pack(two)];
  const plainOne = packer.unpack(packedOne, 900);
  const plainTwo = packer.unpack(packedTwo, 900);
  expect(one.equals(plainOne) && two.equals(plainTwo)).toBe(true);
});

test('both ways refuse what is damaged, cut off, followed by something or too large, alike, and work on', () => {
  const plain = text(3_000);
  const packed = plainPacker.pack(plain);
  const flipped = Buffer.from(packed);
  flipped.writeUInt8((flipped.at(-1) ?? 0) ^ 1, flipped.length - 1);
  const cases: [string, Uint8Array, number, unknown][] = [
    ['a wrong checksum', flipped, 3_000, { code: 'ZSTD_error_checksum_wrong' }],
    ['cut off', packed.subarray(0, -3), 3_000, { code: 'Z_BUF_ERROR' }],
    ['nothing', new Uint8Array(0), 3_000, { code: 'Z_BUF_ERROR' }],
    ['no zstd', text(500), 3_000, { code: 'ZSTD_error_prefix_unknown' }],
    ['a byte too many', packed, 2_999, { code: 'ERR_BUFFER_TOO_LARGE' }],
    ['something after it', Buffer.concat([packed, Buffer.from('more')]), 3_000, {}],
  ];
  for (const [what, bytes, most, expected] of cases) {
    const refused = refusal(keeping, bytes, most);
    expect(refused, what).toMatchObject(expected as object);
    expect(refused, what).toEqual(refusal(plainPacker, bytes, most));
    expect(plain.equals(keeping.unpack(packed, 3_000)), `after ${what}`).toBe(true);
  }
});

test('a frame that unpacks to far more than its place allows is refused without the memory', () => {
  const bomb = zstdCompressSync(Buffer.alloc(64 * 1024 * 1024));
  const before = process.memoryUsage().arrayBuffers;
  for (const [, packer] of WAYS) expect(refusal(packer, bomb, INLINE_BYTES)).toMatchObject({ name: 'RangeError' });
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(8 * 1024 * 1024);
});

test('any bytes at all are refused by both ways or give the same', () => {
  const random = seeded(71);
  const packed = keeping.pack(text(2_000));
  for (let count = 0; count < 2_000; count++) {
    const bytes = Buffer.from(packed);
    for (let times = Math.floor(random() * 4); times > 0; times--) {
      bytes.writeUInt8(Math.floor(random() * 256), Math.floor(random() * bytes.length));
    }
    const piece = bytes.subarray(0, Math.ceil(random() * 1.2 * bytes.length));
    const refused = refusal(keeping, piece, 2_000);
    expect(refused).toEqual(refusal(plainPacker, piece, 2_000));
    if (refused === 'nothing')
      expect(Buffer.compare(plainPacker.unpack(piece, 2_000), keeping.unpack(piece, 2_000))).toBe(0);
  }
});

test('where node:zlib is not as it is known, the documented calls do the work', () => {
  const compressing = () => createZstdCompress();
  const decompressing = () => createZstdDecompress();
  const { handle, state } = { handle: { reset() {}, writeSync() {}, onerror() {} }, state: new Uint32Array(2) };
  const strange: [string, () => object, () => object][] = [
    ['no handle', () => ({}), decompressing],
    ['a handle without functions', () => ({ _handle: {}, _writeState: state }), decompressing],
    ['no state', () => ({ _handle: handle }), decompressing],
    ['a handle that does nothing', () => ({ _handle: handle, _writeState: state }), decompressing],
    ['one that only unpacks to nothing', compressing, () => ({ _handle: handle, _writeState: state })],
    ['the two exchanged', decompressing, compressing],
    [
      'one that throws',
      () => {
        throw new Error('gone');
      },
      decompressing,
    ],
  ];
  for (const [what, packing, unpacking] of strange) {
    const packer = createPacker({ compressing: packing, decompressing: unpacking });
    expect(packer.kept, what).toBe(false);
    expect(packer.unpack(packer.pack(text(100)), 100), what).toEqual(text(100));
  }
  const levelOne = () => createZstdCompress({ params: { [constants.ZSTD_c_compressionLevel]: 1 } });
  expect(createPacker({ compressing: levelOne, decompressing }).kept).toBe(true);
});
