// The queue of checkpoints: each database once however often it is named, one after the other, whatever becomes of one.
import { setTimeout as sleep } from 'node:timers/promises';
import pino from 'pino';
import { expect, test, vi } from 'vitest';
import { Checkpoints } from '#storage/background/checkpoints.ts';

const log = pino({ level: 'silent' });

test('a database that is named while it waits is checkpointed once, and again when it is named later', async () => {
  const done: string[] = [];
  let running = 0;
  const checkpoint = async (name: string) => {
    expect(++running).toBe(1);
    await sleep(1);
    running--;
    done.push(name);
    if (name === 'b' && done.length < 4) throw new Error('busy');
  };
  const checkpoints = new Checkpoints({ checkpoint, log, signal: new AbortController().signal, pause: 20 });
  for (const name of ['a', 'b', 'a', 'c', 'b', 'a']) checkpoints.add(name);
  expect(done).toEqual([]);
  await expect.poll(() => done).toEqual(['a', 'b', 'c']);
  for (const name of ['b', 'b']) checkpoints.add(name);
  await expect.poll(() => done).toEqual(['a', 'b', 'c', 'b']);
});

test('one that is urgent is not put off any more, though it was named before', async () => {
  const checkpoint = vi.fn(async (_name: string) => {});
  const checkpoints = new Checkpoints({ checkpoint, log, signal: new AbortController().signal, pause: 3_600_000 });
  checkpoints.add('a');
  await sleep(1);
  checkpoints.add('b', true);
  await expect.poll(() => checkpoint.mock.calls).toEqual([['a'], ['b']]);
  checkpoints.add('c');
  await sleep(1);
  checkpoints.add('c', true);
  await expect.poll(() => checkpoint.mock.calls.at(-1)).toEqual(['c']);
});

test('what was due when the store closes is left', async () => {
  const stop = new AbortController();
  const checkpoint = vi.fn(async () => {});
  const checkpoints = new Checkpoints({ checkpoint, log, signal: stop.signal, pause: 10 });
  checkpoints.add('a');
  stop.abort();
  checkpoints.add('b');
  await sleep(50);
  expect(checkpoint).not.toHaveBeenCalled();
});
