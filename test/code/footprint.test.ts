// What a server thread has in memory when it is idle is mostly code: what it does not need is not loaded.
import { spawnSync } from 'node:child_process';
import { resolve } from 'node:path';
import { expect, test } from 'vitest';

const root = resolve(import.meta.dirname, '../..');
const listing = `
  for (const file of ['server.ts', 'protocol-servers.ts']) await import('./src/' + file);
  process.stdout.write(JSON.stringify(process.moduleLoadList));
`;

test('a server thread does not load fetch, which comes with node:http as a module', () => {
  const { status, stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', listing], {
    cwd: root,
    encoding: 'utf8',
    timeout: 30_000,
  });
  expect(status, stderr).toBe(0);
  const loaded = JSON.parse(stdout) as string[];
  expect(loaded).toContain('NativeModule http');
  expect(loaded.filter((name) => /undici|http2/.test(name))).toEqual([]);
});

test('a command, and so a server, that ran once before does not load the stripper of types', () => {
  const tell = `process.on('exit', () => process.stderr.write(JSON.stringify(process.moduleLoadList)));`;
  const environment = { ...process.env };
  // As where nobody has set it: the program keeps compiled code by itself.
  delete environment.NODE_COMPILE_CACHE;
  const run = () => {
    const options = ['--import', `data:text/javascript,${encodeURIComponent(tell)}`, 'src/posthuis.js', 'version'];
    return spawnSync(process.execPath, options, { cwd: root, encoding: 'utf8', timeout: 30_000, env: environment });
  };
  expect(run().status).toBe(0);
  const { status, stderr } = run();
  expect(status, stderr).toBe(0);
  const loaded = JSON.parse(stderr) as string[];
  expect(loaded.length).toBeGreaterThan(100);
  expect(loaded.filter((name) => /amaro/.test(name))).toEqual([]);
});
