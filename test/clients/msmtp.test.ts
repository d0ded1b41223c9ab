// msmtp submits as scripts and cron jobs do: one connection a mail, with each login method, on both ports.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { client, list, message, PASSWORD, PATIENCE, run, type Server, startServer, succeeded } from './tool.ts';

/** What msmtp ends with (sysexits.h): a server that is not to be had, no permission, a wrong password. */
const UNAVAILABLE = 69;
const NO_PERMISSION = 77;

interface Way {
  readonly port: 'submission' | 'submissions' | 'smtp';
  readonly auth: string;
  readonly password?: string;
  readonly from?: string;
  readonly trust?: 'certificate' | 'nobody';
}

/** Sends one mail by a configuration of its own. */
function send(
  server: Server,
  { port, auth, password = PASSWORD, from, trust = 'certificate' }: Way,
  to: string,
  subject: string,
) {
  const file = join(server.folder, 'msmtprc');
  const tls = [`tls on`, `tls_starttls ${port === 'submissions' ? 'off' : 'on'}`];
  const trusted =
    trust === 'certificate'
      ? [`tls_trust_file ${server.certificate}`]
      : ['tls_trust_file /etc/ssl/certs/ca-certificates.crt'];
  const login = auth === 'off' ? ['auth off'] : [`auth ${auth}`, 'user bert@example.test', `password ${password}`];
  const lines = [
    'account default',
    'host localhost',
    `port ${server.running.port(port)}`,
    ...tls,
    ...trusted,
    ...login,
  ];
  writeFileSync(file, [...lines, `from ${from ?? 'bert@example.test'}`, `timeout ${PATIENCE / 1_000}`, ''].join('\n'), {
    mode: 0o600,
  });
  return run('msmtp', ['-C', file, to], {
    home: server.folder,
    input: message(subject).replace('Peer <peer@peer.test>', 'bert@example.test'),
  });
}

client('msmtp', () => {
  test('submits with each login method, by STARTTLS and by TLS, one connection a mail', async () => {
    await using server = await startServer();
    for (const [port, auth] of [
      ['submission', 'plain'],
      ['submission', 'login'],
      ['submission', 'scram-sha-256'],
      ['submissions', 'on'],
    ] as const) {
      succeeded(await send(server, { port, auth }, 'anna@example.test', `${port} ${auth}`));
    }
    expect((await list(server, 'INBOX')).map(({ subject }) => subject)).toEqual([
      ...['submission plain', 'submission login', 'submission scram-sha-256', 'submissions on'],
    ]);
  });

  test('is told what is wrong: a password, a sender that is not its own, a certificate, relaying', async () => {
    await using server = await startServer();
    const fails = (way: Way, to = 'anna@example.test') => send(server, way, to, 'no');
    const port = 'submission';
    expect(await fails({ port, auth: 'plain', password: 'wrong' })).toMatchObject({
      status: NO_PERMISSION,
      output: expect.stringContaining('535 5.7.8'),
    });
    const sender = await fails({ port, auth: 'plain', from: 'ceo@example.test' });
    expect(sender.output).toMatch(/55\d 5\.7\.1 /);
    expect(sender.status).not.toBe(0);
    const stranger = await fails({ port, auth: 'plain', trust: 'nobody' });
    expect(stranger.status).toBe(UNAVAILABLE);
    const relay = await fails({ port: 'smtp', auth: 'off' }, 'someone@elsewhere.test');
    expect(relay.output).toContain('550 5.7.1');
    expect(relay.status).not.toBe(0);
    expect(await list(server, 'INBOX')).toEqual([]);
  });
});
