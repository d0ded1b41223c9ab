// What a login is answered, and what it costs those who guess.
import { pino } from 'pino';
import { beforeAll, beforeEach, expect, test } from 'vitest';
import type { Authenticator, Peer } from '#protocols/ports.ts';
import { createAuthenticator } from '#src/auth/authenticator.ts';
import { PAIR } from '#src/auth/limits.ts';
import { hashPassword, Passwords } from '#src/auth/passwords.ts';
import { createAuthShared } from '#src/auth/shared.ts';
import { Throttle } from '#src/auth/throttle.ts';
import { StoreError, type StoreErrorCode } from '#storage/errors.ts';
import type { Credential, ScramKeys } from '#storage/ports.ts';

const account = { id: 'a'.repeat(16), address: 'anna@example.test', quota: null, enabled: true };
const peer: Peer = { connection: 'c', address: '192.0.2.1', port: 4711, trusted: false };
const log = pino({ level: 'silent' });

let hash: string;
let waits: number[];
let authenticator: Authenticator;
let kept: ScramKeys | null;
let answer: (name: string) => Credential | undefined;

beforeAll(async () => {
  hash = await hashPassword('correct horse');
});

beforeEach(() => {
  const shared = createAuthShared(2);
  waits = [];
  kept = null;
  answer = (name) => (name.toLowerCase() === 'anna' ? { account, hash, version: 1, scram: null } : undefined);
  authenticator = createAuthenticator({
    directory: {
      login: async (name) => answer(name),
      setScram: async (_id, _version, scram) => {
        kept = scram;
      },
    },
    passwords: new Passwords(shared),
    throttle: new Throttle(shared),
    log,
    wait: async (ms) => waits.push(ms),
  });
});

const login = (name: string, password: string, from = peer) => authenticator.password(name, password, from, 'imap');

test('the right password logs in, with the login as it was typed', async () => {
  expect(await login('Anna', 'correct horse')).toEqual({ ok: true, principal: { account, login: 'Anna' } });
  expect(waits).toEqual([]);
});

test('a wrong password and an unknown user are told alike', async () => {
  const wrong = await login('anna', 'wrong');
  expect(wrong).toEqual({ ok: false, reason: 'rejected' });
  expect(await login('nobody', 'wrong')).toEqual(wrong);
});

test('an account that is switched off is told as a wrong password', async () => {
  answer = () => ({ account: { ...account, enabled: false }, hash, version: 1, scram: null });
  expect(await login('anna', 'correct horse')).toEqual({ ok: false, reason: 'rejected' });
});

test('guessing is slowed, then not looked at, and the right password from elsewhere is untouched', async () => {
  for (let i = 0; i < PAIR.burst; i++) await login('anna', `guess ${i}`);
  expect(waits.length).toBeGreaterThan(0);
  expect(await login('anna', 'correct horse')).toEqual({ ok: false, reason: 'throttled' });
  waits = [];
  expect(await login('anna', 'correct horse', { ...peer, address: '198.51.100.1' })).toMatchObject({ ok: true });
  expect(waits).toEqual([]);
});

test('guesses that arrive all at once are looked at no more often than one after the other', async () => {
  // Cheap to check: on a slow machine the last of them would else wait for a core for longer than a login does.
  const cheap = '$argon2id$v=19$m=8,t=1,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4';
  answer = () => ({ account, hash: cheap, version: 1, scram: null });
  const results = await Promise.all(Array.from({ length: 60 }, (_, i) => login('anna', `guess ${i}`)));
  const looked = results.filter((result) => !result.ok && result.reason === 'rejected').length;
  expect(looked).toBeLessThanOrEqual(PAIR.burst + 2);
  expect(results.filter((result) => !result.ok && result.reason === 'throttled')).toHaveLength(60 - looked);
});

test.each<[StoreErrorCode, string]>([
  ['unavailable', 'unavailable'],
  ['busy', 'unavailable'],
  ['corrupt', 'unavailable'],
  ['closed', 'unavailable'],
  ['invalid', 'rejected'],
  ['not-found', 'rejected'],
])('a store that answers %s makes the login %s', async (code, reason) => {
  answer = () => {
    throw new StoreError(code, 'no');
  };
  expect(await login('anna', 'correct horse')).toEqual({ ok: false, reason });
});

test('a fault of the program or a damaged hash is a temporary failure, never a wrong password', async () => {
  answer = () => {
    throw new TypeError('a fault');
  };
  expect(await login('anna', 'correct horse')).toEqual({ ok: false, reason: 'unavailable' });
  answer = () => ({ account, hash: 'damaged', version: 1, scram: null });
  expect(await login('anna', 'correct horse')).toEqual({ ok: false, reason: 'unavailable' });
});

test('the first login with a password leaves its SCRAM keys, and no other does', async () => {
  await login('anna', 'wrong');
  expect(kept).toBeNull();
  await login('anna', 'correct horse');
  expect(kept).toMatchObject({ iterations: 10_000 });
  const scram = kept;
  kept = null;
  answer = () => ({ account, hash, version: 1, scram });
  await login('anna', 'correct horse');
  expect(kept).toBeNull();
});

test('SCRAM: nobody has the same salt again, an account without keys is a temporary failure, guesses are counted', async () => {
  const begin = async (name: string) => {
    const begun = await authenticator.scram(name, peer, 'imap');
    if (!begun.ok) throw new Error(begun.reason);
    return begun;
  };
  const [one, two] = [await begin('nobody'), await begin('NOBODY')];
  expect(two.keys).toEqual(one.keys);
  expect((await begin('somebody')).keys.salt).not.toBe(one.keys.salt);
  expect(await one.settle(true, 'x')).toEqual({ ok: false, reason: 'rejected' });
  expect(await (await begin('anna')).settle(false, 'x')).toEqual({ ok: false, reason: 'unavailable' });
  answer = () => ({ account, hash, version: 1, scram: one.keys });
  expect(await (await begin('anna')).settle(true, 'x')).toEqual({ ok: true, principal: { account, login: 'anna' } });
  for (let i = 0; i < PAIR.burst; i++) await (await begin('anna')).settle(false, `guess ${i}`);
  expect(await authenticator.scram('anna', peer, 'imap')).toEqual({ ok: false, reason: 'throttled' });
});

test('a token is taken from a verified issuer only, and for the account that it names', async () => {
  expect(authenticator.takesTokens).toBe(false);
  expect(await authenticator.token('anna', 'good', peer, 'imap')).toEqual({ ok: false, reason: 'rejected' });
  const shared = createAuthShared(2);
  const issued = createAuthenticator({
    directory: { login: async (name) => answer(name.split('@')[0] ?? ''), setScram: async () => {} },
    passwords: new Passwords(shared),
    throttle: new Throttle(shared),
    log,
    wait: async () => {},
    tokens: {
      verify: async (token) => {
        if (token === 'fault') throw new Error('the issuer can not be reached');
        return token === 'good' ? 'anna@example.test' : null;
      },
    },
  });
  expect(issued.takesTokens).toBe(true);
  expect(await issued.token('anna', 'good', peer, 'imap')).toMatchObject({ ok: true, principal: { login: 'anna' } });
  expect(await issued.token('', 'good', peer, 'imap')).toMatchObject({ ok: true });
  expect(await issued.token('anna', 'bad', peer, 'imap')).toEqual({ ok: false, reason: 'rejected' });
  expect(await issued.token('bert', 'good', peer, 'imap')).toEqual({ ok: false, reason: 'rejected' });
  expect(await issued.token('anna', 'fault', peer, 'imap')).toEqual({ ok: false, reason: 'unavailable' });
});
