// Mail to domains with an MTA-STS policy (RFC 8461): fetched over HTTPS from a server of our own, kept, and obeyed.
import { hash, X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { parseStsPolicy, stsId, stsMatches } from '#protocols/smtp/client/sts-policy.ts';
import { makeCertificate } from '#test/support/certificate.ts';
import type { Zone } from '#test/support/dns-server.ts';
import { type OutboundLab, outboundLab, until } from '#test/support/outbound.ts';

interface Pair {
  readonly certificate: string;
  readonly key: string;
}

let web: Pair;
let mx: Pair;
let stranger: Pair;
let server: Server;
let port = 0;
let status = 200;
let file = '';
let asked = 0;

const policy = (mode: string, ...hosts: string[]) =>
  ['version: STSv1', `mode: ${mode}`, ...hosts.map((host) => `mx: ${host}`), 'max_age: 86400', ''].join('\r\n');

beforeAll(async () => {
  [web, mx, stranger] = (await Promise.all(
    ['mta-sts.good.test', 'mx.good.test', 'mx.good.test'].map((name) => makeCertificate([name])),
  )) as [Pair, Pair, Pair];
  server = createServer({ cert: web.certificate, key: web.key }, (request, response) => {
    asked++;
    const found = request.url === '/.well-known/mta-sts.txt' && request.headers.host === 'mta-sts.good.test';
    response.writeHead(found ? status : 404, { 'content-type': 'text/plain', location: '/elsewhere' }).end(file);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  port = (server.address() as AddressInfo).port;
});

afterAll(() => server.close());

beforeEach(() => {
  [status, asked, file] = [200, 0, policy('enforce', '*.good.test')];
});

const ZONES: Record<string, Zone> = {
  'good.test': { MX: [[10, 'mx.good.test']] },
  'mx.good.test': { A: ['127.0.0.2'] },
  '_mta-sts.good.test': { TXT: ['v=STSv1; id=1;'], ttl: 1 },
  'mta-sts.good.test': { A: ['127.0.0.1'] },
};

const lab = (more: Record<string, Zone> = {}) =>
  outboundLab({ ...ZONES, ...more }, { stsPort: port, extraCa: [web.certificate, mx.certificate] });

/** What becomes of a message to good.test. */
async function deliver(at: OutboundLab, pair: Pair | null): Promise<string> {
  const tls = pair === null ? {} : { extensions: ['STARTTLS'], tls: { cert: pair.certificate, key: pair.key } };
  await using peer = await at.peer(2, tls);
  const before = at.outcomes.length;
  await at.submit({ to: 'you@good.test' });
  await at.settled(before + 1);
  const [message] = peer.messages;
  if (message !== undefined) return message.secure ? 'over TLS' : 'in the clear';
  const [listing] = await at.smtp.store.queue.list({}, 0, 1);
  const reply = listing?.recipients[0]?.reply ?? 'gone';
  await at.smtp.store.queue.remove({});
  return reply;
}

const UNTRUSTED = '454 4.7.5 the certificate is not trusted, or is for another name';

describe('a policy that is enforced', () => {
  test('lets mail go under a trusted certificate', async () => {
    await using at = await lab();
    expect(await deliver(at, mx)).toBe('over TLS');
    expect(asked).toBe(1);
  });

  test('lets none go under another one', async () => {
    await using at = await lab();
    expect(await deliver(at, stranger)).toBe(UNTRUSTED);
  });

  test('lets none go in the clear', async () => {
    await using at = await lab();
    expect(await deliver(at, null)).toContain('454 4.7.4');
  });

  test('lets none go to hosts that it does not name', async () => {
    file = policy('enforce', 'mx.elsewhere.test');
    await using at = await lab();
    expect(await deliver(at, mx)).toBe('451 4.7.5 good.test has no mail host that its MTA-STS policy names');
  });

  test('is kept while its DNS says nothing else, over a restart too', async () => {
    await using at = await lab();
    expect(await deliver(at, mx)).toBe('over TLS');
    at.dns.zones.delete('_mta-sts.good.test');
    status = 500;
    await at.restart();
    expect(await deliver(at, stranger)).toBe(UNTRUSTED);
    expect(asked).toBe(1);
  });

  test('is replaced by the one that its DNS names, and ends with its age', async () => {
    await using at = await lab();
    expect(await deliver(at, mx)).toBe('over TLS');
    at.dns.zones.set('_mta-sts.good.test', { TXT: ['v=STSv1; id=2'] });
    file = policy('none');
    await at.restart();
    expect(await deliver(at, stranger)).toBe('over TLS');
    expect(asked).toBe(2);
    expect(await at.smtp.store.policies.get('good.test')).toMatchObject({ id: '2', mode: 'none' });
  });
});

test('a host with TLSA is held to them alone, whatever a policy says (RFC 8461 2)', async () => {
  const spki = new X509Certificate(stranger.certificate).publicKey.export({ format: 'der', type: 'spki' });
  const certificate = hash('sha256', spki, { outputEncoding: 'buffer' });
  const TLSA = [{ usage: 3, selector: 1, matchingType: 1, certificate }];
  for (const [named, shown, outcome] of [
    ['mx.good.test', mx, '454 4.7.5 the certificate matches no TLSA record'],
    ['mx.elsewhere.test', stranger, 'over TLS'],
  ] as const) {
    file = policy('enforce', named);
    await using at = await lab({
      '.': { authentic: true },
      'good.test': { MX: [[10, 'mx.good.test']], authentic: true },
      'mx.good.test': { A: ['127.0.0.2'], authentic: true },
    });
    at.dns.zones.set(`_${at.port}._tcp.mx.good.test`, { TLSA, authentic: true });
    expect(await deliver(at, shown)).toBe(outcome);
  }
  expect(asked).toBe(2);
});

test.each<[string, () => void, Record<string, Zone>?]>([
  ['a policy that is being tested', () => (file = policy('testing', 'mx.elsewhere.test'))],
  ['no policy in DNS', () => undefined, { '_mta-sts.good.test': {} }],
  ['two policies in DNS', () => undefined, { '_mta-sts.good.test': { TXT: ['v=STSv1; id=1', 'v=STSv1; id=2'] } }],
  ['a file that is not there', () => (status = 404)],
  ['a redirect', () => (status = 302)],
  ['a file that is none', () => (file = 'hello')],
  ['a file that does not end', () => (file = `version: STSv1\r\n${'x: y\r\n'.repeat(20_000)}`)],
  ['a server without an address', () => undefined, { 'mta-sts.good.test': {} }],
])('with %s mail goes as it can', async (_what, change, zones = {}) => {
  change();
  await using at = await lab(zones);
  expect(await deliver(at, stranger)).toBe('over TLS');
});

/** What is kept for the report to good.test: policy type, result, sessions. */
async function reported({ smtp, now }: OutboundLab): Promise<unknown[]> {
  const { tlsResults } = smtp.store;
  const results = () => tlsResults.of(Math.floor(now() / 86_400_000), 'good.test');
  await until(async () => (await results()).length > 0);
  return (await results()).map(({ policy: held, result, detail, sessions }) => [
    ...[JSON.parse(held)['policy-type'], result, detail === '' ? {} : JSON.parse(detail), sessions],
  ]);
}
const REPORTS = { '_smtp._tls.good.test': { TXT: ['v=TLSRPTv1; rua=mailto:tls@good.test'] } };
const AT_MX = { 'receiving-mx-hostname': 'mx.good.test', 'receiving-ip': '127.0.0.2' };

test.each<[string, () => void, string, Record<string, Zone>?]>([
  ['a file that is not there', () => (status = 404), 'sts-policy-fetch-error'],
  ['a file that is none', () => (file = 'hello'), 'sts-policy-invalid'],
  ['a server without an address', () => undefined, 'sts-policy-fetch-error', { 'mta-sts.good.test': {} }],
])('%s is reported to the domain, each session once (RFC 8460 4.3.2.2)', async (_what, change, result, zones = {}) => {
  change();
  await using at = await lab({ ...REPORTS, ...zones });
  for (let n = 0; n < 2; n++) {
    expect(await deliver(at, mx)).toBe('over TLS');
    await at.restart();
  }
  expect(await reported(at)).toEqual([['sts', result, AT_MX, 2]]);
});

test('so is a policy under a certificate that nobody knows, and one that names no mail host', async () => {
  await using untrusted = await outboundLab({ ...ZONES, ...REPORTS }, { stsPort: port, extraCa: [mx.certificate] });
  expect(await deliver(untrusted, mx)).toBe('over TLS');
  expect(await reported(untrusted)).toEqual([['sts', 'sts-webpki-invalid', AT_MX, 1]]);
  file = policy('enforce', 'mx.elsewhere.test');
  await using at = await lab(REPORTS);
  expect(await deliver(at, mx)).toContain('no mail host that its MTA-STS policy names');
  expect(await reported(at)).toEqual([
    ['sts', 'validation-failure', { 'receiving-mx-hostname': 'mx.good.test' }, expect.any(Number)],
  ]);
});

test('TLSA records that can not be validated are reported as such', async () => {
  const authentic = { authentic: true };
  await using at = await lab({
    ...REPORTS,
    ...{ '.': authentic, '_mta-sts.good.test': {}, 'good.test': { MX: [[10, 'mx.good.test']], ...authentic } },
    'mx.good.test': { A: ['127.0.0.2'], ...authentic },
  });
  at.dns.zones.set(`_${at.port}._tcp.mx.good.test`, { rcode: 'SERVFAIL' });
  expect(await deliver(at, mx)).toMatch(/^451 4\.7\.5 /);
  expect(await reported(at)).toEqual([
    ['tlsa', 'dnssec-invalid', { 'receiving-mx-hostname': 'mx.good.test' }, expect.any(Number)],
  ]);
});

test('a policy under a certificate that nobody knows is none', async () => {
  await using at = await outboundLab(ZONES, { stsPort: port, extraCa: [mx.certificate] });
  expect(await deliver(at, stranger)).toBe('over TLS');
});

describe('the grammar', () => {
  test.each([
    ['v=STSv1; id=20160831085700Z;', '20160831085700Z'],
    ['v=STSv1;id=1', '1'],
    ['v=STSv1; x=y; id = a1 ; z=1', 'a1'],
    ['v=STSv1', null],
    ['v=STSv1; id=', null],
    ['v=STSv1; id=no-dashes', null],
    ['v=STSv2; id=1', null],
  ])('%j names %s', (text, id) => {
    expect(stsId(text)).toBe(id);
  });

  test('a file as in the standard, and what is no policy', () => {
    const text = 'version: STSv1\nmode: enforce\nmx: mail.Example.com\nmx: *.example.net\nmax_age: 604800\nother: x\n';
    expect(parseStsPolicy(text)).toEqual({
      ...{ mode: 'enforce', hosts: ['mail.example.com', '*.example.net'], maxAgeSeconds: 604_800 },
    });
    for (const [from, to] of [
      ['STSv1', 'STSv2'],
      ['enforce', 'force'],
      ['604800', '-1'],
      ['max_age', 'age'],
      ['*.example.net', 'a.*.net'],
      [/^mx.*\n/gm, ''],
    ] as const) {
      expect(parseStsPolicy(text.replace(from, to))).toBeNull();
    }
  });

  test('an asterisk is one label, and no less', () => {
    const hosts = ['mail.example.com', '*.example.net'];
    const is = (host: string) => stsMatches({ hosts }, host);
    expect(['mail.example.com', 'mx.example.net'].map(is)).toEqual([true, true]);
    expect(['x.example.com', 'example.net', 'a.b.example.net', 'xexample.net'].map(is)).toEqual(Array(4).fill(false));
  });
});
