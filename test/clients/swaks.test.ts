// swaks hands mail in on every SMTP port and is refused where it should be.
import { expect, test } from 'vitest';
import { client, list, PASSWORD, PATIENCE, run, startServer, succeeded } from './tool.ts';

/** swaks' exit statuses: no recipient was accepted, no login was accepted. */
const NO_RECIPIENT = 24;
const NO_LOGIN = 28;

type Port = 'smtp' | 'submission' | 'submissions';

/** Hands in one message, or tries to. */
function swaks(
  { running, folder }: Awaited<ReturnType<typeof startServer>>,
  port: Port,
  to: string,
  ...args: string[]
) {
  const where = ['--server', '127.0.0.1', '--port', String(running.port(port)), '--timeout', `${PATIENCE / 1_000}`];
  return run('swaks', [...where, '--to', to, ...args], { home: folder, input: '' });
}

client('swaks', () => {
  test('delivers by MX with STARTTLS, and submits with each login method and port', async () => {
    await using server = await startServer();
    const send = (port: Port, ...args: string[]) => swaks(server, port, 'anna@example.test', ...args);
    const login = ['--auth-user', 'bert@example.test', '--auth-password', PASSWORD, '--from', 'bert@example.test'];
    const subject = (text: string) => ['--header', `Subject: ${text}`];

    succeeded(await send('smtp', '--tls', '--from', 'peer@peer.test', ...subject('mx')));
    succeeded(await send('smtp', '--from', 'peer@peer.test', '--pipeline', ...subject('plain mx')));
    succeeded(await send('submission', '--tls', '--auth', 'PLAIN', ...login, ...subject('plain')));
    succeeded(await send('submission', '--tls', '--auth', 'LOGIN', ...login, ...subject('login')));
    succeeded(await send('submissions', '--tlsc', '--auth', 'PLAIN', ...login, ...subject('tls')));
    expect((await list(server, 'INBOX')).map((entry) => entry.subject)).toEqual([
      'mx',
      'plain mx',
      'plain',
      'login',
      'tls',
    ]);
  });

  test('is refused an unknown recipient, relaying and a wrong password', async () => {
    await using server = await startServer();
    const send = (port: Port, to: string, ...args: string[]) => swaks(server, port, to, ...args);
    const unknown = await send('smtp', 'nobody@example.test', '--from', 'peer@peer.test');
    expect(unknown).toMatchObject({ status: NO_RECIPIENT, output: expect.stringContaining('550 5.1.1') });
    const relay = await send('smtp', 'someone@elsewhere.test', '--from', 'peer@peer.test');
    expect(relay).toMatchObject({ status: NO_RECIPIENT, output: expect.stringContaining('550 5.7.1') });
    const wrong = ['--tls', '--auth', 'PLAIN', '--auth-user', 'bert@example.test', '--auth-password', 'wrong horse'];
    const login = await send('submission', 'anna@example.test', ...wrong, '--from', 'bert@example.test');
    expect(login).toMatchObject({ status: NO_LOGIN, output: expect.stringContaining('535 5.7.8') });
    expect(await list(server, 'INBOX')).toEqual([]);
  });
});
