// The memory for bodies on their way in: shared by threads, waited for in turn and for a bounded time, taken back from
// those that have stalled.
import { setTimeout as sleep } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { expect, test } from 'vitest';
import { Budget, type BudgetLimits, createBudgetShared } from '#storage/blobs/budget.ts';
import type { StoreError } from '#storage/errors.ts';

const KIB = 1024;
const LIMITS: BudgetLimits = {
  ...{ smallKib: 64, largeKib: 100, waiting: 2, waitMs: 200 },
  ...{ stallBytes: 10, stallPeriodMs: 20, stalls: 10_000 },
};
const kept = () => {
  throw new Error('nothing is to be taken back here');
};

function budget(limits: Partial<BudgetLimits> = {}, shared = createBudgetShared()): Budget {
  return new Budget(shared, { ...LIMITS, ...limits });
}

test('what is held is what was asked for last, and all of it is given back at the end', async () => {
  const all = budget();
  {
    using share = all.open(kept);
    await share.hold('small', 10 * KIB);
    await share.hold('small', 30 * KIB + 1);
    expect(all.used('small')).toBe(31);
    await share.hold('small', 5 * KIB);
    await share.hold('large', 100 * KIB);
    expect([all.used('small'), all.used('large')]).toEqual([5, 100]);
  }
  expect([all.used('small'), all.used('large')]).toEqual([0, 0]);
  const gone = all.open(kept);
  gone[Symbol.dispose]();
  expect(gone.hold('small', KIB)).toBeUndefined();
  expect(all.used('small')).toBe(0);
});

test('who finds it used up waits, in turn, until others give back', async () => {
  const all = budget();
  const [first, second, third] = [all.open(kept), all.open(kept), all.open(kept)] as const;
  expect(first.hold('large', 80 * KIB)).toBeUndefined();
  const order: string[] = [];
  const waiting = [
    Promise.resolve(second.hold('large', 90 * KIB)).then(() => order.push('second')),
    // There is room for this one, but the other was first.
    Promise.resolve(third.hold('large', 10 * KIB)).then(() => order.push('third')),
  ];
  await sleep(20);
  expect(order).toEqual([]);
  // The other purse is nobody's concern.
  expect(third.hold('small', 10 * KIB)).toBeUndefined();
  first[Symbol.dispose]();
  await Promise.all(waiting);
  expect(order).toEqual(['second', 'third']);
  expect(all.used('large')).toBe(100);
});

test('a wait has a bound in time, and so has the number of those that wait', async () => {
  const all = budget();
  using first = all.open(kept);
  await first.hold('large', 100 * KIB);
  const order: string[] = [];
  const refused = async (name: string) => {
    await expect(all.open(kept).hold('large', KIB)).rejects.toMatchObject({ code: 'busy' });
    order.push(name);
  };
  // Two wait, and are refused when their time is up; the third does not even wait.
  await Promise.all([refused('first'), refused('second'), refused('third')]);
  expect(order).toEqual(['third', 'first', 'second']);
});

test('who goes away while it waits makes room for the next', async () => {
  const all = budget({ waitMs: 60_000 });
  using first = all.open(kept);
  await first.hold('large', 80 * KIB);
  const second = all.open(kept);
  const third = all.open(kept);
  const gone = expect(second.hold('large', 90 * KIB)).rejects.toMatchObject({ code: 'busy' });
  const served = third.hold('large', 20 * KIB);
  second[Symbol.dispose]();
  await gone;
  await served;
  expect(all.used('large')).toBe(100);
});

test('a body that has stalled gives its share back, but only to somebody who waits', async () => {
  const all = budget({ waitMs: 60_000, stalls: 3 });
  const revoked: string[] = [];
  const stalled = all.open((error: StoreError) => revoked.push(error.code));
  const moving = all.open(kept);
  const working = all.open(kept);
  working.busy = true;
  for (const share of [stalled, moving, working]) await share.hold('large', 30 * KIB);
  const moves = setInterval(() => {
    moving.arrived += 100;
  }, 2);
  await sleep(150);
  expect(revoked).toEqual([]);
  using next = all.open(kept);
  await next.hold('large', 20 * KIB);
  clearInterval(moves);
  expect(revoked).toEqual(['busy']);
  expect(all.used('large')).toBe(80);
});

test('what another thread gives back wakes who waits here', async () => {
  const shared = createBudgetShared();
  const all = budget({ waitMs: 60_000 }, shared);
  const program = `
    const { parentPort, workerData } = require('node:worker_threads');
    (async () => {
      const { Budget } = await import(workerData.module);
      const share = new Budget(workerData.shared, workerData.limits).open(() => {});
      await share.hold('large', 90 * 1024);
      parentPort.postMessage('held');
      parentPort.once('message', () => share[Symbol.dispose]());
    })();`;
  const module = new URL('../../../storage/blobs/budget.ts', import.meta.url).href;
  const other = new Worker(program, { eval: true, workerData: { module, shared, limits: LIMITS } });
  try {
    await new Promise((resolve) => other.once('message', resolve));
    using here = all.open(kept);
    const waiting = here.hold('large', 20 * KIB);
    expect(all.used('large')).toBe(90);
    other.postMessage('give back');
    await waiting;
    expect(all.used('large')).toBe(20);
  } finally {
    await other.terminate();
  }
});
