// Our client logs in at a smarthost: the mechanisms, what is said when it is not known there, and that no secret is in a
// transcript.
import { expect, test } from 'vitest';
import { type ClientLogin, logIn } from '#protocols/smtp/client/auth.ts';
import { Session } from '#protocols/smtp/client/session.ts';
import { makeCertificate } from '#test/support/certificate.ts';
import { loginAct } from '#test/support/login-peer.ts';
import { type PeerOptions, smtpPeer } from '#test/support/smtp-peer.ts';

const PASSWORD = { kind: 'password', user: 'us@relay.test', password: 'correct horse' } as const;
const TOKEN = { kind: 'token', user: 'us@relay.test', token: 'ya29.token' } as const;

async function attempt(login: ClientLogin, options: PeerOptions): Promise<{ commands: string[]; transcript: string }> {
  await using peer = await smtpPeer(options);
  const tls = { use: 'never' as const, options: {}, accept: () => null };
  const session = await Session.open({ address: '127.0.0.1', port: peer.port, hostname: 'mail.example.test', tls });
  try {
    await logIn(session, login);
    return { commands: peer.commands, transcript: session.transcript.text };
  } finally {
    session.connection.destroy();
  }
}

const act = loginAct({ ...PASSWORD, token: () => TOKEN.token });
const verbs = (commands: readonly string[]) => commands.map((line) => line.split(' ').slice(0, 2).join(' '));

test('the best mechanism that is offered is used, and its secrets are in no transcript', async () => {
  const cases: readonly (readonly [ClientLogin, string, string])[] = [
    [PASSWORD, 'LOGIN PLAIN SCRAM-SHA-256 XOAUTH2', 'AUTH SCRAM-SHA-256'],
    [PASSWORD, 'LOGIN PLAIN CRAM-MD5', 'AUTH PLAIN'],
    [PASSWORD, 'LOGIN', 'AUTH LOGIN'],
    [TOKEN, 'LOGIN XOAUTH2 OAUTHBEARER', 'AUTH XOAUTH2'],
    [TOKEN, 'PLAIN OAUTHBEARER', 'AUTH OAUTHBEARER'],
  ];
  for (const [login, offered, used] of cases) {
    const { commands, transcript } = await attempt(login, { extensions: [`AUTH ${offered}`], act });
    expect(verbs(commands)).toContain(used);
    expect(transcript).toMatch(/^S: 235 2\.7\.0 Welcome$/m);
    for (const secret of ['correct horse', 'ya29.token', '\0us@relay.test\0correct horse', 'us@relay.test']) {
      expect(transcript).not.toContain(secret);
      expect(transcript).not.toContain(Buffer.from(secret).toString('base64').slice(0, 12));
    }
    expect(transcript).not.toMatch(/^S: 334 (?!\*\*\*$)./m);
  }
});

test('a token that makes the line too long is sent when it is asked for (RFC 4954 4)', async () => {
  const token = 'x'.repeat(2_000);
  const long = loginAct({ user: TOKEN.user, token: () => token });
  const { commands } = await attempt({ ...TOKEN, token }, { extensions: ['AUTH XOAUTH2'], act: long });
  expect(commands[1]).toBe('AUTH XOAUTH2');
  expect(commands[2]?.length).toBeGreaterThan(2_000);
});

test('a refused login is a temporary failure, and XOAUTH2 says why', async () => {
  const extensions = ['AUTH PLAIN SCRAM-SHA-256 XOAUTH2'];
  const failure = { kind: 'login', reply: { code: 454, enhanced: '4.7.8' } };
  await expect(attempt({ ...PASSWORD, password: 'wrong' }, { extensions, act })).rejects.toMatchObject(failure);
  await expect(attempt({ ...TOKEN, token: 'old' }, { extensions, act })).rejects.toMatchObject({
    ...failure,
    message: '454 4.7.8 the login was refused: 535 5.7.8 Bad credentials',
  });
  await expect(attempt(TOKEN, { extensions: ['AUTH PLAIN'], act })).rejects.toMatchObject({
    ...failure,
    message: '454 4.7.8 the login was refused: the server offers none of XOAUTH2, OAUTHBEARER; it offers PLAIN',
  });
  await expect(attempt(PASSWORD, { extensions: [] })).rejects.toMatchObject(failure);
  const busy = (command: string) => (command.startsWith('AUTH') ? '454 4.7.0 Later' : undefined);
  await expect(attempt(PASSWORD, { extensions, act: busy })).rejects.toMatchObject({ kind: 'reply' });
});

test('a server that does not know the password either gets no mail by SCRAM', async () => {
  let turn = 0;
  const liar = (command: string) => {
    if (!command.startsWith('AUTH') && turn === 0) return undefined;
    const nonce = Buffer.from(command.split(' ')[2] ?? '', 'base64')
      .toString()
      .split('r=')[1];
    const first = `334 ${Buffer.from(`r=${nonce}x,s=c2FsdA==,i=4096`).toString('base64')}`;
    return [first, `334 ${Buffer.from(`v=${'A'.repeat(43)}=`).toString('base64')}`, '235 2.7.0 Welcome'][turn++];
  };
  await expect(attempt(PASSWORD, { extensions: ['AUTH SCRAM-SHA-256'], act: liar })).rejects.toMatchObject({
    kind: 'login',
    message: expect.stringContaining('the server does not know the password'),
  });
  for (const last of ['235 2.7.0 Welcome', '235', '235 2.7.0']) {
    let step = 0;
    const silent = (command: string) => {
      if (!command.startsWith('AUTH') && step === 0) return undefined;
      const nonce = Buffer.from(command.split(' ')[2] ?? '', 'base64')
        .toString()
        .split('r=')[1];
      return [`334 ${Buffer.from(`r=${nonce}x,s=c2FsdA==,i=4096`).toString('base64')}`, last][step++];
    };
    await expect(attempt(PASSWORD, { extensions: ['AUTH SCRAM-SHA-256'], act: silent })).rejects.toMatchObject({
      kind: 'login',
    });
  }
  for (const challenge of ['r=short,s=c2FsdA==,i=4096', 'nonsense', '']) {
    const odd = (command: string) =>
      command.startsWith('AUTH') ? `334 ${Buffer.from(challenge).toString('base64')}` : undefined;
    await expect(attempt(PASSWORD, { extensions: ['AUTH SCRAM-SHA-256'], act: odd })).rejects.toMatchObject({
      kind: 'login',
    });
  }
});

test('TLS comes before the greeting where it is implicit', async () => {
  const { certificate, key } = await makeCertificate(['relay.test']);
  const { createServer } = await import('node:tls');
  const server = createServer({ cert: certificate, key }, (socket) => {
    socket.write('220 relay.test ready\r\n');
    socket.on('data', (line) => socket.write(`${line}`.startsWith('EHLO') ? '250 relay.test\r\n' : '221 Bye\r\n'));
    socket.on('error', () => {});
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  const options = { servername: 'relay.test', rejectUnauthorized: false };
  const open = (accept: () => string | null) =>
    Session.open({ address: '127.0.0.1', port, hostname: 'us.test', tls: { use: 'first', options, accept } });
  const session = await open(() => null);
  expect(session.tls?.version).toBe('TLSv1.3');
  await session.quit();
  await expect(open(() => 'not trusted')).rejects.toMatchObject({ kind: 'tls', message: '454 4.7.5 not trusted' });
  server.close();
});
