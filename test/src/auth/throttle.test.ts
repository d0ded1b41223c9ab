// The count of wrong passwords: who is slowed, by whom, and for how long.
import { Worker } from 'node:worker_threads';
import { beforeEach, describe, expect, test } from 'vitest';
import { ACCOUNT, ADDRESS, LONGEST_DELAY_MS, PAIR } from '#src/auth/limits.ts';
import { type AuthShared, createAuthShared } from '#src/auth/shared.ts';
import { SharedTable } from '#src/auth/table.ts';
import { Throttle } from '#src/auth/throttle.ts';

const MINUTE = 60_000;
let shared: AuthShared;
let now: number;
let throttle: Throttle;

beforeEach(() => {
  shared = createAuthShared(2);
  now = shared.start;
  throttle = new Throttle(shared, () => now);
});

/** Wrong and different passwords of an address against an account. */
function guess(account: string, address: string, times: number, trusted = false): void {
  const attempt = throttle.attempt(account, address, trusted);
  for (let i = 0; i < times; i++) throttle.failed(attempt, `guess ${i} ${now}`);
}

const before = (account: string, address: string, trusted = false) =>
  throttle.before(throttle.attempt(account, address, trusted));

test('two mistakes cost nothing, then the delay doubles, then the password is not looked at', () => {
  const delays = [];
  for (let i = 0; i < PAIR.burst; i++) {
    delays.push(before('anna', '192.0.2.1'));
    throttle.failed(throttle.attempt('anna', '192.0.2.1', false), `guess ${i}`);
  }
  expect(delays).toEqual([0, 0, 0, 500, 1000, 2000, 4000, 8000, 8000, 8000]);
  expect(before('anna', '192.0.2.1')).toBe('throttled');
});

test('failures are forgotten one a minute, and nobody is shut out for longer than the cap allows', () => {
  guess('anna', '192.0.2.1', 1_000);
  expect(before('anna', '192.0.2.1')).toBe('throttled');
  now += (ADDRESS.cap - ADDRESS.burst + 1) * MINUTE;
  expect(before('anna', '192.0.2.1')).toBe(LONGEST_DELAY_MS);
  now += ADDRESS.cap * MINUTE;
  expect(before('anna', '192.0.2.1')).toBe(0);
});

test('the same wrong password again and again counts once: it is a device with the old password', () => {
  const attempt = throttle.attempt('anna', '192.0.2.1', false);
  for (let i = 0; i < 100; i++) throttle.failed(attempt, 'the old password');
  expect(throttle.before(attempt)).toBe(0);
});

test('a stranger who guesses slows nobody at another address, however long he goes on', () => {
  for (let host = 1; host <= 50; host++) guess('anna', `203.0.113.${host}`, 20);
  expect(before('anna', '203.0.113.1')).toBe('throttled');
  expect(before('anna', '192.0.2.1')).toBe(0);
});

test('many addresses with one guess each are held back by the count of the account', () => {
  for (let i = 0; i < 8; i++) guess('anna', `203.0.113.${i}`, 1);
  expect(throttle.failed(throttle.attempt('anna', '203.0.113.99', false), 'one more')).toBe(LONGEST_DELAY_MS);
  for (let i = 0; i < ACCOUNT.burst; i++) guess('anna', `198.51.100.${i}`, 1);
  expect(before('anna', '198.51.100.7')).toBe('throttled');
  now += MINUTE; // its own failure is forgotten
  expect(before('anna', '198.51.100.7')).toBe(0);
});

test('one address against many accounts is throttled by its own count', () => {
  for (let i = 0; i < ADDRESS.burst; i++) guess(`account${i}`, '192.0.2.1', 1);
  expect(before('carla', '192.0.2.1')).toBe('throttled');
  expect(before('carla', '192.0.2.2')).toBe(0);
});

test('an account that logged in from an address does not pay for what others do from there', () => {
  throttle.succeeded(throttle.attempt('anna', '192.0.2.1', false));
  for (let i = 0; i < ADDRESS.burst; i++) guess(`account${i}`, '192.0.2.1', 1);
  expect(before('bert', '192.0.2.1')).toBe('throttled');
  expect(before('anna', '192.0.2.1')).toBe(0);
});

test('a right password clears what this address did to this account', () => {
  guess('anna', '192.0.2.1', 5);
  expect(before('anna', '192.0.2.1')).toBe(2000);
  throttle.succeeded(throttle.attempt('anna', '192.0.2.1', false));
  expect(before('anna', '192.0.2.1')).toBe(0);
});

test('the address of a trusted peer is not counted, its guesses at one account are', () => {
  for (let i = 0; i < 100; i++) guess(`account${i}`, '127.0.0.1', 1, true);
  expect(before('carla', '127.0.0.1', true)).toBe(0);
  guess('anna', '127.0.0.1', PAIR.burst, true);
  expect(before('anna', '127.0.0.1', true)).toBe('throttled');
});

test.each([
  ['2001:db8:1:2::1', '2001:db8:1:2:ffff:1:2:3', true],
  ['2001:db8:1:2::1', '2001:db8:1:3::1', false],
  ['2001:db8::1', '2001:db8:0:0:ffff::1', true],
  ['::1', '0:0:0:0::2', true],
  ['::ffff:192.0.2.1', '192.0.2.1', true],
  ['192.0.2.1', '192.0.2.2', false],
])('%s and %s are one network: %s', (one, other, same) => {
  guess('anna', one, PAIR.burst);
  expect(before('anna', other) === 'throttled').toBe(same);
});

describe('the table in shared memory', () => {
  test('never grows: the row of a bucket whose time is first gives way', () => {
    const table = new SharedTable(new SharedArrayBuffer((1 + 8 * 3) * 4));
    for (let i = 1; i <= 9; i++) table.update([i, i], () => 100 + i);
    expect(table.get([1, 1])).toBe(0);
    for (let i = 2; i <= 9; i++) expect(table.get([i, i])).toBe(100 + i);
  });

  test('counts exactly while threads add at the same time', async () => {
    const memory = new SharedArrayBuffer((1 + 64 * 3) * 4);
    const code = `
      const { workerData, parentPort } = require('node:worker_threads');
      import(workerData.module).then(({ SharedTable }) => {
        const table = new SharedTable(workerData.memory);
        for (let i = 0; i < 20000; i++) table.update([7, 7], (time) => time + 1);
        parentPort.close();
      });`;
    const module = new URL('../../../src/auth/table.ts', import.meta.url).href;
    const done = [1, 2].map(
      () =>
        new Promise((resolve, reject) => {
          const worker = new Worker(code, { eval: true, workerData: { memory, module } });
          worker.once('exit', resolve).once('error', reject);
        }),
    );
    await Promise.all(done);
    expect(new SharedTable(memory).get([7, 7])).toBe(40_000);
  });
});
