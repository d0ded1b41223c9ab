// POP3 before the maildrop: capabilities, TLS, the ways to log in and what they answer.
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { expect, test } from 'vitest';
import { createPop3Server } from '#protocols/pop3/server.ts';
import type { RejectReason } from '#protocols/ports.ts';
import { type MailServerOptions, PASSWORD, startMailServer } from '#test/support/mail-server.ts';
import { override } from '#test/support/override.ts';
import { ScramClient } from '#test/support/scram-client.ts';
import { Pop3Wire } from './client.ts';

const start = (options: Omit<MailServerOptions, 'create'> = {}) =>
  startMailServer({ create: createPop3Server, ...options });

const base64 = (value: string) => Buffer.from(value).toString('base64');
const plain = (user: string, password: string) => base64(`\0${user}\0${password}`);

test('CAPA: before TLS it offers STLS and no login, under TLS a login and no STLS', async () => {
  await using server = await start({ plaintext: false });
  const client = await Pop3Wire.open(server.port);
  expect(client.greeting).toMatch(/^\+OK mail\.example\.test /);
  const before = await client.lines('CAPA');
  expect(before).toEqual(expect.arrayContaining(['TOP', 'UIDL', 'STLS']));
  expect(before.filter((line) => /^(USER|SASL)/.test(line))).toEqual([]);
  await client.startTls();
  const after = await client.lines('CAPA');
  expect(after).toEqual(expect.arrayContaining(['USER', 'SASL PLAIN LOGIN SCRAM-SHA-256 SCRAM-SHA-256-PLUS']));
  expect(after).not.toContain('STLS');
  await client.ok('USER anna@example.test');
  await client.ok(`PASS ${PASSWORD}`);
  expect(await client.lines('CAPA')).not.toContain('STLS');
  await client.quit();
});

test('STLS: what was said before TLS is forgotten, and what was sent in the clear after it is never obeyed', async () => {
  await using server = await start();
  const client = await Pop3Wire.open(server.port);
  await client.ok('USER anna@example.test');
  client.wire.send(`STLS\r\nUSER anna@example.test\r\nPASS ${PASSWORD}\r\n`);
  expect(await client.wire.line()).toMatch(/^\+OK/);
  client.wire = await client.wire.secured();
  expect(await client.command(`PASS ${PASSWORD}`)).toMatch(/^-ERR send USER first/);
  expect(await client.command('STLS')).toMatch(/^-ERR TLS is established/);
  expect(await client.command('STAT')).toMatch(/^-ERR log in first/);
  await client.quit();
});

test('STLS: passwords are refused without TLS where plaintext is off', async () => {
  await using server = await start({ plaintext: false });
  const client = await Pop3Wire.open(server.port);
  expect(await client.command('USER anna@example.test')).toBe('-ERR use STLS first');
  expect(await client.command(`PASS ${PASSWORD}`)).toBe('-ERR use STLS first');
  expect(await client.command('AUTH PLAIN')).toBe('-ERR use STLS first');
  await client.quit();
});

test('POP3 works with TLS from the first byte', async () => {
  await using server = await start({ secure: true, plaintext: false });
  const client = await Pop3Wire.open(server.port, { secure: true });
  await client.ok('USER anna@example.test');
  expect(await client.ok(`PASS ${PASSWORD}`)).toBe('+OK 0 messages (0 octets)');
  expect(await client.quit()).toMatch(/^\+OK/);
});

test('USER: a name in any case, with PASS a password that has spaces in it', async () => {
  await using server = await start();
  for (const name of ['anna@example.test', 'ANNA@Example.TEST', 'anna', 'example.test\\anna', 'example.test/anna']) {
    const client = await Pop3Wire.login(server.port, PASSWORD, name);
    expect(await client.ok('STAT')).toBe('+OK 0 0');
    await client.quit();
  }
});

test('USER: PASS comes only right after it, and a failed PASS begins anew', async () => {
  await using server = await start();
  const client = await Pop3Wire.open(server.port);
  expect(await client.command(`PASS ${PASSWORD}`)).toBe('-ERR send USER first');
  expect(await client.command('USER')).toMatch(/^-ERR/);
  await client.ok('USER anna');
  expect(await client.command('PASS')).toMatch(/^-ERR PASS needs/);
  expect(await client.command(`PASS ${PASSWORD}`)).toBe('-ERR send USER first');
  await client.ok('USER anna');
  await client.ok(`PASS ${PASSWORD}`);
  expect(await client.command('USER anna')).toBe('-ERR already logged in');
  await client.quit();
});

test('SASL: PLAIN with and without an initial response, LOGIN, a list, a cancelled and a malformed exchange', async () => {
  await using server = await start();
  const plainInitial = await Pop3Wire.open(server.port);
  expect(await plainInitial.command(`AUTH PLAIN ${plain('anna', PASSWORD)}`)).toMatch(/^\+OK 0 messages/);
  await plainInitial.quit();

  const plainAsked = await Pop3Wire.open(server.port);
  expect(await plainAsked.command('auth plain')).toBe('+ ');
  expect(await plainAsked.command(plain('anna', PASSWORD))).toMatch(/^\+OK/);
  await plainAsked.quit();

  const login = await Pop3Wire.open(server.port);
  expect(await login.command('AUTH LOGIN')).toBe(`+ ${base64('Username:')}`);
  expect(await login.command(base64('anna'))).toBe(`+ ${base64('Password:')}`);
  expect(await login.command(base64(PASSWORD))).toMatch(/^\+OK/);
  await login.quit();

  const other = await Pop3Wire.open(server.port);
  expect(await other.lines('AUTH')).toEqual(['PLAIN', 'LOGIN', 'SCRAM-SHA-256']);
  expect(await other.command('AUTH PLAIN')).toBe('+ ');
  expect(await other.command('*')).toMatch(/^-ERR cancelled/);
  expect(await other.command('AUTH PLAIN')).toBe('+ ');
  expect(await other.command('not base64!')).toMatch(/^-ERR malformed/);
  expect(await other.command('AUTH SCRAM-SHA-1')).toMatch(/^-ERR no such mechanism/);
  expect(await other.command(`AUTH PLAIN ${base64('somebody\0anna\0x')}`)).toMatch(/^-ERR \[AUTH\]/);
  expect(await other.command('AUTH PLAIN =')).toMatch(/^-ERR malformed/);
  await other.quit();
});

test('AUTH-RESP-CODE: [AUTH] for a wrong password and an unknown user alike, [SYS/TEMP] for a fault of ours', async () => {
  let reason: RejectReason | undefined;
  await using server = await start({
    trusted: ['127.0.0.1'],
    wrapAuthenticator: (real) =>
      override(real, {
        password: async (...args) => (reason === undefined ? await real.password(...args) : { ok: false, reason }),
      }),
  });
  const client = await Pop3Wire.open(server.port);
  const tried = async (user: string, password: string) => {
    await client.ok(`USER ${user}`);
    return await client.command(`PASS ${password}`);
  };
  const wrong = await tried('anna', 'wrong');
  expect(wrong).toMatch(/^-ERR \[AUTH\] /);
  expect(await tried('nobody', 'wrong')).toBe(wrong);
  reason = 'unavailable';
  expect(await tried('anna', PASSWORD)).toMatch(/^-ERR \[SYS\/TEMP\] /);
  reason = 'throttled';
  expect(await tried('anna', PASSWORD)).toMatch(/^-ERR \[SYS\/TEMP\] /);
  reason = undefined;
  expect(await tried('anna', PASSWORD)).toMatch(/^\+OK/);
  await client.quit();
});

test('RESP-CODES: [IN-USE] while another session has the maildrop, whoever logs in, until it is given back', async () => {
  await using server = await start();
  const first = await Pop3Wire.login(server.port, PASSWORD);
  const second = await Pop3Wire.open(server.port);
  await second.ok('USER anna');
  expect(await second.command(`PASS ${PASSWORD}`)).toMatch(/^-ERR \[IN-USE\] /);
  expect(await second.command(`AUTH PLAIN ${plain('anna', PASSWORD)}`)).toMatch(/^-ERR \[IN-USE\] /);
  await first.quit();
  expect(await second.command(`AUTH PLAIN ${plain('anna', PASSWORD)}`)).toMatch(/^\+OK/);
  // A connection that is cut gives it back too.
  second.destroy();
  const third = await Pop3Wire.open(server.port);
  await expect.poll(() => third.command(`AUTH PLAIN ${plain('anna', PASSWORD)}`)).toMatch(/^\+OK/);
  await third.quit();
});

test('RESP-CODES: a store that fails at the login is [SYS/TEMP], never a wrong password, and keeps no lock', async () => {
  let broken = true;
  await using server = await start({
    wrapStore: (store) => ({
      stage: (options) => store.stage(options),
      mail: (id) => {
        if (broken) throw new Error('no disk');
        return store.mail(id);
      },
    }),
  });
  const client = await Pop3Wire.open(server.port);
  expect(await client.command(`AUTH PLAIN ${plain('anna', PASSWORD)}`)).toMatch(/^-ERR \[SYS\/TEMP\] /);
  broken = false;
  expect(await client.command(`AUTH PLAIN ${plain('anna', PASSWORD)}`)).toMatch(/^\+OK/);
  await client.quit();
});

test('UTF8: names and passwords may be UTF-8, the command belongs before the login', async () => {
  await using server = await start();
  const client = await Pop3Wire.open(server.port);
  expect(await client.lines('CAPA')).toContain('UTF8 USER');
  expect(await client.command('UTF8')).toMatch(/^\+OK/);
  expect(await client.command('UTF8 x')).toMatch(/^-ERR/);
  client.wire.send(Buffer.from('USER änna\r\n'));
  expect(await client.wire.line()).toMatch(/^\+OK/);
  client.wire.send(Buffer.from('PASS pässwörd\r\n'));
  expect(await client.wire.line()).toMatch(/^-ERR \[AUTH\]/);
  client.wire.send(Buffer.from('USER \xff\xfe\r\n', 'latin1'));
  expect(await client.wire.line()).toMatch(/^-ERR USER needs/);
  await client.ok('USER anna');
  await client.ok(`PASS ${PASSWORD}`);
  expect(await client.command('UTF8')).toBe('-ERR already logged in');
  await client.quit();
});

test('IMPLEMENTATION: the name of the program, without a version', async () => {
  await using server = await start();
  const client = await Pop3Wire.open(server.port);
  expect(await client.lines('CAPA')).toContain('IMPLEMENTATION Posthuis');
  await client.quit();
});

test('a connection that keeps failing to log in is closed, but not one of a trusted network', async () => {
  await using server = await start();
  const client = await Pop3Wire.open(server.port);
  const replies: string[] = [];
  for (let i = 0; i < 5; i++) {
    await client.ok('USER anna');
    replies.push(await client.command('PASS same wrong one'));
  }
  expect(replies.every((reply) => reply.startsWith('-ERR'))).toBe(true);
  await client.wire.closed();
});

test('who talks something else is told so and closed in the end', async () => {
  await using server = await start();
  const socket = connect(server.port, '127.0.0.1');
  socket.write('GET / HTTP/1.1\r\n'.repeat(50));
  const lines = (await text(socket)).trimEnd().split('\r\n').slice(1);
  expect(lines).toHaveLength(21);
  expect(lines.at(-1)).toBe('-ERR too many errors');
});

test('a line that is too long is refused, and the next one is read', async () => {
  await using server = await start();
  const client = await Pop3Wire.open(server.port);
  expect(await client.command(`USER ${'x'.repeat(100_000)}`)).toBe('-ERR line too long');
  expect(await client.command(`USER ${'x'.repeat(1_000)}`)).toMatch(/^-ERR USER needs/);
  await client.ok('USER anna');
  await client.ok(`PASS ${PASSWORD}`);
  await client.quit();
});

test('logins, commands and connections are counted', async () => {
  await using server = await start();
  const client = await Pop3Wire.login(server.port, PASSWORD);
  const page = await server.metrics.page();
  expect(page).toContain('posthuis_connections{protocol="pop3",thread="1"} 1');
  expect(page).toContain('posthuis_logins_total{protocol="pop3",result="ok"} 1');
  expect(page).toContain('posthuis_command_seconds_count{protocol="pop3",verb="PASS"} 1');
  await client.quit();
  await expect.poll(() => server.metrics.page()).toContain('posthuis_connections{protocol="pop3",thread="1"} 0');
});

test('SASL: SCRAM-SHA-256 proves the password without sending it, once it has been seen', async () => {
  await using server = await start();
  const first = await Pop3Wire.open(server.port);
  await first.ok(`AUTH PLAIN ${plain('anna', PASSWORD)}`);
  await first.quit();
  const client = await Pop3Wire.open(server.port);
  const scram = new ScramClient({ user: 'anna@example.test', password: PASSWORD });
  const answered = (line: string) => Buffer.from(line.replace(/^\+ /, ''), 'base64').toString('utf8');
  const challenge = answered(await client.command(`AUTH SCRAM-SHA-256 ${base64(scram.first())}`));
  expect(scram.verifies(answered(await client.command(base64(scram.final(challenge)))))).toBe(true);
  expect(await client.command('')).toMatch(/^\+OK/);
  await client.quit();
});
