// The repository is the same wherever it is cloned: no file names a package registry or a path of one machine.
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { expect, test } from 'vitest';

const root = resolve(import.meta.dirname, '../..');
const here = 'test/code/names.test.ts';

const forbidden: readonly (readonly [what: string, pattern: RegExp])[] = [
  [
    'a package registry',
    /\b(registry|npm|proxy|mirror)\.[a-z0-9-]+\.(org|com|net|io|dev|internal|local)\b|_authToken/i,
  ],
  ['a package registry', /"resolved": "http/],
  ['a path of one machine', /(?<![\w.~*/-])\/(work|root|Users|home|tmp)\/[\w.-]+/],
];

const files = execFileSync('git', ['ls-files', '-z'], { cwd: root, encoding: 'utf8' })
  .split('\0')
  .filter((file) => file !== '' && file !== here && existsSync(join(root, file)));

test('no file names a package registry or a path of one machine', () => {
  const found: string[] = [];
  for (const file of files) {
    const text = readFileSync(join(root, file), 'latin1');
    if (text.includes('\0')) continue;
    for (const [index, line] of text.split('\n').entries()) {
      for (const [what, pattern] of forbidden) {
        if (pattern.test(line)) found.push(`${file}:${index + 1} names ${what}: ${line.trim().slice(0, 120)}`);
      }
    }
  }
  expect(files.length).toBeGreaterThan(10);
  expect(found).toEqual([]);
});

test('package.json pins every version and its lock names no host', () => {
  const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  const versions = Object.entries({ ...manifest.dependencies, ...manifest.devDependencies });
  expect(versions.filter(([, version]) => !/^\d+\.\d+\.\d+$/.test(String(version)))).toEqual([]);
  expect(manifest.engines).toEqual({ node: '>=26' });
});
