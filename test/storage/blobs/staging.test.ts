// Staging, blob files and the content of stored messages, on a real file system.
import { createHash, randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, open, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pino from 'pino';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { messageContent } from '#storage/blobs/content.ts';
import { fileSystem } from '#storage/blobs/file-system.ts';
import { accountDirectory, clearStaging, createFileBlobs } from '#storage/blobs/files.ts';
import { FRAME_BYTES, INLINE_BYTES } from '#storage/blobs/limits.ts';
import type { Blobs } from '#storage/blobs/port.ts';
import { HEADER_BYTES } from '#storage/message/limits.ts';
import type { MessageContent, Staged, Staging } from '#storage/ports.ts';

const log = pino({ level: 'silent' });
const account = 'abcdefgh12345678';
const MB = 1024 * 1024;
let data: string;
let blobs: Blobs;

beforeEach(async () => {
  data = await mkdtemp(join(tmpdir(), 'posthuis-blobs-'));
  await clearStaging(data);
  await mkdir(accountDirectory(data, account), { recursive: true });
  blobs = createFileBlobs({ directory: data, log });
});
afterEach(() => rm(data, { recursive: true, force: true }));

/** A message with a body of this many bytes that zstd can't shrink much. */
function message(bodyBytes: number): Buffer {
  const body = randomBytes(Math.ceil((bodyBytes * 3) / 4) + 3).toString('base64');
  return Buffer.from(`Subject: test\r\nFrom: a@example.test\r\n\r\n${body.slice(0, bodyBytes)}`, 'latin1');
}

async function put(
  bytes: Buffer,
  step: number,
  staging: Staging = blobs.stage({ maxBytes: 64 * MB }),
): Promise<Staged> {
  for (let at = 0; at < bytes.length; at += step) await staging.write(bytes.subarray(at, at + step));
  return staging.finish();
}

async function collect(pieces: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const all: Uint8Array[] = [];
  for await (const piece of pieces) all.push(piece);
  return Buffer.concat(all);
}

function stored(staged: Staged, prefix: Uint8Array) {
  return messageContent(
    {
      size: prefix.length + staged.size,
      prefix,
      header: staged.headerCompressed,
      body: staged.bodyCompressed ?? (() => blobs.open(account, staged.fileHash)),
    },
    blobs.packers,
  );
}

test.each([1, 7, 1000, 70_000])('a small message stays in memory, whatever the chunks (%i bytes)', async (step) => {
  const bytes = message(5000);
  await using staged = await put(bytes, step);
  expect(staged).toMatchObject({ size: bytes.length, file: null });
  expect(staged.hash).toBe(createHash('sha256').update(bytes).digest('hex'));
  expect(staged.fileHash).toBe('');
  expect(Buffer.from(staged.header).toString()).toBe('Subject: test\r\nFrom: a@example.test\r\n\r\n');
  expect(await collect(staged.open())).toEqual(bytes);
  expect(await collect(stored(staged, Buffer.alloc(0)).read())).toEqual(bytes);
  expect(await readdir(join(data, 'staging'))).toEqual([]);
});

test.each([INLINE_BYTES, INLINE_BYTES + 1, FRAME_BYTES, FRAME_BYTES + 1, 3 * FRAME_BYTES + 17])(
  'every range of a stored message of %i body bytes is what was written',
  async (bodyBytes) => {
    const bytes = message(bodyBytes);
    const prefix = Buffer.from('Return-Path: <>\r\n');
    const whole = Buffer.concat([prefix, bytes]);
    await using staged = await put(bytes, 16_384);
    expect(staged.file === null).toBe(bodyBytes <= INLINE_BYTES);
    const inFile = createHash('sha256').update(bytes.subarray(staged.header.length)).digest('hex');
    expect(staged.fileHash).toBe(staged.file === null ? '' : inFile);
    if (staged.file !== null) (await blobs.adopt(account, staged)).release();
    const content = stored(staged, prefix);
    expect(content.size).toBe(whole.length);
    const edges = [0, 3, prefix.length, prefix.length + 20, prefix.length + staged.header.length];
    for (const frame of [1, 2, 3]) edges.push(prefix.length + staged.header.length + frame * FRAME_BYTES);
    const points = edges.flatMap((edge) => [edge - 1, edge, edge + 1]).concat(whole.length - 1, whole.length);
    for (const start of points.filter((point) => point >= 0 && point <= whole.length)) {
      for (const end of points.filter((point) => point >= start)) {
        const got = await content.bytes(start, end);
        expect(Buffer.from(got).equals(whole.subarray(start, end)), `${start} to ${end}`).toBe(true);
      }
    }
    expect(await collect(staged.open(10, 100))).toEqual(bytes.subarray(10, 100));
    expect(await collect(staged.open())).toEqual(bytes);
  },
);

test('a large message is not looked at in one step, and a damaged one is said to be before any of it is told', async () => {
  const prefix = Buffer.from('Return-Path: <>\r\n');
  const bytes = message(9_000);
  await using small = await put(bytes, 1_000);
  const seen: Buffer[] = [];
  const look = (content: MessageContent) =>
    content.look(0, content.size, (pieces) => void seen.push(Buffer.concat(pieces as Uint8Array[])));
  expect(look(stored(small, prefix))).toBe(true);
  expect(seen).toEqual([Buffer.concat([prefix, bytes])]);
  await using large = await put(message(INLINE_BYTES + 1), 70_000);
  expect(look(stored(large, prefix))).toBe(false);
  for (const part of ['headerCompressed', 'bodyCompressed'] as const) {
    const damaged = Buffer.from(small[part] ?? []);
    damaged.writeUInt8(damaged.readUInt8(damaged.length - 1) ^ 1, damaged.length - 1);
    const content = stored({ ...small, size: small.size, [part]: damaged } as Staged, prefix);
    expect(() => look(content)).toThrow(expect.objectContaining({ code: 'unavailable' }));
  }
  const shorter = { ...small, size: small.size - 1 } as Staged;
  expect(() => look(stored(shorter, prefix))).toThrow(expect.objectContaining({ code: 'unavailable' }));
  expect(seen).toHaveLength(1);
});

test('a header block without an end counts as header up to the limit', async () => {
  const bytes = Buffer.from(`X: ${'a'.repeat(HEADER_BYTES)}\r\n\r\nbody`);
  await using staged = await put(bytes, 10_000);
  expect(staged.header.length).toBe(HEADER_BYTES);
  expect(staged.scanned.headerLength).toBe(HEADER_BYTES);
  expect(await collect(staged.open())).toEqual(bytes);
});

test('a message without a body, and one without anything, are messages', async () => {
  for (const text of ['Subject: x\r\n', '']) {
    await using staged = await put(Buffer.from(text), 5);
    expect(staged.size).toBe(text.length);
    expect((await collect(stored(staged, Buffer.alloc(0)).read())).toString()).toBe(text);
  }
});

test('more bytes than allowed fail with limit, and leave nothing behind', async () => {
  const staging = blobs.stage({ maxBytes: MB });
  await expect(put(message(2 * MB), 65_536, staging)).rejects.toMatchObject({ code: 'limit' });
  await expect(staging.finish()).rejects.toMatchObject({ code: 'limit' });
  await staging[Symbol.asyncDispose]();
  expect(await readdir(join(data, 'staging'))).toEqual([]);
});

test('a body dropped halfway leaves nothing behind', async () => {
  const staging = blobs.stage({ maxBytes: 64 * MB });
  await staging.write(message(MB));
  expect(await readdir(join(data, 'staging'))).toHaveLength(1);
  await staging[Symbol.asyncDispose]();
  expect(await readdir(join(data, 'staging'))).toEqual([]);
  await expect(Promise.resolve(staging.write(Buffer.from('x')))).rejects.toMatchObject({ code: 'closed' });
});

test('writes that nobody awaits stay in order', async () => {
  const bytes = message(2 * MB);
  const staging = blobs.stage({ maxBytes: 64 * MB });
  for (let at = 0; at < bytes.length; at += 50_000) void staging.write(bytes.subarray(at, at + 50_000));
  await using staged = await staging.finish();
  expect((await collect(staged.open())).equals(bytes)).toBe(true);
});

test('several accounts share one file, and the staged name goes', async () => {
  const others = [account, 'zzzzzzzz12345678', 'yyyyyyyy12345678'];
  for (const other of others) await mkdir(accountDirectory(data, other), { recursive: true });
  const bytes = message(300_000);
  const staged = await put(bytes, 65_536);
  const names = [];
  for (const other of others) {
    const adopted = await blobs.adopt(other, staged);
    names.push(adopted.name);
    adopted.release();
  }
  await staged[Symbol.asyncDispose]();
  expect(await readdir(join(data, 'staging'))).toEqual([]);
  const found = await Promise.all(others.map((id) => stat(join(accountDirectory(data, id), 'blobs', staged.fileHash))));
  expect(new Set(found.map((file) => file.ino)).size).toBe(1);
  expect(found[0]?.nlink).toBe(3);
  expect(new Set(names)).toEqual(new Set([staged.fileHash]));
});

test('the same message delivered twice is one blob', async () => {
  const bytes = message(100_000);
  await using first = await put(bytes, 65_536);
  await using second = await put(bytes, 1_000);
  (await blobs.adopt(account, first)).release();
  (await blobs.adopt(account, second)).release();
  expect(await Array.fromAsync(blobs.names(account))).toEqual([first.fileHash]);
});

test('the first large messages of an account may arrive at once, and its new folder is durable before any is placed', async () => {
  const synced: string[] = [];
  const files = {
    ...fileSystem,
    open: async (...args: Parameters<typeof fileSystem.open>) => {
      const handle = await fileSystem.open(...args);
      const sync = handle.sync.bind(handle);
      return Object.assign(handle, { sync: () => sync().then(() => void synced.push(String(args[0]))) });
    },
  };
  const fresh = createFileBlobs({ directory: data, log, files });
  const staged = await Promise.all(Array.from({ length: 20 }, () => put(message(INLINE_BYTES + 1), 70_000)));
  await Promise.all(
    staged.map(async (body) => {
      const { release } = await fresh.adopt(account, body);
      expect(synced).toContain(accountDirectory(data, account));
      release();
    }),
  );
  expect(await readdir(join(accountDirectory(data, account), 'blobs'))).toHaveLength(20);
  for (const body of staged) await body[Symbol.asyncDispose]();
});

test('the sweeper deletes what nothing names, and never what a delivery has pinned', async () => {
  await using used = await put(message(100_000), 65_536);
  await using pinned = await put(message(100_000), 65_536);
  await using unused = await put(message(100_000), 65_536);
  (await blobs.adopt(account, used)).release();
  const pin = await blobs.adopt(account, pinned);
  const again = await blobs.adopt(account, pinned);
  (await blobs.adopt(account, unused)).release();
  const sweep = () => blobs.sweep(account, async () => new Set([used.fileHash]));
  expect(await sweep()).toBe(1);
  expect((await Array.fromAsync(blobs.names(account))).sort()).toEqual([used.fileHash, pinned.fileHash].sort());
  pin.release();
  await new Promise((resolve) => setTimeout(resolve, 10));
  expect(await sweep()).toBe(0);
  again.release();
  await expect.poll(sweep).toBe(1);
  expect(await Array.fromAsync(blobs.names(account))).toEqual([used.fileHash]);
});

test('a missing, cut or altered blob is unavailable, never wrong bytes', async () => {
  const bytes = message(600_000);
  await using staged = await put(bytes, 65_536);
  (await blobs.adopt(account, staged)).release();
  const path = join(accountDirectory(data, account), 'blobs', staged.fileHash);
  const { size } = await stat(path);
  const read = () => stored(staged, Buffer.alloc(0)).bytes();
  for (const position of [0, 8, 12, 128, 200_000, size - 30, size - 20, size - 3]) {
    await using file = await open(path, 'r+');
    const original = Buffer.alloc(1);
    await file.read(original, 0, 1, position);
    await file.write(Buffer.from([(original[0] ?? 0) ^ 0x55]), 0, 1, position);
    await expect(read(), `byte ${position}`).rejects.toMatchObject({ code: 'unavailable' });
    await file.write(original, 0, 1, position);
  }
  expect(Buffer.from(await read()).equals(bytes)).toBe(true);
  await using file = await open(path, 'r+');
  await file.truncate(size - 1000);
  await expect(read()).rejects.toMatchObject({ code: 'unavailable' });
  await rm(path);
  await expect(read()).rejects.toMatchObject({ code: 'unavailable' });
});

test('a full disk is no-space, at whatever call it shows, and leaves nothing behind', async () => {
  const full = () => Promise.reject(Object.assign(new Error('ENOSPC: no space left'), { code: 'ENOSPC' }));
  const bytes = message(MB);
  for (const failing of ['create', 'write', 'datasync', 'link'] as const) {
    const files = {
      ...fileSystem,
      open: async (...args: Parameters<typeof open>) => {
        if (failing === 'create' && args[1] === 'wx') return full();
        const file = await open(...args);
        if (failing === 'write' && args[1] === 'wx') file.write = full;
        if (failing === 'datasync') file.datasync = full;
        return file;
      },
      link: failing === 'link' ? full : fileSystem.link,
    };
    const fragile = createFileBlobs({ directory: data, log, files });
    const staging = fragile.stage({ maxBytes: 64 * MB });
    const deliver = async () => {
      await using staged = await put(bytes, 65_536, staging);
      await fragile.adopt(account, staged);
    };
    await expect(deliver(), failing).rejects.toMatchObject({ code: 'no-space' });
    await staging[Symbol.asyncDispose]();
    expect(await readdir(join(data, 'staging')), failing).toEqual([]);
  }
  await using staged = await put(bytes, 65_536);
  (await blobs.adopt(account, staged)).release();
});

test('what a dead process left in staging is removed at start', async () => {
  await writeFile(join(data, 'staging', 'left'), 'x');
  expect(await clearStaging(data)).toBe(1);
  expect(await readdir(join(data, 'staging'))).toEqual([]);
});
