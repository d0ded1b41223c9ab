// Mail that asks to be protected all the way (REQUIRETLS, RFC 8689), and mail that does without.
import { once } from 'node:events';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { makeCertificate } from '#test/support/certificate.ts';
import type { Zone } from '#test/support/dns-server.ts';
import { type OutboundLab, outboundLab, until } from '#test/support/outbound.ts';
import { PASSWORD } from '#test/support/smtp-server.ts';
import { SmtpWire } from '#test/support/wire.ts';

interface Pair {
  readonly certificate: string;
  readonly key: string;
}

let web: Pair;
let mx: Pair;
let server: Server;
let mode = 'testing';

beforeAll(async () => {
  web = await makeCertificate(['mta-sts.good.test']);
  mx = await makeCertificate(['mx.good.test', 'mx2.good.test']);
  server = createServer({ cert: web.certificate, key: web.key }, (_request, response) => {
    response.end(`version: STSv1\r\nmode: ${mode}\r\nmx: *.good.test\r\nmax_age: 86400\r\n`);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
});
afterAll(() => server.close());

const ZONES: Record<string, Zone> = {
  'good.test': {
    MX: [
      [10, 'mx.good.test'],
      [20, 'mx2.good.test'],
    ],
  },
  'mx.good.test': { A: ['127.0.0.2'] },
  'mx2.good.test': { A: ['127.0.0.3'] },
  '_mta-sts.good.test': { TXT: ['v=STSv1; id=1;'] },
  'mta-sts.good.test': { A: ['127.0.0.1'] },
  'open.test': { MX: [[10, 'mx.good.test']] },
};

const begin = () =>
  outboundLab(ZONES, {
    stsPort: (server.address() as AddressInfo).port,
    extraCa: [web.certificate, mx.certificate],
  });

const tls = (extensions: readonly string[]) => ({
  extensions: ['STARTTLS', ...extensions],
  tls: { cert: mx.certificate, key: mx.key },
});

/** Hands in a message over TLS that asks for it. */
async function send(lab: OutboundLab, to: string, parameters = ' REQUIRETLS', header = 'Subject: x'): Promise<void> {
  const client = await SmtpWire.open(lab.smtp.submissions, { secure: true });
  await client.command('EHLO laptop');
  await client.command(`AUTH PLAIN ${Buffer.from(`\0anna\0${PASSWORD}`).toString('base64')}`);
  for (const line of [`MAIL FROM:<anna@example.test>${parameters}`, `RCPT TO:<${to}>`, 'DATA']) {
    expect((await client.command(line)).code).toBeLessThan(400);
  }
  expect((await client.command(`${header}\r\n\r\nsecret words\r\n.`)).code).toBe(250);
  client.wire.destroy();
}

const drained = (lab: OutboundLab) => until(async () => (await lab.smtp.store.queue.totals()).messages === 0);

test('REQUIRETLS: it goes to a server that is known by its certificate and takes it on, though it is not the first', async () => {
  await using lab = await begin();
  await using first = await lab.peer(2, tls([]));
  await using second = await lab.peer(3, tls(['REQUIRETLS']));
  await lab.submit({ to: 'usual@good.test' });
  await drained(lab);
  await send(lab, 'you@good.test');
  await drained(lab);
  expect(first.messages.map(({ mail }) => mail)).toEqual(['MAIL FROM:<anna@example.test>']);
  expect(second.messages.map(({ mail, secure }) => [mail, secure])).toEqual([
    ['MAIL FROM:<anna@example.test> REQUIRETLS', true],
  ]);
});

test('it comes back where no server takes it on, without what was to be protected', async () => {
  await using lab = await begin();
  await using _first = await lab.peer(2, tls([]));
  await using second = await lab.peer(3, { extensions: ['REQUIRETLS'] });
  await send(lab, 'you@good.test');
  // Its MX is neither validated nor in a policy.
  await send(lab, 'you@open.test');
  await drained(lab);
  expect(second.messages).toEqual([]);
  const reports = await lab.smtp.inbox(lab.smtp.anna);
  expect(reports).toHaveLength(2);
  for (const report of reports) {
    expect(report).toMatch(/Status: 5\.7\.30/);
    expect(report).toContain('text/rfc822-headers');
    expect(report).not.toContain('secret words');
  }
});

test('TLS-Required: No goes where the policy would keep it back, and asks for nothing elsewhere', async () => {
  mode = 'enforce';
  await using lab = await begin();
  await using peer = await lab.peer(2);
  await send(lab, 'you@good.test', '', 'TLS-Required: No');
  await lab.settled(1);
  expect(peer.messages.map(({ secure }) => secure)).toEqual([false]);
  await send(lab, 'you@good.test', '', 'TLS-Required: yes');
  await lab.settled(2);
  expect(lab.outcomes).toEqual(['sent', 'waiting']);
});
