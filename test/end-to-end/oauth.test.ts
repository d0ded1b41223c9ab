// Logins with an issuer's tokens, by mail programs' own libraries: offered where an issuer is configured, and only there.
import { ImapFlow } from 'imapflow';
import { createTransport } from 'nodemailer';
import { pino } from 'pino';
import { expect, test } from 'vitest';
import type { Config } from '#config/schema.ts';
import { startServer } from '#src/server.ts';
import { testConfig } from '#test/support/config.ts';
import { temporaryFolder } from '#test/support/folder.ts';
import { startIssuer } from '#test/support/issuer.ts';
import { ImapWire, Wire } from '#test/support/wire.ts';

const ANNA = 'anna@example.test';

async function start(data: string, oauth: Config['oauth']) {
  const config = testConfig({ data, listen: ['imap', 'pop3', 'submission'], oauth });
  const server = await startServer(config, {
    log: pino({ level: 'silent' }),
    fatal: (error) => {
      throw error;
    },
  });
  const port = (name: string) => server.addresses.find(({ listener }) => listener === name)?.port ?? 0;
  return { server, port, [Symbol.asyncDispose]: () => server.stop() };
}

/** What a server offers for logging in. */
async function offered(port: (name: string) => number): Promise<string[]> {
  const imap = await ImapWire.open(port('imap'));
  const pop3 = await Wire.open(port('pop3'));
  const smtp = await Wire.open(port('submission'));
  const texts = [imap.greeting];
  await pop3.line();
  pop3.send('CAPA\r\n');
  for (let line = await pop3.line(); line !== '.'; line = await pop3.line()) texts.push(line);
  await smtp.line();
  smtp.send('EHLO client.test\r\n');
  for (let line = await smtp.line(); ; line = await smtp.line()) {
    texts.push(line);
    if (line.startsWith('250 ')) break;
  }
  for (const wire of [imap.wire, pop3, smtp]) wire.destroy();
  return texts.filter((text) => /XOAUTH2/.test(text) && /OAUTHBEARER/.test(text));
}

test('tokens are offered where an issuer is configured; a fault of the issuer is told as one, a wrong token as wrong', async () => {
  await using folder = await temporaryFolder();
  await using issuer = await startIssuer();
  const oauth = { ...issuer.expected, keys: issuer.url, introspection: null };
  await using running = await start(folder.path, oauth);
  const { server, port } = running;
  await server.store.directory.addDomain('example.test');
  await server.store.directory.addAccount({ address: ANNA, passwordHash: '', quota: null });
  expect(await offered(port)).toHaveLength(3);

  // The issuer can't be asked for its keys yet: that is no wrong token, and a program must not ask for another.
  issuer.state.fault = 'error';
  const wire = await ImapWire.open(port('imap'));
  const bearer = (token: string) => Buffer.from(`n,a=${ANNA},\x01auth=Bearer ${token}\x01\x01`).toString('base64');
  expect(await wire.command(`AUTHENTICATE OAUTHBEARER ${bearer(issuer.token(ANNA))}`)).toMatchObject({
    status: 'NO',
    text: expect.stringMatching(/^\[UNAVAILABLE\]/),
  });
  wire.wire.destroy();
  issuer.state.fault = null;

  const pop3 = await Wire.open(port('pop3'));
  await pop3.line();
  const xoauth2 = (token: string) => Buffer.from(`user=${ANNA}\x01auth=Bearer ${token}\x01\x01`).toString('base64');
  pop3.send(`AUTH XOAUTH2 ${xoauth2('nonsense')}\r\n`);
  expect(await pop3.line()).toMatch(/^\+ eyJ/); // the reason, as JSON
  pop3.send('\r\n');
  expect(await pop3.line()).toMatch(/^-ERR \[AUTH\]/);
  pop3.destroy();
});

test('OAUTHBEARER (RFC 7628): keys that are unknown are ignored, a refusal says why in JSON and ends the exchange', async () => {
  await using folder = await temporaryFolder();
  await using issuer = await startIssuer();
  await using running = await start(folder.path, { ...issuer.expected, keys: issuer.url, introspection: null });
  await running.server.store.directory.addDomain('example.test');
  for (const address of [ANNA, 'bert@example.test']) {
    await running.server.store.directory.addAccount({ address, passwordHash: '', quota: null });
  }
  const base64 = (text: string) => Buffer.from(text).toString('base64');
  const claim = (login: string, token: string) =>
    base64(`n,a=${login},\x01host=mail.example.test\x01port=143\x01color=blue\x01auth=Bearer ${token}\x01\x01`);
  const refused = async (login: string, token: string, last: string) => {
    const { wire } = await ImapWire.open(running.port('imap'));
    wire.send(`a AUTHENTICATE OAUTHBEARER ${claim(login, token)}\r\n`);
    const challenge = await wire.line();
    expect(challenge).toMatch(/^\+ /);
    wire.send(`${last}\r\n`);
    const end = await wire.line();
    wire.destroy();
    return { challenge: JSON.parse(Buffer.from(challenge.slice(2), 'base64').toString()) as object, end };
  };
  const wire = await ImapWire.open(running.port('imap'));
  expect((await wire.command(`AUTHENTICATE OAUTHBEARER ${claim(ANNA, issuer.token(ANNA))}`)).status).toBe('OK');
  wire.wire.destroy();
  // Whatever the client says to the reason, even with a token that is good: the exchange has failed (3.2.3).
  for (const last of [base64('\x01'), claim(ANNA, issuer.token(ANNA)), '']) {
    const { challenge, end } = await refused(ANNA, 'nonsense', last);
    expect(challenge).toMatchObject({ status: 'invalid_token' });
    expect(end).toMatch(/^a NO \[AUTHENTICATIONFAILED\]/);
  }
  expect((await refused(ANNA, 'nonsense', '*')).end).toMatch(/^a BAD /);
  // Anna's token lets nobody act for somebody else.
  expect((await refused('bert@example.test', issuer.token(ANNA), base64('\x01'))).end).toMatch(/^a NO /);
});

test('imapflow and nodemailer log in with tokens, and POP3 takes them too', async () => {
  await using folder = await temporaryFolder();
  await using issuer = await startIssuer();
  await using running = await start(folder.path, { ...issuer.expected, keys: issuer.url, introspection: null });
  const { server, port } = running;
  await server.store.directory.addDomain('example.test');
  await server.store.directory.addAccount({ address: ANNA, passwordHash: '', quota: null });
  const transport = createTransport({
    ...{ host: '127.0.0.1', port: port('submission'), secure: false, ignoreTLS: true },
    auth: { type: 'OAuth2', user: ANNA, accessToken: issuer.token(ANNA, { algorithm: 'RS256' }) },
  });
  await transport.sendMail({ from: ANNA, to: ANNA, subject: 'by token', text: 'Hello.' });
  transport.close();
  const client = new ImapFlow({
    ...{ host: '127.0.0.1', port: port('imap'), secure: false, doSTARTTLS: false, logger: false },
    auth: { user: ANNA, accessToken: issuer.token(ANNA, { algorithm: 'EdDSA' }) },
  });
  await client.connect();
  expect(await client.status('INBOX', { messages: true })).toMatchObject({ messages: 1 });
  await client.logout();
  const wrong = new ImapFlow({
    ...{ host: '127.0.0.1', port: port('imap'), secure: false, doSTARTTLS: false, logger: false },
    auth: { user: 'anna@example.test', accessToken: issuer.token('bert@example.test') },
  });
  await expect(wrong.connect()).rejects.toMatchObject({ authenticationFailed: true });
  const pop3 = await Wire.open(port('pop3'));
  await pop3.line();
  pop3.send('AUTH XOAUTH2\r\n');
  expect(await pop3.line()).toBe('+ ');
  pop3.send(`${Buffer.from(`user=${ANNA}\x01auth=Bearer ${issuer.token(ANNA)}\x01\x01`).toString('base64')}\r\n`);
  expect(await pop3.line()).toMatch(/^\+OK/);
  pop3.destroy();
});

test('without an issuer no token mechanism is offered, nor taken', async () => {
  await using folder = await temporaryFolder();
  await using running = await start(folder.path, null);
  expect(await offered(running.port)).toEqual([]);
  const wire = await ImapWire.open(running.port('imap'));
  expect((await wire.command('AUTHENTICATE XOAUTH2 AAAA')).status).toBe('NO');
  wire.wire.destroy();
});
