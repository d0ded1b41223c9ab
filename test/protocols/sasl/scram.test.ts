// SCRAM and the bearer tokens as state machines.
import { expect, test } from 'vitest';
import type { AuthAnswer, Authenticator, Peer } from '#protocols/ports.ts';
import { beginExchange, offered } from '#protocols/sasl/exchange.ts';
import { scram } from '#protocols/sasl/scram.ts';
import { scramKeys } from '#src/auth/scram.ts';
import { ScramClient } from '#test/support/scram-client.ts';

const peer: Peer = { connection: 'c', address: '192.0.2.1', port: 4711, trusted: false };
const account = { id: 'a'.repeat(16), address: 'anna@example.test', quota: null, enabled: true };
const bytes = (text: string) => Buffer.from(text, 'utf8');
const exporter = Buffer.alloc(32, 7);
const binding = { exporter: () => exporter, serverEndPoint: () => null };

async function exchange(password: string, options: { plus?: boolean; bound?: boolean } = {}) {
  const keys = await scramKeys(password);
  const settle = async (right: boolean): Promise<AuthAnswer> =>
    right ? { ok: true, principal: { account, login: 'anna' } } : { ok: false, reason: 'rejected' };
  return scram({
    plus: options.plus ?? false,
    binding: options.bound === true ? binding : null,
    look: async () => ({ ok: true, keys, settle }),
  });
}

type Exchange = Awaited<ReturnType<typeof exchange>>;

/** The text of the challenge that a response leads to. */
async function challenge(server: Exchange, response: string | null): Promise<string> {
  const move = await server.next(response === null ? null : bytes(response));
  if (move.kind !== 'challenge') throw new Error(JSON.stringify(move));
  return Buffer.from(move.data).toString('utf8');
}

test('the client of these tests computes what RFC 7677 3 has as its example', () => {
  const client = new ScramClient({ user: 'user', password: 'pencil', nonce: 'rOprNGfwEbeRWgbNEkqO' });
  expect(client.first()).toBe('n,,n=user,r=rOprNGfwEbeRWgbNEkqO');
  const nonce = 'rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0';
  expect(client.final(`r=${nonce},s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096`)).toBe(
    `c=biws,r=${nonce},p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=`,
  );
  expect(client.verifies('v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=')).toBe(true);
});

test('the right password is proven both ways', async () => {
  const server = await exchange('correct horse');
  const client = new ScramClient({ user: 'a,n=na', password: 'correct horse' });
  expect(await challenge(server, null)).toBe('');
  const last = await challenge(server, client.final(await challenge(server, client.first())));
  expect(client.verifies(last)).toBe(true);
  expect(await server.next(bytes(''))).toMatchObject({ kind: 'settled', login: 'a,n=na', answer: { ok: true } });
});

test('a wrong password, another nonce and another binding are refused', async () => {
  for (const [password, change] of [
    ['wrong', (text: string) => text],
    ['correct horse', (text: string) => text.replace(/r=(.)/, 'r=!$1')],
    ['correct horse', (text: string) => text.replace('c=biws', 'c=eSws')],
  ] as const) {
    const server = await exchange('correct horse');
    const client = new ScramClient({ user: 'anna', password });
    const final = change(client.final(await challenge(server, client.first())));
    expect(await server.next(bytes(final))).toMatchObject({ kind: 'settled', answer: { reason: 'rejected' } });
  }
});

test('PLUS binds to the connection; a client that was told there is no PLUS is not served', async () => {
  const bound = new ScramClient({ user: 'anna', password: 'x', header: 'p=tls-exporter,,', binding: exporter });
  const server = await exchange('x', { plus: true, bound: true });
  const last = await challenge(server, bound.final(await challenge(server, bound.first())));
  expect(bound.verifies(last)).toBe(true);
  const between = new ScramClient({
    user: 'anna',
    password: 'x',
    header: 'p=tls-exporter,,',
    binding: Buffer.alloc(32),
  });
  const other = await exchange('x', { plus: true, bound: true });
  const final = between.final(await challenge(other, between.first()));
  expect(await other.next(bytes(final))).toMatchObject({ kind: 'settled', answer: { ok: false } });
  const refused = { kind: 'failed', reason: 'malformed' };
  for (const [header, options] of [
    ['y,,', { bound: true }],
    ['n,,', { bound: true, plus: true }],
    ['p=tls-unique,,', { bound: true, plus: true }],
    ['p=tls-server-end-point,,', { bound: true, plus: true }],
    ['p=tls-exporter,,', { bound: true }],
  ] as const) {
    expect(await (await exchange('x', options)).next(bytes(`${header}n=anna,r=abc`)), header).toEqual(refused);
  }
  expect((await (await exchange('x')).next(bytes('y,,n=anna,r=abc'))).kind).toBe('challenge');
});

test('what is no SCRAM message is malformed, and nobody acts for somebody else', async () => {
  for (const wrong of [
    '',
    'n,,',
    'n,,n=,r=a',
    'n,,n=a',
    'n,,m=x,n=a,r=b',
    'x,,n=a,r=b',
    'n,,n=a=20b,r=c',
    'n,,n=a,r=',
    '\xff',
  ]) {
    expect(await (await exchange('x')).next(Buffer.from(wrong, 'latin1')), wrong).toEqual({
      kind: 'failed',
      reason: 'malformed',
    });
  }
  expect(await (await exchange('x')).next(bytes('n,a=bert,n=anna,r=abc'))).toEqual({
    kind: 'failed',
    reason: 'authorization',
  });
  const server = await exchange('x');
  await server.next(bytes('n,,n=anna,r=abc'));
  expect(await server.next(bytes('c=biws,r=abc'))).toEqual({ kind: 'failed', reason: 'malformed' });
  expect(await server.next(bytes('again'))).toEqual({ kind: 'failed', reason: 'malformed' });
});

test('bearer tokens are offered only where they can be verified, in both spellings', async () => {
  const asked: string[] = [];
  const authenticator = (takesTokens: boolean) =>
    ({
      takesTokens,
      token: async (login: string, token: string) => {
        asked.push(`${login} ${token}`);
        return token === 'good' ? { ok: true, principal: { account, login } } : { ok: false, reason: 'rejected' };
      },
    }) as unknown as Authenticator;
  const context = { authenticator: authenticator(true), peer, protocol: 'imap', binding: null } as const;
  expect(offered(context)).toEqual(['PLAIN', 'LOGIN', 'SCRAM-SHA-256', 'OAUTHBEARER', 'XOAUTH2']);
  expect(beginExchange('XOAUTH2', { ...context, authenticator: authenticator(false) })).toBeUndefined();
  for (const [name, message] of [
    ['oauthbearer', 'n,a=anna@example.test,\x01host=x\x01auth=Bearer good\x01\x01'],
    ['XOAUTH2', 'user=anna@example.test\x01auth=Bearer good\x01\x01'],
  ] as const) {
    expect(await beginExchange(name, context)?.next(bytes(message))).toMatchObject({
      kind: 'settled',
      answer: { ok: true },
    });
  }
  expect(asked).toEqual(['anna@example.test good', 'anna@example.test good']);
  const refused = beginExchange('OAUTHBEARER', context);
  expect(await refused?.next(bytes('n,,\x01auth=Bearer bad\x01\x01'))).toMatchObject({ kind: 'challenge' });
  expect(await refused?.next(bytes('\x01'))).toMatchObject({ kind: 'settled', answer: { reason: 'rejected' } });
  for (const wrong of [
    '',
    'n,,',
    'n,,\x01auth=Basic x\x01\x01',
    'n,,\x01auth=Bearer good\x01',
    'user=x\x01auth=Bearer good\x01\x01',
  ]) {
    expect(await beginExchange('OAUTHBEARER', context)?.next(bytes(wrong)), wrong).toEqual({
      kind: 'failed',
      reason: 'malformed',
    });
  }
});
