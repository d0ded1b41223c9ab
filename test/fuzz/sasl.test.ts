// 30,000 damaged messages through SCRAM and the bearer tokens: an exchange asks, fails or is settled and nothing else, and
// nothing but the right proof is let in.
import { expect, test } from 'vitest';
import type { AuthAnswer, Authenticator, Peer } from '#protocols/ports.ts';
import { beginExchange, type Move } from '#protocols/sasl/exchange.ts';
import { scramKeys } from '#src/auth/scram.ts';
import { damaged } from '#test/support/imap-inputs.ts';
import { pick, type Random, seeded } from '#test/support/random.ts';
import { ScramClient } from '#test/support/scram-client.ts';

const ROUNDS = 10_000;
const peer: Peer = { connection: 'c', address: '192.0.2.1', port: 4711, trusted: false };
const account = { id: 'a'.repeat(16), address: 'anna@example.test', quota: null, enabled: true };
const binding = { exporter: () => Buffer.alloc(32, 7), serverEndPoint: () => Buffer.alloc(32, 8) };
const GOOD: AuthAnswer = { ok: true, principal: { account, login: 'anna' } };
const BAD: AuthAnswer = { ok: false, reason: 'rejected' };

const keys = await scramKeys('correct horse');
const authenticator = {
  takesTokens: true,
  scram: async () => ({ ok: true, keys, settle: async (right: boolean) => (right ? GOOD : BAD) }),
  token: async (_login: string, token: string) => (token === 'good' ? GOOD : BAD),
} as unknown as Authenticator;

function begin(name: string) {
  const exchange = beginExchange(name, { authenticator, protocol: 'imap', peer, binding });
  if (exchange === undefined) throw new Error(`${name} is not offered`);
  return exchange;
}

/** Damaged, and only then the bytes: one character per byte. */
const bytes = (text: string) => Buffer.from(text, 'latin1');

async function scramRound(random: Random): Promise<Move['kind']> {
  const header = pick(random, ['n,,', 'p=tls-exporter,,', 'p=tls-server-end-point,,', 'y,,', 'n,a=anna,']);
  const plus = header.startsWith('p');
  const server = begin(plus ? 'SCRAM-SHA-256-PLUS' : 'SCRAM-SHA-256');
  const client = new ScramClient({
    user: 'anna',
    password: 'wrong',
    header,
    nonce: 'abc',
    binding: Buffer.alloc(32, 7),
  });
  const first = random() < 0.5 ? client.first() : damaged(random, client.first());
  const challenge = await server.next(bytes(first));
  if (challenge.kind !== 'challenge') return challenge.kind;
  // The proof is not computed each time, which takes long: what matters is that none of these is one.
  const nonce = /^r=([^,]*)/.exec(Buffer.from(challenge.data).toString('latin1'))?.[1] ?? '';
  const final = `c=biws,r=${nonce},p=${Buffer.alloc(32, Math.floor(random() * 256)).toString('base64')}`;
  return (await server.next(bytes(random() < 0.3 ? final : damaged(random, final)))).kind;
}

async function tokenRound(random: Random): Promise<Move> {
  const name = pick(random, ['OAUTHBEARER', 'XOAUTH2']);
  const head = name === 'XOAUTH2' ? 'user=anna' : 'n,a=anna,';
  const message = `${head}\x01host=x\x01auth=Bearer ${pick(random, ['bad', 'worse'])}\x01\x01`;
  return await begin(name).next(bytes(damaged(random, message)));
}

test('no damaged SCRAM message throws or logs in', async () => {
  const random = seeded(20_261_122);
  const kinds = new Map<string, number>();
  for (let round = 0; round < 2 * ROUNDS; round++) {
    const kind = await scramRound(random);
    kinds.set(kind, (kinds.get(kind) ?? 0) + 1);
    // A challenge after the final message would be the server's own proof: it knows the password to be right.
    expect(kind).not.toBe('challenge');
  }
  expect(kinds.get('settled')).toBeGreaterThan(ROUNDS / 10);
  expect(kinds.get('failed')).toBeGreaterThan(ROUNDS / 10);
});

test('no damaged token message throws or logs in', async () => {
  const random = seeded(20_261_123);
  for (let round = 0; round < ROUNDS; round++) {
    const move = await tokenRound(random);
    if (move.kind === 'settled') expect(move.answer.ok).toBe(false);
  }
  expect((await begin('XOAUTH2').next(bytes('user=anna\x01auth=Bearer good\x01\x01'))).kind).toBe('settled');
});
