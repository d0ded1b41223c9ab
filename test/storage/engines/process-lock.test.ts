// The lock of one database in the whole process, and the queue of those of one thread who want it.
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { expect, test } from 'vitest';
import { ProcessLock } from '#storage/engines/sqlite/process-lock.ts';
import { createStoreShared } from '#storage/engines/sqlite/shared.ts';
import { WriteQueue } from '#storage/engines/sqlite/write-queue.ts';
import type { Locking } from '#test/storage/fixtures/locking-thread.ts';

test('of several threads that want a lock, some of them across turns of the event loop, one has it at a time', async () => {
  const [threads, times] = [3, 300];
  const count = new SharedArrayBuffer(4);
  const data: Locking = { shared: createStoreShared(), count, times };
  const entry = new URL('../fixtures/locking-thread.ts', import.meta.url);
  const workers = Array.from({ length: threads }, () => new Worker(entry, { workerData: data }));
  const codes = await Promise.all(workers.map((worker) => once(worker, 'exit')));
  expect(codes.flat()).toEqual([0, 0, 0]);
  expect(new Int32Array(count)[0]).toBe(threads * 4 * times);
});

test('a lock that is free is had at once, and what the work returns or throws comes as it is', () => {
  const queue = new WriteQueue(new ProcessLock(createStoreShared(), 'x', 1), 'x');
  expect(queue.run(() => 5)).toBe(5);
  expect(() =>
    queue.run(() => {
      throw new Error('no');
    }),
  ).toThrow('no');
  expect(queue.run(() => 6)).toBe(6);
});

test('those who wait have it in the order in which they came, and nobody takes it past them', async () => {
  const shared = createStoreShared();
  const here = new WriteQueue(new ProcessLock(shared, 'x', 1), 'x');
  const there = new WriteQueue(new ProcessLock(shared, 'x', 1), 'x');
  const done: string[] = [];
  const held = Promise.withResolvers<void>();
  const first = here.run(() => held.promise.then(() => done.push('first')));
  const second = there.run(() => done.push('second'));
  const third = here.run(() => done.push('third'));
  held.resolve();
  await first;
  // Free, and somebody waits for it.
  const fourth = new WriteQueue(new ProcessLock(shared, 'x', 1), 'x').run(() => done.push('fourth'));
  expect(done).toEqual(['first']);
  await Promise.all([second, third, fourth]);
  expect(done).toEqual(['first', 'second', 'third', 'fourth']);
  expect(here.run(() => 'at once again')).toBe('at once again');
});
