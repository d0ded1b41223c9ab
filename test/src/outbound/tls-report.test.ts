// Reports on TLS (RFC 8460): what is counted of sessions with peers, and what a day later arrives where DNS asks for it.
import { once } from 'node:events';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { gunzipSync } from 'node:zlib';
import { simpleParser } from 'mailparser';
import { pino } from 'pino';
import { expect, test } from 'vitest';
import { Resolver } from '#protocols/dns/resolver.ts';
import { makeSigningKeys } from '#src/outbound/signing.ts';
import { resultType } from '#src/outbound/tls-report/collect.ts';
import { isPublic, jitter, TlsReporter } from '#src/outbound/tls-report/reporter.ts';
import { makeCertificate } from '#test/support/certificate.ts';
import type { Zone } from '#test/support/dns-server.ts';
import { type OutboundLab, outboundLab, until } from '#test/support/outbound.ts';

const DAY = 86_400_000;
const ZONES: Record<string, Zone> = {
  'other.test': { MX: [[1, 'mx.other.test']] },
  'mx.other.test': { A: ['127.0.0.2'] },
  'quiet.test': { MX: [[1, 'mx.other.test']] },
  'reports.test': { MX: [[1, 'mx.reports.test']] },
  'mx.reports.test': { A: ['127.0.0.3'] },
};

const reporterOf = (lab: OutboundLab, more: { extraCa?: string[]; loopback?: boolean } = {}) =>
  new TlsReporter({
    ...{ hostname: 'mail.example.test', now: lab.now, log: pino({ level: 'silent' }), extraCa: [], ...more },
    resolver: new Resolver({ servers: lab.dns.servers, waits: [3_000] }),
    ...{ directory: lab.smtp.store.directory, results: lab.smtp.store.tlsResults, queue: lab.smtp.store.queue },
    signingKeys: lab.smtp.store.signingKeys,
    stage: (bounds) => lab.smtp.store.stage(bounds),
    routed: async (message) => message,
    retry: () => ({ firstMs: 300_000, longestMs: 14_400_000, giveUpMs: 432_000_000 }),
  });

const drained = (lab: OutboundLab) => until(async () => (await lab.smtp.store.queue.totals()).messages === 0);
const kept = async ({ smtp, now }: OutboundLab, domain = 'other.test') => {
  const first = await smtp.store.tlsResults.first(Number.MAX_SAFE_INTEGER, { day: -1, domain: '' });
  return smtp.store.tlsResults.of(first?.day ?? Math.floor(now() / DAY), domain);
};

test('sessions of a day are counted, reported once, by signed mail and by HTTPS, and then forgotten', async () => {
  const web = await makeCertificate(['https.reports.test']);
  const posted: { type: string | undefined; body: Buffer }[] = [];
  const server = createServer({ cert: web.certificate, key: web.key }, async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    posted.push({ type: request.headers['content-type'], body: Buffer.concat(chunks) });
    response.writeHead(201).end();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const mx = await makeCertificate(['elsewhere.test']);
  await using lab = await outboundLab({
    ...ZONES,
    'https.reports.test': { A: ['127.0.0.1'] },
    '_smtp._tls.other.test': {
      TXT: [`v=TLSRPTv1; rua=mailto:tls@reports.test,https://https.reports.test:${port}/in`],
      ttl: 0,
    },
  });
  await lab.smtp.store.signingKeys.add('example.test', 'p1', await makeSigningKeys('p1'));
  await using peer = await lab.peer(2, { extensions: ['STARTTLS'], tls: { cert: mx.certificate, key: mx.key } });
  await lab.submit({ to: 'one@other.test' });
  await drained(lab);
  await lab.submit({ to: 'none@quiet.test' });
  await drained(lab);
  peer.options = {};
  for (let n = 0; n < 2; n++) {
    await lab.submit({ to: 'two@other.test' });
    await drained(lab);
  }
  const day = Math.floor(lab.now() / DAY);
  expect((await kept(lab)).map(({ result, sessions }) => [result, sessions])).toEqual([
    ['', 1],
    ['starttls-not-supported', 2],
  ]);
  expect(await kept(lab, 'quiet.test')).toEqual([]);

  await using reports = await lab.peer(3);
  using reporter = reporterOf(lab, { extraCa: [web.certificate], loopback: true });
  await reporter.tick();
  lab.pass((day + 1) * DAY - lab.now() + jitter('mail.example.test', 'other.test') - 60_000);
  await reporter.tick();
  expect(posted).toEqual([]);
  lab.pass(120_000);
  await reporter.tick();
  await drained(lab);
  await reporter.tick();
  server.close();
  expect(await kept(lab)).toEqual([]);
  expect(posted.map(({ type }) => type)).toEqual(['application/tlsrpt+gzip']);
  const json = JSON.parse(gunzipSync(posted[0]?.body ?? Buffer.alloc(0)).toString());
  const date = new Date(day * DAY).toISOString().slice(0, 10);
  expect(json).toEqual({
    'organization-name': 'mail.example.test',
    'date-range': { 'start-datetime': `${date}T00:00:00Z`, 'end-datetime': `${date}T23:59:59Z` },
    'contact-info': 'postmaster@example.test',
    'report-id': expect.stringMatching(/^\d+\.[0-9a-f]{16}@mail\.example\.test$/),
    policies: [
      {
        policy: { 'policy-type': 'no-policy-found', 'policy-domain': 'other.test' },
        summary: { 'total-successful-session-count': 1, 'total-failure-session-count': 2 },
        'failure-details': [
          {
            'result-type': 'starttls-not-supported',
            ...{ 'receiving-mx-hostname': 'mx.other.test', 'receiving-ip': '127.0.0.2', 'failed-session-count': 2 },
          },
        ],
      },
    ],
  });
  const [message, ...more] = reports.messages;
  expect(more).toEqual([]);
  expect(message?.mail).toBe('MAIL FROM:<>');
  expect(message?.content).toMatch(/^DKIM-Signature: /);
  const mail = await simpleParser(Buffer.from(message?.content ?? '', 'latin1'));
  expect(mail.subject).toBe(`Report Domain: other.test Submitter: mail.example.test Report-ID: <${json['report-id']}>`);
  expect([mail.headers.get('tls-report-domain'), mail.headers.get('tls-report-submitter')]).toEqual([
    'other.test',
    'mail.example.test',
  ]);
  expect(mail.attachments.map(({ contentType }) => contentType)).toContain('application/tlsrpt+gzip');
  const packed = mail.attachments.find(({ contentType }) => contentType === 'application/tlsrpt+gzip');
  expect(JSON.parse(gunzipSync(packed?.content ?? Buffer.alloc(0)).toString())).toEqual(json);
});

test('what can not be sent is kept for two days; a crash before it is forgotten sends no mail twice', async () => {
  await using lab = await outboundLab(
    { ...ZONES, '_smtp._tls.other.test': { TXT: ['v=TLSRPTv1;rua=mailto:tls@reports.test'], ttl: 0 } },
    { idle: true },
  );
  const { tlsResults, signingKeys, queue } = lab.smtp.store;
  const day = Math.floor(lab.now() / DAY);
  const about = { policy: '{"policy-type":"no-policy-found"}', result: '', detail: '' };
  await tlsResults.add(day, 'other.test', about);
  using reporter = reporterOf(lab);
  lab.pass(DAY + 4 * 3_600_000);
  await reporter.tick(); // nothing to sign with
  expect((await queue.totals()).messages).toBe(0);
  expect(await tlsResults.of(day, 'other.test')).toHaveLength(1);
  await signingKeys.add('example.test', 'p1', await makeSigningKeys('p1'));
  await reporter.tick();
  expect(await tlsResults.of(day, 'other.test')).toEqual([]);
  await tlsResults.add(day, 'other.test', about); // as if it had not been deleted
  await reporter.tick();
  expect((await queue.totals()).messages).toBe(1);
  // Nobody asks any more: it is dropped in the end.
  lab.dns.zones.set('_smtp._tls.other.test', { TXT: ['v=TLSRPTv1; rua=ftp://x'], ttl: 0 });
  await tlsResults.add(day + 1, 'other.test', about);
  lab.pass(3 * DAY);
  await reporter.tick();
  expect(await tlsResults.of(day + 1, 'other.test')).toEqual([]);
});

test('a report is sent to addresses of the world only', () => {
  const inner = [
    '127.0.0.1',
    '10.1.2.3',
    '192.168.1.1',
    '172.20.0.1',
    '169.254.169.254',
    '100.64.0.1',
    '0.0.0.0',
    '224.0.0.1',
    '::1',
    '::',
    'fe80::1',
    'fc00::1',
    '::ffff:10.0.0.1',
    '64:ff9b::a00:1',
    '2002:a00:1::',
    '2001:db8::1',
  ];
  expect(inner.filter((address) => isPublic(address))).toEqual([]);
  expect(['192.0.2.1', '8.8.8.8', '172.32.0.1', '2a00:1450::1'].filter((address) => !isPublic(address))).toEqual([]);
});

test.each([
  ['4.7.4', 'the server does not offer STARTTLS', 'starttls-not-supported'],
  ['4.7.5', 'the certificate is for another name', 'certificate-host-mismatch'],
  ['4.7.5', 'a certificate has expired or is not valid yet', 'certificate-expired'],
  ['4.7.5', 'the certificate is not trusted, or is for another name', 'certificate-not-trusted'],
  ['4.7.5', 'the certificate matches no TLSA record', 'validation-failure'],
])('%s %s is reported as %3$s', (enhanced, text, type) => {
  expect(resultType({ enhanced, text })).toBe(type);
});
