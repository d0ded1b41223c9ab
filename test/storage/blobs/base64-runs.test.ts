// Base64 undone before a body is packed: every body comes out as it went in, and damage is noticed.
import { randomBytes } from 'node:crypto';
import { expect, test } from 'vitest';
import { undoingBase64 } from '#storage/blobs/base64-runs.ts';
import { readDictionaries } from '#storage/blobs/dictionaries.ts';
import { INLINE_BYTES } from '#storage/blobs/limits.ts';
import { createPacker } from '#storage/blobs/packer.ts';
import { between, pick, type Random, seeded } from '#test/support/random.ts';

const plain = createPacker(readDictionaries().body);
const packer = undoingBase64(plain);

/** Base64 as a mail program writes it. */
function base64(bytes: Uint8Array, line = 76, end = '\r\n'): string {
  return (
    Buffer.from(bytes)
      .toString('base64')
      .match(new RegExp(`.{1,${line}}`, 'g'))
      ?.join(end) ?? ''
  );
}

function roundTrip(body: string | Uint8Array): Uint8Array {
  const bytes = Buffer.from(body as string, 'latin1');
  const packed = packer.pack(bytes);
  expect(bytes.equals(packer.unpack(packed, bytes.length))).toBe(true);
  packer.look(packed, bytes.length, (seen) => expect(bytes.equals(seen)).toBe(true));
  if (bytes.length > 0) expect(() => packer.unpack(packed, bytes.length - 1)).toThrow();
  return packed;
}

const TEXT = Buffer.from('Добрый день! Счёт за сентябрь во вложении. '.repeat(60));

test('a text in base64 is packed like the text', () => {
  const body = `${base64(TEXT)}\r\n`;
  const packed = roundTrip(body);
  expect(packed.length).toBeLessThan(plain.pack(TEXT).length + 40);
  expect(packed.length).toBeLessThan(plain.pack(Buffer.from(body)).length / 2);
});

test('several attachments between other parts, of any length and any length of line', () => {
  for (const line of [60, 64, 72, 76, 996]) {
    for (let bytes = 600; bytes < 660; bytes += 1) {
      const data = randomBytes(bytes);
      const part = `--b\r\nContent-Transfer-Encoding: base64\r\n\r\n${base64(data, line)}`;
      const body = `a preamble\r\n${part}\r\n${part}\r\n\r\n${part}\r\n--b--\r\n`;
      expect(roundTrip(body).length, `${line} ${bytes}`).toBeLessThan(3 * bytes + 300);
      roundTrip(part);
      roundTrip(base64(data, line));
    }
  }
});

test.each([
  ['nothing', ''],
  ['a text', 'Hello,\r\nthis is a text.\r\n'.repeat(100)],
  ['one word without end', 'a'.repeat(INLINE_BYTES)],
  ['lines that end with LF', base64(TEXT, 76, '\n')],
  ['lines of no length that base64 has', base64(TEXT, 75)],
  ['lines that are too long for mail', base64(TEXT, 1_000)],
  ['a few lines', `${base64(TEXT.subarray(0, 200))}\r\n`],
])('%s stays a zstd frame', (_, body) => {
  expect(Buffer.from(roundTrip(body)).equals(plain.pack(Buffer.from(body)))).toBe(true);
});

test('what would not come out the same is left as it is: bits behind the end, padding in the middle, other signs', () => {
  const lines = base64(TEXT).split('\r\n');
  const whole = lines.slice(0, -1).join('\r\n');
  // The same byte as QQ==, which is how it would come out.
  roundTrip(`${whole}\r\nQR==\r\n`);
  roundTrip(`${whole}\r\nQQ==\r\n${whole}\r\n`);
  roundTrip(`${whole}\r\n${'A'.repeat(74)}==\r\n${whole}\r\nQQ=\r\n`);
  roundTrip(`${whole}\r\n${'-'.repeat(76)}\r\n${whole}\r\n`);
  roundTrip(`${whole}\r\n${'A'.repeat(75)}_\r\n${whole}\r\n${'A'.repeat(76)}`);
  roundTrip(`x${whole}\r\n`);
  roundTrip(whole.replaceAll('\r\n', '\n\r'));
});

const PIECES: readonly ((random: Random) => string)[] = [
  (random) => base64(randomOf(random, between(random, 0, 3_000)), pick(random, [60, 64, 75, 76, 100])),
  () => '\r\n',
  () => '\r',
  () => '\n',
  () => '=',
  () => '--boundary\r\n',
  (random) => 'word '.repeat(between(random, 0, 30)),
  (random) => randomOf(random, between(random, 0, 200)).toString('latin1'),
];

function randomOf(random: Random, bytes: number): Buffer {
  return Buffer.from(Array.from({ length: bytes }, () => Math.floor(random() * 256)));
}

test('4,000 random bodies come out as they went in', () => {
  const random = seeded(7);
  for (let n = 0; n < 4_000; n += 1) {
    let body = '';
    const pieces = between(random, 1, 8);
    while (body.length < 400 * pieces) body += pick(random, PIECES)(random);
    const bytes = Buffer.from(body, 'latin1');
    if (random() < 0.3) bytes[between(random, 0, bytes.length - 1)] = between(random, 0, 255);
    const packed = packer.pack(bytes);
    if (!bytes.equals(packer.unpack(packed, bytes.length))) throw new Error(`body ${n} came out otherwise`);
    const [start, end] = [between(random, 0, bytes.length), between(random, 0, bytes.length)];
    packer.look(
      packed,
      bytes.length,
      (seen) => {
        const same = bytes.subarray(start, end).equals(seen.subarray(start, end)) && seen.length === bytes.length;
        if (!same) throw new Error(`bytes ${start} to ${end} of body ${n} came out otherwise`);
      },
      [[start, end]],
    );
  }
});

test('damage is noticed wherever it is: what comes out is what went in, or nothing', () => {
  const random = seeded(8);
  const body = Buffer.from(`--b\r\n\r\n${base64(TEXT)}\r\n--b\r\n\r\n${base64(randomOf(random, 2_000))}\r\n--b--\r\n`);
  const packed = packer.pack(body);
  const unpacked = (bytes: Uint8Array) => {
    try {
      return packer.unpack(bytes, INLINE_BYTES);
    } catch {
      return undefined;
    }
  };
  let noticed = 0;
  for (let n = 0; n < 2_000; n += 1) {
    const damaged = Buffer.from(packed);
    const at = between(random, 0, packed.length - 1);
    damaged[at] = (damaged[at] ?? 0) ^ (1 << between(random, 0, 7));
    const cut = random() < 0.1 ? damaged.subarray(0, between(random, 0, packed.length - 1)) : damaged;
    // Some bits of a frame's header mean nothing.
    const found = unpacked(cut);
    if (found !== undefined && !body.equals(found))
      throw new Error(`${n}: byte ${at} was damaged, and that was served`);
    if (found === undefined) noticed += 1;
  }
  expect(noticed).toBeGreaterThan(1_900);
  expect(() => packer.unpack(Buffer.concat([packed, Buffer.from('x')]), INLINE_BYTES)).toThrow();
});

test('a list that lies, under checksums that are right, is bounded', () => {
  const lying = (numbers: readonly number[], rest: string) => {
    const first = plain.pack(Buffer.concat([Buffer.from(numbers), Buffer.from(rest)]));
    if (first.length > 127) throw new Error('too long for this test');
    return Buffer.concat([Buffer.from([0xb6, first.length]), first, plain.pack(Buffer.alloc(57, 1))]);
  };
  expect(packer.unpack(lying([1, 2, 57, 76], 'abcd'), 100)).toHaveLength(80);
  for (const numbers of [
    [1, 2, 58, 76], // more bytes than there are
    [1, 2, 56, 76], // fewer
    [1, 9, 57, 76], // a gap behind the end
    [1, 2, 57, 4],
    [1, 2, 57, 77],
    [2, 2, 57, 76],
    [0],
    [255, 255, 255, 255],
    [255, 255, 255, 127],
  ]) {
    expect(() => packer.unpack(lying(numbers, 'abcd'), INLINE_BYTES), `${numbers}`).toThrow();
  }
});
