// Sealed secrets: what opens them and what does not.
import { randomBytes } from 'node:crypto';
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { KEY_FILE, loadSealer, Sealer } from '#storage/secrets/sealing.ts';
import { temporaryFolder } from '#test/support/folder.ts';

test('a secret opens under its key and for its purpose alone', () => {
  const sealer = new Sealer(randomBytes(32));
  const sealed = sealer.seal('geheim \u00e9', 'anna scram');
  expect(sealed).not.toContain('geheim');
  expect(sealer.seal('geheim \u00e9', 'anna scram')).not.toBe(sealed);
  expect(sealer.open(sealed, 'anna scram')).toBe('geheim \u00e9');
  expect(sealer.open(sealed, 'bert scram')).toBeNull();
  expect(new Sealer(randomBytes(32)).open(sealed, 'anna scram')).toBeNull();
  const middle = sealed.length - 8;
  const other = sealed[middle] === 'A' ? 'B' : 'A';
  for (const wrong of [
    `${sealed.slice(0, middle)}${other}${sealed.slice(middle + 1)}`,
    sealed.slice(0, 20),
    '',
    'v2:x',
    sealed.slice(3),
  ]) {
    expect(sealer.open(wrong, 'anna scram'), wrong).toBeNull();
  }
});

test('a derived key is the same for a purpose, another for every other, and under another key', () => {
  const key = randomBytes(32);
  const derived = new Sealer(key).derive('one');
  expect(derived).toHaveLength(32);
  expect(new Sealer(key).derive('one')).toEqual(derived);
  expect(new Sealer(key).derive('two')).not.toEqual(derived);
  expect(new Sealer(randomBytes(32)).derive('one')).not.toEqual(derived);
});

test('the key is made once, readable by its owner alone', async () => {
  await using folder = await temporaryFolder();
  const [one, two] = await Promise.all([loadSealer(folder.path), loadSealer(folder.path)]);
  expect(two.open(one.seal('x', 'y'), 'y')).toBe('x');
  const path = join(folder.path, KEY_FILE);
  expect((await stat(path)).mode & 0o777).toBe(0o600);
  expect((await readFile(path)).length).toBe(32);
  expect(await readdir(folder.path)).toEqual([KEY_FILE]);
});
