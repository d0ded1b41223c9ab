// Look-ups against a DNS server of our own that answers, lies, loops and is silent.
import { randomBytes } from 'node:crypto';
import { decode, encode } from 'dns-packet';
import { expect, test } from 'vitest';
import { untilDeadline } from '#protocols/dns/deadline.ts';
import { answerTo } from '#protocols/dns/exchange.ts';
import { hostAddresses, mailHosts } from '#protocols/dns/mail-hosts.ts';
import { Resolver } from '#protocols/dns/resolver.ts';
import { testDns } from '#test/support/dns-server.ts';
import { seeded } from '#test/support/random.ts';

const WAITS = [3_000];

const names = async (resolver: Resolver, domain: string) => {
  const found = await mailHosts(resolver, domain);
  return found.kind === 'hosts' ? found.hosts.map(({ name }) => name) : found.kind;
};

test('mail hosts come in order of preference, and those of equal preference in any', async () => {
  const zones = {
    'example.test': {
      MX: [
        [20, 'last.test'],
        [5, 'First.test'],
        [10, 'a.test'],
        [10, 'b.test'],
        [30, 'a.test'],
      ],
    },
  } as const;
  await using dns = await testDns(zones);
  const orders = new Set<string>();
  for (let n = 0; n < 40; n++) {
    const order = await names(new Resolver({ servers: dns.servers, waits: WAITS }), 'example.test');
    orders.add([...order].join(' '));
  }
  expect([...orders].sort()).toEqual(['first.test a.test b.test last.test', 'first.test b.test a.test last.test']);
});

test('a domain without MX takes mail itself, one with a null MX takes none, one that is not there is unknown', async () => {
  await using dns = await testDns({
    'implicit.test': { A: ['127.0.0.2'] },
    'null.test': { MX: [[0, '.']] },
    'both.test': {
      MX: [
        [0, '.'],
        [10, 'mx.test'],
      ],
    },
    'literal.test': { MX: [[0, '127.0.0.1']] },
  });
  const resolver = new Resolver({ servers: dns.servers, waits: WAITS });
  expect(await names(resolver, 'implicit.test')).toEqual(['implicit.test']);
  expect(await names(resolver, 'null.test')).toBe('none');
  expect(await names(resolver, 'both.test')).toEqual(['mx.test']);
  expect(await names(resolver, 'literal.test')).toBe('unknown');
  expect(await names(resolver, 'nobody.test')).toBe('unknown');
});

test('addresses are those of both families, IPv4 first, or of one alone', async () => {
  await using dns = await testDns({ 'mx.test': { A: ['127.0.0.2'], AAAA: ['::1'] }, 'bare.test': {} });
  const resolver = new Resolver({ servers: dns.servers, waits: WAITS });
  expect((await hostAddresses(resolver, 'mx.test')).addresses).toEqual(['127.0.0.2', '::1']);
  expect((await hostAddresses(resolver, 'mx.test', [6])).addresses).toEqual(['::1']);
  expect((await hostAddresses(resolver, 'bare.test')).addresses).toEqual([]);
});

test('aliases are followed, through several answers, and a circle of them is a failure', async () => {
  await using dns = await testDns({
    'alias.test': { CNAME: 'middle.test' },
    'middle.test': { CNAME: 'end.test' },
    'end.test': { A: ['127.0.0.9'] },
    'loop.test': { CNAME: 'pool.test' },
    'pool.test': { CNAME: 'loop.test' },
    'lost.test': { CNAME: 'nowhere.test' },
  });
  const resolver = new Resolver({ servers: dns.servers, waits: WAITS });
  expect((await hostAddresses(resolver, 'alias.test')).addresses).toEqual(['127.0.0.9']);
  await expect(hostAddresses(resolver, 'loop.test')).rejects.toMatchObject({ rcode: 'SERVFAIL' });
  expect((await resolver.resolve('lost.test', 'A')).exists).toBe(false);
});

test('a server that fails is temporary, and the next one is asked', async () => {
  await using broken = await testDns({ 'example.test': { rcode: 'SERVFAIL' } });
  await using good = await testDns({ 'example.test': { MX: [[1, 'mx.test']] } });
  const alone = new Resolver({ servers: broken.servers, waits: WAITS });
  await expect(mailHosts(alone, 'example.test')).rejects.toMatchObject({ rcode: 'SERVFAIL' });
  const both = new Resolver({ servers: [...broken.servers, ...good.servers], waits: WAITS });
  expect(await names(both, 'example.test')).toEqual(['mx.test']);
});

test('a silent server is given up, and asked again', async () => {
  await using dns = await testDns({ 'example.test': { MX: [[1, 'mx.test']] } }, { mangle: () => [] });
  const resolver = new Resolver({ servers: dns.servers, waits: [1_000, 1_000] });
  await expect(mailHosts(resolver, 'example.test')).rejects.toMatchObject({ rcode: 'TIMEOUT' });
  await expect.poll(() => dns.asked.length).toBe(2);
  dns.options = {};
  expect(await names(resolver, 'example.test')).toEqual(['mx.test']);
});

test('an answer to another question, with another id or that is no answer is not listened to', async () => {
  const zones = { 'example.test': { A: ['127.0.0.2'] }, 'other.test': { A: ['127.0.0.66'] } };
  await using dns = await testDns(zones, {
    mangle(answer) {
      const lie = decode(answer);
      const wrongId = encode({ ...lie, id: ((lie.id ?? 0) + 1) % 65_536, answers: [evil('example.test')] });
      const wrongName = encode({
        ...lie,
        questions: [{ type: 'A', name: 'other.test' }],
        answers: [evil('other.test')],
      });
      const query = encode({ ...lie, type: 'query', answers: [evil('example.test')] });
      const foreign = encode({ ...lie, answers: [evil('other.test'), ...(lie.answers ?? [])] });
      return [wrongId, wrongName, query, randomBytes(40), Buffer.alloc(0), foreign];
    },
  });
  const resolver = new Resolver({ servers: dns.servers, waits: WAITS });
  expect((await hostAddresses(resolver, 'example.test', [4])).addresses).toEqual(['127.0.0.2']);
});

function evil(name: string) {
  return { type: 'A' as const, name, ttl: 60, data: '127.0.0.66' };
}

test('one who only sends strays is given up', async () => {
  await using dns = await testDns({ 'example.test': {} }, { mangle: () => Array(100).fill(Buffer.from('no')) });
  const resolver = new Resolver({ servers: dns.servers, waits: [60_000] });
  await expect(resolver.resolve('example.test', 'A')).rejects.toMatchObject({ rcode: 'TIMEOUT' });
});

test('an answer that did not fit is fetched by TCP', async () => {
  const A = Array.from({ length: 60 }, (_, n) => `127.0.1.${n}`);
  await using dns = await testDns({ 'example.test': { A } }, { truncate: true });
  const resolver = new Resolver({ servers: dns.servers, waits: WAITS });
  expect((await resolver.resolve('example.test', 'A')).records.length).toBe(60);
});

test('answers are kept as long as they say, and asked for once by all who wait', async () => {
  await using dns = await testDns({ 'example.test': { A: ['127.0.0.2'], ttl: 30 } });
  let now = 0;
  const resolver = new Resolver({ servers: dns.servers, waits: WAITS, clock: () => now });
  await Promise.all([1, 2, 3].map(() => resolver.resolve('Example.test', 'A')));
  now = 29_000;
  await resolver.resolve('example.test.', 'A');
  expect(dns.asked).toEqual(['A example.test']);
  now = 31_000;
  await resolver.resolve('example.test', 'A');
  expect(dns.asked.length).toBe(2);
});

test('what a resolver has validated is told, along the whole chain of aliases', async () => {
  await using dns = await testDns({
    'good.test': { A: ['127.0.0.2'], authentic: true },
    'plain.test': { A: ['127.0.0.2'] },
    'mixed.test': { CNAME: 'plain.test', authentic: true },
  });
  const resolver = new Resolver({ servers: dns.servers, waits: WAITS });
  const authentic = async (name: string) => (await hostAddresses(resolver, name, [4])).authentic;
  expect([await authentic('good.test'), await authentic('plain.test'), await authentic('mixed.test')]).toEqual([
    true,
    false,
    false,
  ]);
});

test('no datagram makes the reader throw or hang', () => {
  const random = seeded(20_261_122);
  const question = { name: 'example.test', type: 'MX' } as const;
  const good = encode({
    ...{ type: 'response', id: 7, flags: 0x8180, questions: [question] },
    answers: [{ type: 'MX', name: 'example.test', ttl: 60, data: { preference: 10, exchange: 'mx.example.test' } }],
  });
  expect(answerTo(good, 7, question)?.answers?.length).toBe(1);
  for (let n = 0; n < 20_000; n++) {
    const bytes = Buffer.from(good);
    for (let changes = 1 + Math.floor(random() * 6); changes > 0; changes--) {
      bytes[Math.floor(random() * bytes.length)] = Math.floor(random() * 256);
    }
    answerTo(bytes.subarray(0, Math.floor(random() * (bytes.length + 1))), 7, question);
    answerTo(bytes, 7, question);
  }
});

test('a deadline is one for all questions: what comes later has failed, and what came before is there', async () => {
  const answer = { exists: true, name: 'a.test', records: [], authentic: false };
  const silent = untilDeadline({ resolve: () => new Promise(() => {}) }, 20);
  await expect(silent.resolve('a.test', 'A')).rejects.toMatchObject({ name: 'DnsFailure', rcode: 'TIMEOUT' });
  const over = untilDeadline({ resolve: async () => answer }, 0);
  await expect(over.resolve('a.test', 'A')).rejects.toMatchObject({ name: 'DnsFailure', rcode: 'TIMEOUT' });
  const open = untilDeadline({ resolve: async () => answer }, 60_000);
  expect(await open.resolve('a.test', 'A')).toBe(answer);
});
