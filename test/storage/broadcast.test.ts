import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { ROOT } from '#test/support/program.ts';

/** Two threads with an end each: what the worker has heard, and what it has loaded for that. */
const PROGRAM = `
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { Broadcast } from '#storage/broadcast.ts';
const heard = [];
const channel = new Broadcast('a-test', (message) => heard.push(message));
const other = \`
  import { parentPort } from 'node:worker_threads';
  import { Broadcast } from '#storage/broadcast.ts';
  const channel = new Broadcast('a-test', (message) => {
    if (message.last) channel.close();
    parentPort.postMessage({ message, loaded: process.moduleLoadList, direct: channel.direct });
  });
  channel.tell('here');
  parentPort.once('message', () => {});
  parentPort.postMessage('ready');
\`;
const worker = new Worker(other, { eval: true });
await once(worker, 'message');
channel.tell({ row: 1n, rows: new Uint8Array([1, 2]) });
const [first] = await once(worker, 'message');
channel.tell({ last: true });
const [second] = await once(worker, 'message');
channel.tell({ row: 'after the close' });
worker.postMessage('end');
await once(worker, 'exit');
process.stdout.write(JSON.stringify({
  heard,
  message: [String(first.message.row), [...first.message.rows]],
  last: second.message.last,
  direct: [channel.direct, second.direct],
  fetch: second.loaded.filter((name) => name.includes('undici')),
}));
channel.tell('to nobody');
`;

test('what is told to all threads is heard by the others, loads nothing of fetch, and keeps no thread alive', async () => {
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '--eval', PROGRAM], {
    cwd: ROOT,
  });
  expect(JSON.parse(stdout)).toEqual({
    heard: ['here'],
    message: ['1', [1, 2]],
    last: true,
    direct: [true, true],
    fetch: [],
  });
});
