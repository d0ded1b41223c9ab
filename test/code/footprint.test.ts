// What a server thread has in memory when it is idle is mostly code: what it does not need is not loaded.
import { spawnSync } from 'node:child_process';
import { resolve } from 'node:path';
import { expect, test } from 'vitest';
import { LISTENERS } from '#config/schema.ts';
import { temporaryFolder } from '#test/support/folder.ts';
import { RunningProgram } from '#test/support/program.ts';

const root = resolve(import.meta.dirname, '../..');
const listing = `
  for (const file of ['server.ts', 'protocol-servers.ts']) await import('./src/' + file);
  process.stdout.write(JSON.stringify(process.moduleLoadList));
`;

test('a server thread does not load fetch, which comes with node:http as a module', () => {
  const { status, stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', listing], {
    cwd: root,
    encoding: 'utf8',
    timeout: 120_000,
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
    return spawnSync(process.execPath, options, { cwd: root, encoding: 'utf8', timeout: 120_000, env: environment });
  };
  expect(run().status).toBe(0);
  const { status, stderr } = run();
  expect(status, stderr).toBe(0);
  const loaded = JSON.parse(stderr) as string[];
  expect(loaded.length).toBeGreaterThan(100);
  expect(loaded.filter((name) => /amaro/.test(name))).toEqual([]);
});

/** How many files of ours each thread may have loaded when it is ready; each costs 20 KB there, and 0.2 ms of the start. */
const MOST_FILES = { main: 480, 'server thread 1': 395, 'posthuis-background': 120 } as const;

/** Counts them in each thread, and tells how many when it ends. */
const counter = `
  import { writeSync } from 'node:fs';
  import { registerHooks } from 'node:module';
  import { isMainThread, threadName } from 'node:worker_threads';
  let files = 0;
  registerHooks({
    load(url, context, next) {
      if (/^file:.*\\.ts$/.test(url) && !url.includes('/node_modules/')) files++;
      return next(url, context);
    },
  });
  process.on('exit', () => writeSync(2, JSON.stringify([isMainThread ? 'main' : threadName, files]) + '\\n'));
`;

test('no thread loads more at the start than it has: what is rare is loaded when it is first needed', async () => {
  await using folder = await temporaryFolder();
  const listen = LISTENERS.map((name) => [`POSTHUIS_LISTEN_${name.toUpperCase()}`, '127.0.0.1:0']);
  const env = {
    POSTHUIS_THREADS: '2',
    NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(counter)}`,
    ...Object.fromEntries(listen),
  };
  await using server = new RunningProgram(['--data', folder.path, 'serve'], { env });
  await server.until(/^ready$/m);
  await server.end('SIGTERM');
  const counts = Object.fromEntries(
    [...server.stderr.matchAll(/^\["([^"]+)",(\d+)\]$/gm)].map(([, thread, files]) => [thread, Number(files)]),
  );
  for (const [thread, most] of Object.entries(MOST_FILES)) {
    // None at all would mean that nothing was counted.
    expect(counts[thread], thread).toBeGreaterThan(most / 2);
    expect(counts[thread], thread).toBeLessThanOrEqual(most);
  }
});
