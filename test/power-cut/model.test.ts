// The replay's own parts: what the model of the disk keeps and loses, and how a trace is read.
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { temporaryFolder } from '#test/support/folder.ts';
import { seeded } from '#test/support/random.ts';
import { Disk, everything, nothing, type Survival, someOf } from './disk.ts';
import { Machine } from './machine.ts';
import { readTrace } from './trace.ts';

const hex = (text: string) => [...Buffer.from(text)].map((byte) => `\\x${byte.toString(16).padStart(2, '0')}`).join('');
const path = (name: string) => `"${hex(`/data/${name}`)}"`;
const file = (fd: number, name: string) => `${fd}<${hex(`/data/${name}`)}>`;
const create = (fd: number, name: string) =>
  `7 openat(AT_FDCWD<${hex('/')}>, ${path(name)}, O_RDWR|O_CREAT|O_CLOEXEC, 0644) = ${file(fd, name)}`;
const write = (fd: number, name: string, text: string, offset: number) =>
  `7 pwrite64(${file(fd, name)}, "${hex(text)}", ${text.length}, ${offset}) = ${text.length}`;
const openRoot = `7 openat(AT_FDCWD<${hex('/')}>, "${hex('/data')}", O_RDONLY|O_CLOEXEC) = 9<${hex('/data')}>`;
const syncRoot = `7 fsync(9<${hex('/data')}>) = 0`;

/** What is found after a power cut at the end of a trace: names with contents. */
async function after(lines: readonly string[], survival: Survival, ignoreData = false) {
  await using folder = await temporaryFolder();
  const [base, trace, found] = ['base', 'trace', 'found'].map((name) => join(folder.path, name)) as [
    string,
    string,
    string,
  ];
  mkdirSync(base);
  writeFileSync(trace, `${lines.join('\n')}\n`, 'latin1');
  const disk = new Disk(base);
  const machine = new Machine(disk, '/data', '/', (call) => ignoreData && call.name === 'fdatasync');
  await readTrace(trace, machine);
  disk.layOut(found, survival);
  const names: Record<string, string> = {};
  for (const name of readdirSync(found, { recursive: true, encoding: 'utf8' })) {
    if (statSync(join(found, name)).isFile()) names[name] = readFileSync(join(found, name), 'latin1');
  }
  return { names, machine };
}

test('a file is there after a power cut only when it and its folder were synced', async () => {
  const lines = [openRoot, create(5, 'a'), write(5, 'a', 'hello', 0)];
  const data = `7 fdatasync(${file(5, 'a')}) = 0`;
  expect((await after(lines, everything)).names).toEqual({ a: 'hello' });
  expect((await after(lines, nothing)).names).toEqual({});
  expect((await after([...lines, data], nothing)).names).toEqual({});
  expect((await after([...lines, syncRoot], nothing)).names).toEqual({ a: '' });
  expect((await after([...lines, data, syncRoot], nothing)).names).toEqual({ a: 'hello' });
  expect((await after([...lines, data, syncRoot], nothing, true)).names).toEqual({ a: '' });
});

test('a sync covers what had returned before it was called, and nothing that failed', async () => {
  const start = [openRoot, create(5, 'a'), syncRoot, write(5, 'a', 'one', 0)];
  const overlapped = [
    ...start,
    `7 fdatasync(${file(5, 'a')} <unfinished ...>`,
    `8 pwrite64(${file(5, 'a')}, "${hex('two')}", 3, 3) = 3`,
    '7 <... fdatasync resumed>) = 0',
  ];
  expect((await after(overlapped, nothing)).names).toEqual({ a: 'one' });
  expect((await after(overlapped, everything)).names).toEqual({ a: 'onetwo' });
  const failed = [...start, `7 fdatasync(${file(5, 'a')}) = -1 EIO (Input/output error)`];
  expect((await after(failed, nothing)).names).toEqual({ a: '' });
});

test('a name that was replaced or removed comes back when its folder was not synced', async () => {
  const lines = [
    ...[openRoot, create(5, 'new'), write(5, 'new', '2', 0), `7 fsync(${file(5, 'new')}) = 0`],
    ...[create(6, 'name'), write(6, 'name', '1', 0), `7 fsync(${file(6, 'name')}) = 0`, syncRoot],
    ...[`7 link(${path('new')}, ${path('also')}) = 0`, `7 rename(${path('new')}, ${path('name')}) = 0`],
  ];
  expect((await after(lines, everything)).names).toEqual({ also: '2', name: '2' });
  expect((await after(lines, nothing)).names).toEqual({ new: '2', name: '1' });
  expect((await after([...lines, syncRoot], nothing)).names).toEqual({ also: '2', name: '2' });
  const removed = [...lines, syncRoot, `7 unlink(${path('name')}) = 0`];
  expect((await after(removed, nothing)).names).toEqual({ also: '2', name: '2' });
  expect((await after(removed, everything)).names).toEqual({ also: '2' });
});

test('writes that were not synced survive in any combination, and tear at sectors', async () => {
  const lines = [openRoot, create(5, 'a'), syncRoot];
  for (let i = 0; i < 8; i += 1) lines.push(write(5, 'a', String(i).repeat(1024), i * 1024));
  const whole = new Set<string>();
  const torn = new Set<string>();
  for (let seed = 0; seed < 40; seed += 1) {
    whole.add((await after(lines, someOf(seeded(seed), false))).names.a ?? 'none');
    torn.add((await after(lines, someOf(seeded(seed), true))).names.a ?? 'none');
  }
  expect(whole.size).toBeGreaterThan(10);
  for (const content of whole) expect(content).toMatch(/^(?:(?:(\d)\1{1023})|(?:\0{1024}))*$|^none$/);
  expect([...torn].some((content) => /^(?:.{1024})*(.)\1{511}\0/s.test(content))).toBe(true);
});

test('what was sent on a connection is counted, and a trace that was cut short is refused', async () => {
  const socket = '6<TCP:[127.0.0.1:25->127.0.0.1:4711]>';
  const { machine } = await after(
    [
      `7 write(${socket}, "${hex('250 ok')}", 6) = 6`,
      `7 writev(${socket}, [{iov_base="${hex('ab')}", iov_len=2}], 1) = 2`,
    ],
    nothing,
  );
  expect([...machine.sent]).toEqual([['25-4711', 8]]);
  await expect(
    after([create(5, 'a'), `7 pwrite64(${file(5, 'a')}, "${hex('x')}"..., 9, 0) = 9`], nothing),
  ).rejects.toThrow('cut the string short');
});

test('a call that the model does not know is refused when it touches the data', async () => {
  await expect(after([create(5, 'a'), `7 fallocate(${file(5, 'a')}, 0, 0, 10) = 0`], nothing)).rejects.toThrow(
    'fallocate',
  );
  expect((await after([create(5, 'a'), '7 fallocate(8</etc/x>, 0, 0, 10) = 0'], everything)).names).toEqual({ a: '' });
});
