// argon2id, its slots and the cache of successes.
import { describe, expect, test } from 'vitest';
import { QUEUE } from '#src/auth/limits.ts';
import { hashPassword, Passwords } from '#src/auth/passwords.ts';
import { createAuthShared } from '#src/auth/shared.ts';
import { Slots } from '#src/auth/slots.ts';
import type { Credential } from '#storage/ports.ts';

const account = { id: 'a'.repeat(16), address: 'anna@example.test', quota: null, enabled: true };
const yes = () => true;

function credential(hash: string, version = 1): Credential {
  return { account, hash, version, scram: null };
}

/** The argon2 computations counted by looking at how often `proceed` is asked: a cached success never asks. */
function counted() {
  const asked = { times: 0 };
  return { asked, proceed: () => ++asked.times > 0 };
}

test('a password is stored as an argon2id PHC string with a salt of its own', async () => {
  const [one, two] = await Promise.all([hashPassword('correct horse'), hashPassword('correct horse')]);
  expect(one).toMatch(/^\$argon2id\$v=19\$m=47104,t=1,p=1\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$/);
  expect(one).not.toBe(two);
});

test('the right password is right, another is wrong, and an unknown user is wrong after the same work', async () => {
  const passwords = new Passwords(createAuthShared(2));
  const stored = credential(await hashPassword('correct horse'));
  const { asked, proceed } = counted();
  expect(await passwords.verify(stored, 'correct horse', proceed)).toBe('right');
  expect(await passwords.verify(stored, 'correct horsf', proceed)).toBe('wrong');
  expect(await passwords.verify(undefined, 'correct horse', proceed)).toBe('wrong');
  expect(asked.times).toBe(3);
});

test('a password is the same in every Unicode normal form', async () => {
  const passwords = new Passwords(createAuthShared(2));
  const stored = credential(await hashPassword('p\u00e4sse'));
  expect(await passwords.verify(stored, 'pa\u0308sse', yes)).toBe('right');
});

test('a hash made elsewhere with other parameters is verified', async () => {
  // the reference implementation's test vector: argon2id, m=256, t=2, p=1, "password", "somesalt"
  const phc = '$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4';
  const passwords = new Passwords(createAuthShared(2));
  expect(await passwords.verify(credential(phc), 'password', yes)).toBe('right');
  expect(await passwords.verify(credential(phc), 'Password', yes)).toBe('wrong');
});

test('a success is remembered for its credential version, a failure never', async () => {
  const passwords = new Passwords(createAuthShared(2));
  const hash = await hashPassword('correct horse');
  const { asked, proceed } = counted();
  await passwords.verify(credential(hash), 'correct horse', proceed);
  for (let i = 0; i < 5; i++) expect(await passwords.verify(credential(hash), 'correct horse', proceed)).toBe('right');
  expect(asked.times).toBe(1);
  await passwords.verify(credential(hash), 'wrong', proceed);
  await passwords.verify(credential(hash), 'wrong', proceed);
  expect(asked.times).toBe(3);
  const changed = credential(await hashPassword('new horse'), 2);
  expect(await passwords.verify(changed, 'correct horse', proceed)).toBe('wrong');
  expect(asked.times).toBe(4);
});

test('of many logins with the same right password at once only the first is computed', async () => {
  const passwords = new Passwords(createAuthShared(1));
  const stored = credential(await hashPassword('correct horse'));
  const { asked, proceed } = counted();
  const logins = Array.from({ length: 50 }, () => passwords.verify(stored, 'correct horse', proceed));
  expect(new Set(await Promise.all(logins))).toEqual(new Set(['right']));
  expect(asked.times).toBe(1);
});

test.each([
  '',
  'plain text',
  '$argon2id$v=19$m=4194304,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4',
  '$argon2id$v=19$m=256,t=99,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4',
  '$argon2id$v=19$m=1,t=1,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4',
  '$2b$12$abcdefghijklmnopqrstuv',
])('a stored hash that can not be used (%j) is a fault, not a wrong password', async (hash) => {
  expect(await new Passwords(createAuthShared(2)).verify(credential(hash), 'x', yes)).toBe('unavailable');
});

test('a try is dropped when its turn comes and it may no longer be looked at', async () => {
  const passwords = new Passwords(createAuthShared(2));
  expect(await passwords.verify(credential(await hashPassword('x')), 'x', () => false)).toBe('skipped');
});

describe('the slots for argon2', () => {
  test('at most the maximum runs at once over two threads, and all get their turn in order', async () => {
    const shared = createAuthShared(3);
    expect(shared.maximum).toBe(2);
    const threads = [new Slots(shared), new Slots(shared)]; // two threads see the same memory
    let running = 0;
    let most = 0;
    const order: number[] = [];
    const work = async (n: number) => {
      most = Math.max(most, ++running);
      order.push(n);
      await new Promise((resolve) => setTimeout(resolve, 1));
      running--;
      return n;
    };
    const results = await Promise.all(Array.from({ length: 40 }, (_, n) => threads[n % 2]?.run(() => work(n))));
    expect(results).toEqual(Array.from({ length: 40 }, (_, n) => n));
    expect(most).toBe(2);
    expect(order.filter((n) => n % 2 === 0)).toEqual(Array.from({ length: 20 }, (_, n) => 2 * n));
  });

  test('a machine with one core still has one slot', () => {
    expect(createAuthShared(1).maximum).toBe(1);
  });

  test('the queue is bounded: who does not fit is told so at once, and the slots recover', async () => {
    const slots = new Slots(createAuthShared(2));
    let open = () => {};
    const gate = new Promise<void>((resolve) => {
      open = resolve;
    });
    const all = Array.from({ length: QUEUE + 20 }, () => slots.run(() => gate.then(() => 'done')));
    expect(await all[QUEUE + 10]).toBeUndefined();
    open();
    const results = await Promise.all(all);
    expect(results.filter((result) => result === 'done')).toHaveLength(QUEUE + 1);
    expect(await slots.run(async () => 'again')).toBe('again');
  });

  test('a failure inside gives the slot back', async () => {
    const slots = new Slots(createAuthShared(2));
    await expect(slots.run(() => Promise.reject(new Error('broken')))).rejects.toThrow('broken');
    expect(await slots.run(async () => 'again')).toBe('again');
  });
});
