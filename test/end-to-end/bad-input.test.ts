// Bad input of every kind that the foundation names: each gets a clear error, nothing is lost, and others are not disturbed.
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { PASSWORD } from '#test/support/clients.ts';
import { type TemporaryFolder, temporaryFolder } from '#test/support/folder.ts';
import { Installation, type Running } from '#test/support/installation.ts';
import { ImapWire, SmtpWire, Wire } from '#test/support/wire.ts';

const listen = { smtp: 0, submission: 0, imap: 0, pop3: 0 };

/** Messages in a mailbox, counted over a connection of its own. */
async function count(server: Running, user: string, mailbox = 'INBOX'): Promise<number> {
  const client = await ImapWire.open(server.port('imap'));
  await client.login(user, PASSWORD);
  const { untagged } = await client.ok(`STATUS ${mailbox} (MESSAGES)`);
  client.wire.destroy();
  return Number(/MESSAGES (\d+)/.exec(untagged.map(({ text }) => text).join())?.[1]);
}

/** Delivers a small message and returns the reply to its data. */
async function deliver(server: Running, to: string, message = 'Subject: x\r\n\r\nhello\r\n') {
  const client = await SmtpWire.open(server.port('smtp'));
  await client.command('EHLO peer.test');
  await client.command('MAIL FROM:<p@peer.test>');
  const recipient = await client.command(`RCPT TO:<${to}>`);
  let reply = recipient;
  if (recipient.code === 250) {
    await client.command('DATA');
    reply = await client.command(`${message}.`);
  }
  client.wire.destroy();
  return reply;
}

/** Waits until something is so; the server learns of a cut connection in its own time. */
async function until(condition: () => Promise<boolean>): Promise<void> {
  while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, 20));
}

describe('a running server', () => {
  let folder: TemporaryFolder;
  let program: Installation;
  let server: Running;

  beforeAll(async () => {
    folder = await temporaryFolder();
    program = new Installation({ folder: folder.path, listen, messageSize: '1MB' });
    await program.populate(['anna', 'bert'], PASSWORD);
    server = await program.serve();
  });

  afterEach(async () => {
    expect(await deliver(server, 'bert@example.test')).toMatchObject({ code: 250 });
  });

  afterAll(async () => {
    expect(await server.stop()).toEqual({ status: 0, signal: null });
    expect(await program.run(['verify'])).toMatchObject({ status: 0 });
    await folder[Symbol.asyncDispose]();
  });

  test('says of a wrong password that it is wrong, in each protocol', async () => {
    const imap = await ImapWire.open(server.port('imap'));
    const result = await imap.command('LOGIN anna@example.test "wrong horse"');
    expect(result).toMatchObject({ status: 'NO', text: expect.stringContaining('[AUTHENTICATIONFAILED]') });
    imap.wire.destroy();

    const pop3 = await Wire.open(server.port('pop3'));
    await pop3.line();
    pop3.send('USER anna@example.test\r\nPASS wrong horse\r\n');
    expect(await pop3.line()).toMatch(/^\+OK/);
    expect(await pop3.line()).toMatch(/^-ERR \[AUTH\]/);
    pop3.destroy();

    const smtp = await SmtpWire.open(server.port('submission'));
    await smtp.command('EHLO peer.test');
    const login = Buffer.from('\0anna@example.test\0wrong horse').toString('base64');
    const reply = await smtp.command(`AUTH PLAIN ${login}`);
    expect(reply).toMatchObject({ code: 535, lines: [expect.stringMatching(/^5\.7\.8 /)] });
    smtp.wire.destroy();
  });

  test('refuses an unknown recipient at RCPT and takes the others', async () => {
    expect(await deliver(server, 'nobody@example.test')).toMatchObject({
      code: 550,
      lines: [expect.stringMatching(/^5\.1\.1 /)],
    });
  });

  test('refuses a message that is too large when it is declared, and when it comes', async () => {
    const before = await count(server, 'anna');
    const client = await SmtpWire.open(server.port('smtp'));
    const hello = await client.command('EHLO peer.test');
    expect(hello.lines).toContain(`SIZE ${1024 * 1024}`);
    const declared = await client.command(`MAIL FROM:<p@peer.test> SIZE=${1024 * 1024 + 1}`);
    expect(declared).toMatchObject({ code: 552, lines: [expect.stringMatching(/^5\.3\.4 /)] });
    await client.command('MAIL FROM:<p@peer.test>');
    await client.command('RCPT TO:<anna@example.test>');
    await client.command('DATA');
    client.wire.send(`Subject: x\r\n\r\n${`${'x'.repeat(998)}\r\n`.repeat(1100)}`);
    expect(await client.command('.')).toMatchObject({ code: 552, lines: [expect.stringMatching(/^5\.3\.4 /)] });
    expect(await client.command('NOOP')).toMatchObject({ code: 250 });
    client.wire.destroy();

    const imap = await ImapWire.open(server.port('imap'));
    await imap.login('anna', PASSWORD);
    const appended = await imap.command('APPEND INBOX', Buffer.alloc(1024 * 1024 + 1, 'x'));
    expect(appended).toMatchObject({ status: 'NO', text: expect.stringMatching(/\[(LIMIT|TOOBIG)\]/) });
    expect(await imap.command('NOOP')).toMatchObject({ status: 'OK' });
    imap.wire.destroy();
    expect(await count(server, 'anna')).toBe(before);
  });

  test('says when there are too many recipients and delivers to those it took', async () => {
    const before = await count(server, 'anna');
    const client = await SmtpWire.open(server.port('smtp'));
    await client.command('EHLO peer.test');
    await client.command('MAIL FROM:<p@peer.test>');
    let reply = await client.command('RCPT TO:<anna@example.test>');
    for (let number = 0; reply.code === 250 && number < 5_000; number += 1) {
      reply = await client.command(`RCPT TO:<anna+${number}@example.test>`);
    }
    expect(reply).toMatchObject({ code: 452, lines: [expect.stringMatching(/^4\.5\.3 /)] });
    await client.command('DATA');
    expect(await client.command('Subject: many\r\n\r\nx\r\n.')).toMatchObject({ code: 250 });
    client.wire.destroy();
    expect(await count(server, 'anna')).toBe(before + 1);
  });

  test('answers a malformed command and goes on', async () => {
    const smtp = await SmtpWire.open(server.port('smtp'));
    expect((await smtp.command('FROB')).code).toBe(500);
    expect((await smtp.command('EHLO peer.test')).code).toBe(250);
    expect((await smtp.command('MAIL FROM:anna@')).code).toBe(501);
    expect((await smtp.command('RCPT TO:<anna@example.test>')).code).toBe(503);
    expect([500, 421]).toContain((await smtp.command(`NOOP ${'x'.repeat(100_000)}`)).code);
    smtp.wire.destroy();

    const imap = await ImapWire.open(server.port('imap'));
    for (const line of ['FROB', 'LOGIN', 'LOGIN "anna', 'SELECT INBOX', 'UID FROB 1']) {
      expect(await imap.command(line), line).toMatchObject({ status: 'BAD' });
    }
    imap.wire.send('\r\n*\r\n');
    expect(await imap.wire.line()).toMatch(/^\* BAD /);
    expect(await imap.command('NOOP')).toMatchObject({ status: 'OK' });
    imap.wire.destroy();

    const pop3 = await Wire.open(server.port('pop3'));
    await pop3.line();
    for (const line of ['FROB', 'STAT', 'USER', 'RETR 1', `NOOP ${'x'.repeat(600)}`]) {
      pop3.send(`${line}\r\n`);
      expect(await pop3.line(), line).toMatch(/^-ERR/);
    }
    pop3.destroy();
  });

  test('does not wait for a literal that is too long', async () => {
    const imap = await ImapWire.open(server.port('imap'));
    // A synchronizing literal is refused before it is sent, and the connection goes on.
    imap.wire.send('a LOGIN {999999999}\r\n');
    expect(await imap.wire.line()).toMatch(/^a (BAD|NO) /);
    expect(await imap.command('NOOP')).toMatchObject({ status: 'OK' });
    // A non-synchronizing one is on its way already: the server says so and either reads past it or ends.
    imap.wire.send('b LOGIN {999999999+}\r\n');
    expect(await imap.wire.line()).toMatch(/^(b (BAD|NO)|\* BYE) /);
    imap.wire.destroy();
    const numbers = await ImapWire.open(server.port('imap'));
    for (const length of ['99999999999999999999', '-1', '']) {
      expect(await numbers.command(`LOGIN {${length}}`), length).toMatchObject({ status: 'BAD' });
    }
    numbers.wire.destroy();
  });

  test('keeps nothing of a message whose connection is cut in the middle of DATA', async () => {
    const before = await count(server, 'anna');
    const client = await SmtpWire.open(server.port('smtp'));
    await client.command('EHLO peer.test');
    await client.command('MAIL FROM:<p@peer.test>');
    await client.command('RCPT TO:<anna@example.test>');
    await client.command('DATA');
    client.wire.send(`Subject: cut\r\n\r\n${'half a line, over and over\r\n'.repeat(10_000)}`);
    client.wire.socket.end();
    await client.wire.closed();
    expect(await count(server, 'anna')).toBe(before);
    await until(async () => staged(program).length === 0);
  });

  test('keeps nothing of an APPEND whose connection is cut in the middle of its literal', async () => {
    const before = await count(server, 'anna');
    const imap = await ImapWire.open(server.port('imap'));
    await imap.login('anna', PASSWORD);
    imap.wire.send('a APPEND INBOX {500000}\r\n');
    await imap.wire.line();
    imap.wire.send(Buffer.alloc(400_000, 'x'));
    await new Promise((resolve) => setTimeout(resolve, 50));
    imap.wire.socket.resetAndDestroy();
    await until(async () => staged(program).length === 0);
    expect(await count(server, 'anna')).toBe(before);
  });

  test('takes a message of 10,000 nested parts, and shows it', async () => {
    const depth = 10_000;
    const open = Array.from(
      { length: depth },
      (_, n) => `Content-Type: multipart/mixed; boundary=b${n}\r\n\r\n--b${n}\r\n`,
    );
    const close = Array.from({ length: depth }, (_, n) => `--b${depth - 1 - n}--\r\n`);
    const message = `Subject: deep\r\nMIME-Version: 1.0\r\n${open.join('')}\r\ntext\r\n${close.join('')}`;
    expect(await deliver(server, 'anna@example.test', message)).toMatchObject({ code: 250 });
    const imap = await ImapWire.open(server.port('imap'));
    await imap.login('anna', PASSWORD);
    await imap.ok('SELECT INBOX');
    const { untagged } = await imap.ok('FETCH * (BODYSTRUCTURE BODY.PEEK[])');
    expect(untagged[0]?.text).toMatch(/BODYSTRUCTURE \(/);
    expect(untagged[0]?.literals.at(-1)?.toString('latin1').endsWith(message)).toBe(true);
    imap.wire.destroy();
  });
});

/** Bodies on their way in that are still on disk. */
function staged(program: Installation): string[] {
  return readdirSync(program.data, { recursive: true, encoding: 'utf8' }).filter((name) => /staging\/./.test(name));
}

test('a wrong configuration is refused with its file, its key and what was expected', async () => {
  await using folder = await temporaryFolder();
  const program = new Installation({
    folder: folder.path,
    listen: { imap: 0 },
    settings: '[limits]\nmessage_size = "big"\nfrob = 1',
  });
  for (const command of ['check', 'serve']) {
    const { status, stdout, stderr } = await program.run([command]);
    expect(status, command).toBe(1);
    for (const part of [program.config, 'limits.message_size', 'limits.frob']) expect(stdout + stderr).toContain(part);
  }
  rmSync(program.config);
  const { status, stdout, stderr } = await program.run(['check']);
  expect(status).toBe(1);
  expect(stdout + stderr).toContain(program.config);
});

test('a damaged database makes its own account unavailable, and no other', async () => {
  await using folder = await temporaryFolder();
  const program = new Installation({ folder: folder.path, listen });
  await program.populate(['anna', 'bert'], PASSWORD);
  const accounts = JSON.parse(await program.ok(['account', 'list', '--json'])) as { id: string; address: string }[];
  const id = accounts.find(({ address }) => address === 'anna@example.test')?.id as string;
  const database = readdirSync(program.data, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.includes(id) && name.endsWith('mail.db'))
    .map((name) => join(program.data, name))[0] as string;
  const bytes = readFileSync(database);
  writeFileSync(database, bytes.fill(0xa5, 1024, bytes.length));
  for (const suffix of ['-wal', '-shm']) rmSync(database + suffix, { force: true });

  const server = await program.serve();
  const damaged = await deliver(server, 'anna@example.test');
  expect(damaged.code).toBe(451);
  expect(damaged.lines[0]).toMatch(/^4\.\d\.\d /);
  expect(await deliver(server, 'bert@example.test')).toMatchObject({ code: 250 });
  expect(await count(server, 'bert')).toBe(1);
  const imap = await ImapWire.open(server.port('imap'));
  await imap.login('anna', PASSWORD);
  expect(await imap.command('SELECT INBOX')).toMatchObject({
    status: 'NO',
    text: expect.stringMatching(/\[(UNAVAILABLE|CORRUPTION)\]/),
  });
  imap.wire.destroy();
  const verified = await program.run(['verify']);
  expect(verified.status).toBe(1);
  expect(verified.stdout + verified.stderr).toContain('anna@example.test');
  expect(await server.stop()).toEqual({ status: 0, signal: null });
  expect(server.output).toContain(id);
  expect(server.output).toMatch(/corrupt|malformed|not a database/i);
});
