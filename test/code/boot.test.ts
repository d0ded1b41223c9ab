// Plain Node strips types but refuses what Vitest would transform (enums, parameter properties, imports of types as
// values), so every module is imported here by the real thing; importing one must do nothing else.
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { expect, test } from 'vitest';

const root = resolve(import.meta.dirname, '../..');

/** Files that run when they are loaded: the program itself and what its worker threads begin with. */
function runsWhenLoaded(file: string): boolean {
  return /^src\/(main\.ts|posthuis\.js)$/.test(file) || /-worker\.ts$/.test(file);
}

const modules = ['config', 'storage', 'protocols', 'src']
  .flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' }).map((name) => `${folder}/${name}`),
  )
  .filter((file) => /\.(ts|js)$/.test(file) && !runsWhenLoaded(file))
  .sort();

/** Imports each module in turn and tells what each left behind; run by `node`, not by Vitest. */
const importer = `
  const { readFileSync } = await import('node:fs');
  const state = () => JSON.stringify([
    process.getActiveResourcesInfo().filter((name) => !/Pipe|TTY|FSReq/.test(name)).sort(),
    Object.getOwnPropertyNames(globalThis).sort(),
    process.eventNames().map((name) => String(name) + process.listenerCount(name)).sort(),
    process.cwd(),
  ]);
  const wrong = [];
  for (const file of JSON.parse(readFileSync(0, 'utf8'))) {
    const before = state();
    try {
      await import(file);
    } catch (error) {
      wrong.push(file + ': ' + (error.stack ?? error));
      continue;
    }
    if (state() !== before) wrong.push(file + ': ' + before + ' became ' + state());
  }
  process.stdout.write(JSON.stringify(wrong));
`;

test('plain Node imports every module, and importing has no side effects', () => {
  expect(modules.length).toBeGreaterThan(5);
  const child = spawnSync(process.execPath, ['--input-type=module', '-e', importer], {
    cwd: root,
    encoding: 'utf8',
    timeout: 120_000,
    input: JSON.stringify(modules.map((file) => join(root, file))),
  });
  expect(child.stderr).toBe('');
  expect(JSON.parse(child.stdout)).toEqual([]);
  expect(child.status).toBe(0);
});

test('under an unsupported Node the program prints one line and exits with 1', () => {
  const older =
    'data:text/javascript,' +
    encodeURIComponent(
      "Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '20.20.2' } });",
    );
  const child = spawnSync(process.execPath, ['--import', older, 'src/posthuis.js', 'version'], {
    cwd: root,
    encoding: 'utf8',
    timeout: 120_000,
  });
  expect(child.stdout).toBe('');
  expect(child.stderr).toMatch(/^[^\n]*26[^\n]*20\.20\.2[^\n]*\n$/);
  expect(child.status).toBe(1);
});
