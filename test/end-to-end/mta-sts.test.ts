// Our own MTA-STS policy (RFC 8461), as other servers fetch it, and what `check` finds in DNS.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { fetchSts } from '#protocols/smtp/client/sts-fetch.ts';
import { makeCertificate } from '#test/support/certificate.ts';
import { testDns } from '#test/support/dns-server.ts';
import { temporaryFolder } from '#test/support/folder.ts';
import { freePorts, Installation } from '#test/support/installation.ts';

const POLICY = 'version: STSv1\r\nmode: testing\r\nmx: mail.example.test\r\nmax_age: 86400\r\n';

test('the policy is served for our domains and no others, and check says what DNS lacks', async () => {
  await using folder = await temporaryFolder();
  const { certificate, key } = await makeCertificate(['mta-sts.example.test', 'mail.example.test']);
  const file = (name: string, text: string) => {
    writeFileSync(join(folder.path, name), text, { mode: 0o600 });
    return join(folder.path, name);
  };
  const [cert, keyFile] = [file('cert.pem', certificate), file('key.pem', key)];
  await using dns = await testDns({
    'example.test': { MX: [[10, 'mail.example.test']], ttl: 0 },
    'mail.example.test': { A: ['127.0.0.1'], AAAA: ['2001:db8::25'], ttl: 0 },
    '1.0.0.127.in-addr.arpa': { PTR: ['other.example.test'], ttl: 0 },
    'mta-sts.example.test': { A: ['127.0.0.1'], ttl: 0 },
  });
  const [https = 0] = await freePorts(1);
  const here = new Installation({
    ...{ folder: join(folder.path, 'here'), listen: { https } },
    settings: [
      '[mta_sts]\nmode = "testing"\nmax_age = "1d"',
      `[outbound]\nmta_sts_port = ${https}`,
      `[dns]\nservers = ["127.0.0.1:${dns.port}"]`,
      `[tls]\nextra_ca = ${JSON.stringify(cert)}`,
      `[[tls.certificates]]\ncertificate = ${JSON.stringify(cert)}\nkey = ${JSON.stringify(keyFile)}`,
    ].join('\n'),
  });
  await here.populate(['postmaster', 'abuse'], 'correct horse');
  const findings = async () => (await here.run(['check', '--dns'])).stdout.trimEnd().split('\n');
  expect(await findings()).toEqual([
    'warning: mail of example.test leaves unsigned: posthuis dkim add example.test',
    'warning: 127.0.0.1 is other.example.test in DNS (PTR), not mail.example.test',
    'warning: 2001:db8::25 has no name in DNS (PTR), so that mail is sent by IPv4 only',
    expect.stringMatching(
      /^warning: DNS does not name the MTA-STS policy: _mta-sts\.example\.test\. TXT "v=STSv1; id=\w{20}"$/,
    ),
    expect.stringMatching(/^warning: the MTA-STS policy of example\.test can't be fetched: /),
  ]);
  const server = await here.serve();
  try {
    const at = { addresses: ['127.0.0.1'], port: https, extraCa: [certificate] };
    expect(await fetchSts({ domain: 'example.test', ...at })).toBe(POLICY);
    const ask = (host: string, path = '/.well-known/mta-sts.txt') => fetchStatus(https, certificate, host, path);
    expect(await ask('mta-sts.other.test')).toBe(404);
    expect(await ask('example.test')).toBe(503);
    expect(await ask('mta-sts.example.test', '/')).toBe(503);
    const [missing = ''] = (await findings()).filter((line) => line.includes('TXT'));
    dns.zones.set('_mta-sts.example.test', { TXT: [/"(.*)"/.exec(missing)?.[1] ?? ''], ttl: 0 });
    dns.zones.set('1.0.0.127.in-addr.arpa', { PTR: ['Mail.Example.test'], ttl: 0 });
    dns.zones.set('5.2.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa', {
      ...{ PTR: ['mail.example.test'], ttl: 0 },
    });
    expect(await findings()).toHaveLength(1);
    dns.zones.set('example.test', {
      MX: [
        [10, 'mail.example.test'],
        [20, 'backup.other.test'],
      ],
      ttl: 0,
    });
    expect((await findings())[1]).toBe('warning: the MTA-STS policy of example.test does not name backup.other.test');
  } finally {
    await server.stop();
  }
});

async function fetchStatus(port: number, ca: string, host: string, path: string): Promise<number> {
  const { request } = await import('node:https');
  const options = {
    host: '127.0.0.1',
    port,
    path,
    ca,
    servername: 'mta-sts.example.test',
    headers: { host },
    agent: false,
  };
  return new Promise((resolve, reject) => {
    request(options, (response) => {
      response.resume();
      resolve(response.statusCode ?? 0);
    })
      .on('error', reject)
      .end();
  });
}
