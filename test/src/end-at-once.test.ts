// A stop that has taken too long ends all the same.
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

test('a process whose thread is in a statement of minutes is ended, and says why', () => {
  const script = fileURLToPath(new URL('./fixtures/stuck.ts', import.meta.url));
  const ended = spawnSync(process.execPath, [script], { encoding: 'utf8', timeout: 240_000, killSignal: 'SIGTERM' });
  expect(ended.signal, ended.stderr).toBe('SIGKILL');
  expect(ended.stdout).toBe('what still runs is cut: it did not end in time\n');
});
