// SPF (RFC 7208), asked of a DNS server over UDP; and judged beside another implementation (mailauth).
import { spf as mailauthSpf } from 'mailauth/lib/spf/index.js';
import { expect, test } from 'vitest';
import { SPF_OCTETS } from '#protocols/authenticity/limits.ts';
import { checkSpf, type SpfResult } from '#protocols/authenticity/spf.ts';
import { expand } from '#protocols/authenticity/spf-macro.ts';
import { isPolicy, readPolicy } from '#protocols/authenticity/spf-record.ts';
import { Resolver } from '#protocols/dns/resolver.ts';
import { testDns, type Zone } from '#test/support/dns-server.ts';
import { between, pick, seeded } from '#test/support/random.ts';

interface Asked {
  readonly ip?: string;
  readonly sender?: string;
  readonly helo?: string;
  readonly limitMs?: number;
}

const txt = (text: string): Zone => ({ TXT: [text] });

async function ask(zones: Readonly<Record<string, Zone>>, asked: Asked = {}): Promise<SpfResult> {
  await using dns = await testDns(zones);
  const resolver = new Resolver({ servers: dns.servers, waits: [200] });
  const { ip = '192.0.2.3', sender = 'joe@a.test', helo = 'mx.a.test', limitMs } = asked;
  return await checkSpf(resolver, { ip, sender, helo }, limitMs);
}

/** A policy of a.test, with what else there is. */
const policy = (text: string, more: Readonly<Record<string, Zone>> = {}) => ({ 'a.test': txt(text), ...more });

test.each<[string, SpfResult, Asked?]>([
  ['v=spf1', 'neutral'],
  ['v=spf1 -all', 'fail'],
  ['v=spf1 ~all', 'softfail'],
  ['v=spf1 ?all', 'neutral'],
  ['V=SPF1 +ALL', 'pass'],
  ['v=spf1 ip4:192.0.2.0/24 -all', 'pass'],
  ['v=spf1 ip4:192.0.2.3 -all', 'pass', { ip: '::ffff:192.0.2.3' }],
  ['v=spf1 ip4:192.0.2.4/31 -all', 'fail'],
  ['v=spf1 ip4:0.0.0.0/0 -all', 'pass'],
  ['v=spf1 ip6:2001:db8::/32 -all', 'pass', { ip: '2001:db8:1::5' }],
  ['v=spf1 ip6:2001:db8::/32 -all', 'fail'],
  ['v=spf1 x=%{d} foo=bar ip4:192.0.2.3', 'pass'],
  ['v=spf10 +all', 'none'],
  ['spf2.0/pra +all', 'none'],
])('%s is %s', async (text, result, asked) => {
  expect(await ask(policy(text), asked)).toBe(result);
});

test.each([
  'v=spf1 all:x',
  'v=spf1 allx',
  'v=spf1 ip4:192.0.2.3/33',
  'v=spf1 ip4:192.0.2.3/032',
  'v=spf1 ip4:192.0.2',
  'v=spf1 ip4',
  'v=spf1 ip6:192.0.2.3',
  'v=spf1 ip6:2001:db8::/129',
  'v=spf1 a/33',
  'v=spf1 a//129',
  'v=spf1 a:',
  'v=spf1 a:b.test/',
  'v=spf1 a:b',
  'v=spf1 a:b.9',
  'v=spf1 a:%{x}.test',
  'v=spf1 a:%{c}.test',
  'v=spf1 a:100%.test',
  'v=spf1 include',
  'v=spf1 include:',
  'v=spf1 exists',
  'v=spf1 include:b.test/24',
  'v=spf1 redirect=b.test redirect=b.test',
  'v=spf1 redirect=',
  'v=spf1 exp=a.test exp=b.test -all',
  'v=spf1 -all é',
  'v=spf1 = +all',
  'v=spf1 +all foo',
])('%s is permerror, whatever stands before the fault', (text) => {
  expect(readPolicy(text)).toBeNull();
});

test('a second policy is permerror; other texts do not count, and strings are one text', async () => {
  expect(await ask({ 'a.test': { TXT: ['v=spf1 +all', 'v=spf1 -all'] } })).toBe('permerror');
  expect(await ask({ 'a.test': { TXT: ['google-site=1', 'v=spf1 +all'] } })).toBe('pass');
  expect(await ask(policy(`v=spf1 ${'ip4:192.0.2.1 '.repeat(30)}+all`))).toBe('pass');
  expect(isPolicy('v=spf1\t+all')).toBe(false);
  expect(readPolicy(`v=spf1 ${'ip4:192.0.2.3 '.repeat(SPF_OCTETS / 14 + 1)}`)).toBeNull();
});

test('a and mx look at addresses, of the family that is asked about', async () => {
  const zones = {
    'a.test': {
      A: ['192.0.2.3'],
      AAAA: ['2001:db8::3'],
      MX: [
        [1, 'm1.test'],
        [2, 'm2.test'],
      ],
      TXT: [],
    } as Zone,
    'm1.test': { A: ['192.0.2.1'] },
    'm2.test': { A: ['192.0.2.33'], AAAA: ['2001:db8:5::1'] },
  };
  const of = (text: string, asked?: Asked) => ask({ ...zones, 'a.test': { ...zones['a.test'], TXT: [text] } }, asked);
  expect(await of('v=spf1 a -all')).toBe('pass');
  expect(await of('v=spf1 a -all', { ip: '192.0.2.4' })).toBe('fail');
  expect(await of('v=spf1 a/24 -all', { ip: '192.0.2.4' })).toBe('pass');
  expect(await of('v=spf1 a//64 -all', { ip: '2001:db8::ffff' })).toBe('pass');
  expect(await of('v=spf1 a/24//128 -all', { ip: '2001:db8::ffff' })).toBe('fail');
  expect(await of('v=spf1 mx -all', { ip: '192.0.2.33' })).toBe('pass');
  expect(await of('v=spf1 mx:a.test//48 -all', { ip: '2001:db8:5::2' })).toBe('pass');
  expect(await of('v=spf1 mx -all', { ip: '192.0.2.2' })).toBe('fail');
});

test('include takes what the other says for a yes; redirect takes all that it says', async () => {
  const more = {
    'b.test': txt('v=spf1 ip4:192.0.2.3 -all'),
    'c.test': txt('v=spf1 ip4:198.51.100.1 -all'),
    'd.test': txt('v=spf1 oops'),
  };
  expect(await ask(policy('v=spf1 include:b.test -all', more))).toBe('pass');
  expect(await ask(policy('v=spf1 include:c.test ?all', more))).toBe('neutral');
  expect(await ask(policy('v=spf1 include:d.test +all', more))).toBe('permerror');
  expect(await ask(policy('v=spf1 include:nowhere.test +all', more))).toBe('permerror');
  expect(await ask(policy('v=spf1 redirect=c.test', more))).toBe('fail');
  expect(await ask(policy('v=spf1 redirect=c.test +all', more))).toBe('pass');
  expect(await ask(policy('v=spf1 redirect=nowhere.test', more))).toBe('permerror');
  expect(await ask(policy('v=spf1 include:a.test', more))).toBe('permerror');
});

test('exists and macros: names made of who sends and from where', async () => {
  const exists = (spec: string, name: string, asked?: Asked) =>
    ask(policy(`v=spf1 exists:${spec} -all`, { [name]: { A: ['127.0.0.2'] } }), asked);
  expect(await exists('%{ir}.%{v}.%{d}', '3.2.0.192.in-addr.a.test')).toBe('pass');
  expect(await exists('%{l1r-}.%{o}', 'joe.a.test', { sender: 'joe-x@a.test' })).toBe('pass');
  expect(
    await exists('%{i}.%{v}.x.test', `${'2001'.split('').join('.')}.0.d.b.8.${'0.'.repeat(23)}1.ip6.x.test`, {
      ip: '2001:db8::1',
    }),
  ).toBe('pass');
  expect(await exists('%{h}.x.test', 'mx.a.test.x.test')).toBe('pass');
  expect(await exists('%{d2}.x.test', 'a.test.x.test')).toBe('pass');
});

test('the examples of RFC 7208 7.4', () => {
  const values = {
    sender: 'strong-bad@email.example.com',
    ip: '192.0.2.3',
    helo: 'h',
    domain: 'email.example.com',
    name: 'unknown',
  };
  const all = {
    '%{s}': 'strong-bad@email.example.com',
    '%{o}': 'email.example.com',
    '%{d4}': 'email.example.com',
    '%{d1}': 'com',
    '%{dr}': 'com.example.email',
    '%{d2r}': 'example.email',
    '%{l}': 'strong-bad',
    '%{l-}': 'strong.bad',
    '%{lr}': 'strong-bad',
    '%{lr-}': 'bad.strong',
    '%{l1r-}': 'strong',
    '%{ir}.%{v}._spf.%{d2}': '3.2.0.192.in-addr._spf.example.com',
    '%{lr-}.lp.%{ir}.%{v}._spf.%{d2}': 'bad.strong.lp.3.2.0.192.in-addr._spf.example.com',
    '%{S}': 'strong-bad%40email.example.com',
    '%%%_%-': '% %20',
  };
  for (const [text, result] of Object.entries(all)) expect([text, expand(text, values)]).toEqual([text, result]);
  const ip = '2001:db8::cb01';
  expect(expand('%{ir}.%{v}._spf.%{d2}', { ...values, ip })).toBe(
    '1.0.b.c.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6._spf.example.com',
  );
});

test('ptr and %{p} only believe names that lead back', async () => {
  const reverse = '3.2.0.192.in-addr.arpa';
  const names = {
    [reverse]: { PTR: ['liar.a.test', 'host.b.test'] },
    'liar.a.test': { A: ['192.0.2.9'] },
    'host.b.test': { A: ['192.0.2.3'] },
  };
  expect(await ask(policy('v=spf1 ptr -all', names))).toBe('fail');
  expect(await ask(policy('v=spf1 ptr:b.test -all', names))).toBe('pass');
  expect(
    await ask(policy('v=spf1 exists:%{p}.x.test -all', { ...names, 'host.b.test.x.test': { A: ['127.0.0.2'] } })),
  ).toBe('pass');
  expect(await ask(policy('v=spf1 ptr -all', { [reverse]: { rcode: 'SERVFAIL' } }))).toBe('fail');
});

test('ten look-ups and two that find nothing, and no more', async () => {
  const many = (count: number) => Array.from({ length: count }, (_, n) => `a:h${n}.test`).join(' ');
  const hosts = Object.fromEntries(Array.from({ length: 12 }, (_, n) => [`h${n}.test`, { A: ['192.0.2.1'] }]));
  expect(await ask(policy(`v=spf1 ${many(10)} +all`, hosts))).toBe('pass');
  expect(await ask(policy(`v=spf1 ${many(11)} +all`, hosts))).toBe('permerror');
  expect(await ask(policy('v=spf1 a:x.test exists:y.test +all'))).toBe('pass');
  expect(await ask(policy('v=spf1 a:x.test mx:y.test exists:z.test +all'))).toBe('permerror');
  const eleven = Array.from({ length: 11 }, (_, n): [number, string] => [n, `h${n}.test`]);
  expect(await ask(policy('v=spf1 mx:m.test +all', { ...hosts, 'm.test': { MX: eleven } }))).toBe('permerror');
  const deep = Object.fromEntries(
    Array.from({ length: 20 }, (_, n) => [`d${n}.test`, txt(`v=spf1 include:d${n + 1}.test`)]),
  );
  expect(await ask(policy('v=spf1 include:d0.test', deep))).toBe('permerror');
});

test('what can not be found out is temperror: a broken zone, a silent server, no time left', async () => {
  expect(await ask({ 'a.test': { rcode: 'SERVFAIL' } })).toBe('temperror');
  expect(await ask(policy('v=spf1 include:b.test +all', { 'b.test': { rcode: 'SERVFAIL' } }))).toBe('temperror');
  expect(await ask(policy('v=spf1 a:b.test +all', { 'b.test': { rcode: 'REFUSED' } }))).toBe('temperror');
  await using dns = await testDns(policy('v=spf1 +all'), { mangle: () => [] });
  const silent = new Resolver({ servers: dns.servers, waits: [60_000] });
  expect(await checkSpf(silent, { ip: '192.0.2.3', sender: 'joe@a.test', helo: 'x' }, 20)).toBe('temperror');
});

test('what is no name has no policy; the null sender is judged by HELO', async () => {
  for (const sender of ['joe@a', 'joe@[192.0.2.1]', 'joe@a..test', `joe@${'x'.repeat(64)}.test`, 'joe']) {
    expect(await ask(policy('v=spf1 +all'), { sender })).toBe('none');
  }
  expect(await ask(policy('v=spf1 +all'), { ip: 'nonsense' })).toBe('none');
  expect(await ask({ 'mx.a.test': txt('v=spf1 +all') }, { sender: '' })).toBe('pass');
  expect(await ask({ 'xn--mller-kva.test': txt('v=spf1 +all') }, { sender: 'joe@müller.test' })).toBe('pass');
});

test('random policies come to what another implementation says', async () => {
  const random = seeded(7_208);
  const hosts = ['a.test', 'b.test', 'c.test', 'h.test', 'nowhere.test', '%{d}', '%{ir}.%{v}.h.test', '%{l1r+}.h.test'];
  const bits = ['', '', '', '/24', '/8', '//64', '/24//64', '/33'];
  const term = () => {
    const sign = pick(random, ['', '', '+', '-', '~', '?']);
    return pick(random, [
      () => `${sign}ip4:192.0.${between(random, 1, 3)}.3${pick(random, ['', '/24', '/31', '/40'])}`,
      () => `${sign}ip6:2001:db8:${between(random, 0, 2)}::3${pick(random, ['', '/48', '/129'])}`,
      () => `${sign}a${pick(random, ['', `:${pick(random, hosts)}`])}${pick(random, bits)}`,
      () => `${sign}mx${pick(random, ['', `:${pick(random, hosts)}`])}${pick(random, bits)}`,
      () => `${sign}include:${pick(random, hosts)}`,
      () => `${sign}exists:${pick(random, hosts)}`,
      () => `redirect=${pick(random, hosts)}`,
      () => `${sign}all`,
      () => 'x-unknown=%{d}',
    ])();
  };
  const record = () => `v=spf1 ${Array.from({ length: between(random, 0, 5) }, term).join(' ')}`;
  const seen = new Set<string>();
  await using dns = await testDns({});
  for (let n = 0; n < 300; n++) {
    const zones: Record<string, Zone> = {
      'a.test': { TXT: [record()], A: ['192.0.2.3'], AAAA: ['2001:db8:1::3'], MX: [[1, 'h.test']] },
      'b.test': { TXT: [record()], A: ['192.0.2.9'] },
      'c.test': { TXT: [record()], MX: [[1, 'a.test']] },
      'h.test': { A: ['192.0.3.3'], AAAA: ['2001:db8:2::3'] },
      '3.2.0.192.in-addr.h.test': { A: ['127.0.0.2'] },
      'joe.h.test': { A: ['127.0.0.2'] },
    };
    dns.zones.clear();
    for (const [name, zone] of Object.entries(zones)) dns.zones.set(name, zone);
    const about = {
      ip: pick(random, ['192.0.2.3', '192.0.3.3', '2001:db8:1::3']),
      sender: pick(random, ['joe@a.test', 'joe+x@a.test']),
      helo: 'mx.a.test',
    };
    const resolver = new Resolver({ servers: dns.servers, waits: [5_000] });
    const ours = await checkSpf(resolver, about);
    const { status } = await mailauthSpf({ ...about, strict: true, resolver: tableResolver(zones) });
    seen.add(ours);
    expect({ zones, about, result: ours }).toEqual({ zones, about, result: status.result });
  }
  expect([...seen].sort()).toEqual(['fail', 'neutral', 'pass', 'permerror', 'softfail']);
});

/** What node:dns would say of the zones. */
function tableResolver(zones: Readonly<Record<string, Zone>>) {
  return async (name: string, type: string): Promise<never[]> => {
    const zone = zones[name.toLowerCase().replace(/\.$/, '')];
    const records = {
      TXT: zone?.TXT?.map((text) => [text]),
      A: zone?.A,
      AAAA: zone?.AAAA,
      MX: zone?.MX?.map(([priority, exchange]) => ({ priority, exchange })),
    }[type];
    if (records === undefined || records.length === 0)
      throw Object.assign(new Error('nothing'), { code: zone === undefined ? 'ENOTFOUND' : 'ENODATA' });
    return records as never[];
  };
}
