// The packer of small pieces: with kept contexts and without, it takes and gives the same.
import { createHash, randomBytes } from 'node:crypto';
import { createZstdCompress, createZstdDecompress, zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { readDictionaries } from '#storage/blobs/dictionaries.ts';
import { INLINE_BYTES } from '#storage/blobs/limits.ts';
import { createPacker, createPackers, type Packer, plainPacker, type ZstdStreams } from '#storage/blobs/packer.ts';
import { seeded } from '#test/support/random.ts';

const { header, body } = readDictionaries();
const keeping = createPacker(header);
const documented = plainPacker(header);
const WAYS: [string, Packer][] = [
  ['kept contexts', keeping],
  ['documented calls', documented],
];

const HEADER =
  'From: Anna <anna@example.test>\r\nSubject: x\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n';
const BODY =
  'Content-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n<p>Hello</p>\r\n';

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
      expect(zstdDecompressSync(packed, { dictionary: header }).equals(plain), `${bytes}`).toBe(true);
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
  const packed = documented.pack(plain);
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
    expect(refused, what).toEqual(refusal(documented, bytes, most));
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
    expect(refused).toEqual(refusal(documented, piece, 2_000));
    if (refused === 'nothing')
      expect(Buffer.compare(documented.unpack(piece, 2_000), keeping.unpack(piece, 2_000))).toBe(0);
  }
});

test('where node:zlib is not as it is known, the documented calls do the work', () => {
  const compressing = (dictionary: Uint8Array | null) => createZstdCompress(dictionary === null ? {} : { dictionary });
  const decompressing = (dictionary: Uint8Array | null) =>
    createZstdDecompress(dictionary === null ? {} : { dictionary });
  const { handle, state } = { handle: { reset() {}, writeSync() {}, onerror() {} }, state: new Uint32Array(2) };
  const strange: [string, ZstdStreams['compressing'], ZstdStreams['decompressing']][] = [
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
    const packer = createPacker(header, { compressing: packing, decompressing: unpacking });
    expect(packer.kept, what).toBe(false);
    expect(packer.unpack(packer.pack(text(100)), 100), what).toEqual(text(100));
  }
});

test('a thread whose documented dictionary is another one is not taken for this one', () => {
  const other = (): object => createZstdCompress({ dictionary: body });
  const packer = createPacker(header, { compressing: other, decompressing: () => createZstdDecompress() });
  expect(packer.kept).toBe(false);
});

test('the dictionaries are those that stored mail was packed with, for ever', () => {
  const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');
  expect(sha256(header)).toBe('e7b95fef55d15f757296fa8442735a8c2b8e799e34e404a2407676504ef8f3c4');
  expect(sha256(body)).toBe('a51d3abb86898e8b7d0d49b1419c618a133ef0da92e20ff4a0302f297849173b');
  const packers = createPackers();
  const stored = {
    header: '28b52ffd25016a1d0100338103e3cd9f37c78b4dade70c666a6d1205fc6bae005abeb0156605337e10fba97a1bf7e0709e',
    body: '28b52ffd250265f50000703c703e48656c6c6f3c2f703e0d0a057c001174d748f4994c462706cbd0574eceda',
  };
  expect(Buffer.from(packers.header.unpack(Buffer.from(stored.header, 'hex'), 999)).toString()).toBe(HEADER);
  expect(Buffer.from(packers.body.unpack(Buffer.from(stored.body, 'hex'), 999)).toString()).toBe(BODY);
});

test('a piece packed before there were dictionaries, or for the other kind, is told from the rest', () => {
  const packers = createPackers();
  expect(Buffer.from(packers.header.unpack(zstdCompressSync('plain'), 99)).toString()).toBe('plain');
  expect(refusal(packers.header, packers.body.pack(text(500)), 500)).toMatchObject({
    code: 'ZSTD_error_dictionary_wrong',
  });
});
