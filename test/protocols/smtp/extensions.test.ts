// Every extension that EHLO offers, used over a socket.
import { connect as tlsConnect } from 'node:tls';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { PASSWORD, type SmtpServers, startSmtp } from '#test/support/smtp-server.ts';
import { SmtpWire } from '#test/support/wire.ts';

const LIMIT = 50_000;
let smtp: SmtpServers;

beforeAll(async () => {
  smtp = await startSmtp({ messageSize: LIMIT, plaintext: false, quota: 20_000 });
});

afterAll(() => smtp[Symbol.asyncDispose]());

async function open(port: number, options: { secure?: boolean } = {}): Promise<SmtpWire> {
  const client = await SmtpWire.open(port, options);
  await client.command('EHLO peer.example');
  return client;
}

const offers = async (client: SmtpWire) => (await client.command('EHLO peer.example')).lines;
const base64 = (text: string) => Buffer.from(text).toString('base64');
const plain = (login: string, password: string) => base64(`\0${login}\0${password}`);

test('EHLO offers what is described here and nothing else', async () => {
  const common = ['mail.example.test', 'PIPELINING', `SIZE ${LIMIT}`, '8BITMIME', 'SMTPUTF8', 'ENHANCEDSTATUSCODES'];
  common.push('CHUNKING', 'BINARYMIME', 'LIMITS RCPTMAX=1000');
  const mx = await open(smtp.mx);
  expect(await offers(mx)).toEqual([...common, 'STARTTLS']);
  await mx.startTls();
  expect(await offers(mx)).toEqual(common);
  const submission = await open(smtp.submission);
  expect(await offers(submission)).toEqual([...common, 'STARTTLS']);
  await submission.startTls();
  const logins = ['AUTH PLAIN LOGIN SCRAM-SHA-256 SCRAM-SHA-256-PLUS', 'AUTH PLAIN LOGIN SCRAM-SHA-256'];
  expect(await offers(submission)).toEqual([...common, ...logins]);
  const submissions = await open(smtp.submissions, { secure: true });
  expect(await offers(submissions)).toEqual([...common, ...logins]);
  await submissions.command(`AUTH PLAIN ${plain('anna', PASSWORD)}`);
  expect(await offers(submissions)).toEqual(common);
});

test('PIPELINING: a batch with the message in it is answered in order', async () => {
  const client = await open(smtp.mx);
  client.wire.send(
    'MAIL FROM:<a@peer.example>\r\nRCPT TO:<nobody@example.test>\r\nRCPT TO:<bert@example.test>\r\nDATA\r\n' +
      'Subject: pipelined\r\n\r\nx\r\n.\r\nMAIL FROM:<a@peer.example>\r\nRSET\r\nNOOP\r\nQUIT\r\n',
  );
  const codes = [];
  for (let i = 0; i < 9; i++) codes.push((await client.reply()).code);
  expect(codes).toEqual([250, 550, 250, 354, 250, 250, 250, 250, 221]);
});

test('PIPELINING: a batch whose recipients are all refused has no DATA phase', async () => {
  const client = await open(smtp.mx);
  client.wire.send('MAIL FROM:<a@peer.example>\r\nRCPT TO:<nobody@example.test>\r\nDATA\r\nNOOP\r\n');
  const codes = [];
  for (let i = 0; i < 4; i++) codes.push((await client.reply()).code);
  expect(codes).toEqual([250, 550, 503, 250]);
});

test('PIPELINING: a peer that never reads does not make us keep its replies', async () => {
  await using trusting = await startSmtp({ trusted: () => true });
  const client = await open(trusting.mx);
  client.wire.socket.pause();
  const before = process.memoryUsage().rss;
  const noops = 'NOOP\r\n'.repeat(10_000);
  for (let i = 0; i < 200 && !client.wire.socket.writableNeedDrain; i++) {
    client.wire.send(noops);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  expect(client.wire.socket.writableNeedDrain).toBe(true); // we stopped reading
  expect(process.memoryUsage().rss - before).toBeLessThan(100 * 1024 * 1024);
  client.wire.destroy();
});

test('SIZE: what is too large is refused at MAIL, when it says so', async () => {
  const client = await open(smtp.mx);
  expect(await client.command(`MAIL FROM:<a@peer.example> SIZE=${LIMIT + 1}`)).toEqual({
    code: 552,
    lines: ['5.3.4 Message too large'],
  });
  expect((await client.command(`MAIL FROM:<a@peer.example> SIZE=${LIMIT}`)).code).toBe(250);
});

test('SIZE: what does not fit into the mailbox is refused at RCPT, for that recipient (F135)', async () => {
  const client = await open(smtp.mx);
  await client.command('MAIL FROM:<a@peer.example> SIZE=30000');
  expect(await client.command('RCPT TO:<anna@example.test>')).toEqual({ code: 552, lines: ['5.2.2 Mailbox full'] });
  expect((await client.command('RCPT TO:<bert@example.test>')).code).toBe(250);
});

test('SIZE: what says nothing and does not fit is refused after DATA', async () => {
  const client = await open(smtp.mx);
  const big = `Subject: big\r\n\r\n${`${'x'.repeat(98)}\r\n`.repeat(300)}.`;
  for (const command of ['MAIL FROM:<a@peer.example>', 'RCPT TO:<anna@example.test>', 'DATA'])
    await client.command(command);
  expect(await client.command(big)).toEqual({ code: 552, lines: ['5.2.2 Mailbox full'] });
  // Where one recipient has no room and another has, nothing is lost: the peer comes again, and the copy stays one.
  for (let i = 0; i < 2; i++) {
    await client.command('MAIL FROM:<a@peer.example>');
    await client.command('RCPT TO:<anna@example.test>');
    await client.command('RCPT TO:<bert@example.test>');
    await client.command('DATA');
    const reply = await client.command(`Message-ID: <big@peer.example>\r\n${big}`);
    expect(reply).toEqual({ code: 452, lines: ['4.2.2 A mailbox is full, try again later'] });
  }
  const copies = (await smtp.inbox(smtp.bert)).filter((message) => message.includes('Subject: big'));
  expect(copies).toHaveLength(1);
});

test('8BITMIME: eight-bit content arrives as it was sent', async () => {
  const client = await open(smtp.mx);
  expect((await client.command('MAIL FROM:<a@peer.example> BODY=8BITMIME')).code).toBe(250);
  await client.command('RCPT TO:<bert@example.test>');
  await client.command('DATA');
  client.wire.send(Buffer.from('Subject: 8bit\r\n\r\n\xe4\xf6\xfc \x80\xff\r\n.\r\n', 'latin1'));
  expect((await client.reply()).code).toBe(250);
  expect((await smtp.inbox(smtp.bert)).at(-1)?.endsWith('Subject: 8bit\r\n\r\n\xe4\xf6\xfc \x80\xff\r\n')).toBe(true);
});

test('SMTPUTF8: addresses and headers in UTF-8 are taken with it, addresses refused without', async () => {
  const { directory } = smtp.store;
  await directory.addDomain('bücher.test');
  await directory.addAlias('jörg@bücher.test', ['bert@example.test']);
  const client = await open(smtp.mx);
  expect(await client.command('MAIL FROM:<zoë@peer.example>')).toMatchObject({ code: 553 });
  await client.command('MAIL FROM:<a@peer.example>');
  expect(await client.command('RCPT TO:<jörg@bücher.test>')).toMatchObject({ code: 553 });
  await client.command('RSET');
  expect((await client.command('MAIL FROM:<zoë@peer.example> SMTPUTF8')).code).toBe(250);
  expect((await client.command('RCPT TO:<jörg@bücher.test>')).code).toBe(250);
  await client.command('DATA');
  expect((await client.command('Subject: Grüße\r\n\r\nx\r\n.')).code).toBe(250);
  const message = Buffer.from((await smtp.inbox(smtp.bert)).at(-1) ?? '', 'latin1').toString('utf8');
  expect(message).toContain('Return-Path: <zoë@peer.example>');
  expect(message).toContain('with UTF8SMTP id');
  expect(message).toContain('Subject: Grüße');
});

test('ENHANCEDSTATUSCODES: every reply but the greeting, EHLO and 3xx has one of its own class', async () => {
  const client = await open(smtp.mx);
  const commands = [
    'NOOP',
    'RSET',
    'HELP',
    'VRFY a',
    'EXPN a',
    'NONSENSE',
    'DATA',
    'RCPT TO:<a@b.example>',
    'MAIL',
    'MAIL FROM:<>',
    'QUIT',
  ];
  for (const command of commands) {
    const { code, lines } = await client.command(command);
    expect(lines[0]).toMatch(new RegExp(`^${Math.floor(code / 100)}\\.\\d{1,3}\\.\\d{1,3} \\S`));
  }
});

test('STARTTLS: the session starts anew under TLS, with our certificate, and mail says so', async () => {
  const client = await open(smtp.mx);
  await client.command('MAIL FROM:<a@peer.example>');
  expect(await client.command('STARTTLS')).toEqual({ code: 220, lines: ['2.0.0 Ready to start TLS'] });
  client.wire = await client.wire.secured();
  expect(await client.command('MAIL FROM:<a@peer.example>')).toEqual({ code: 503, lines: ['5.5.1 Send EHLO first'] });
  await client.command('EHLO peer.example');
  expect(await client.command('STARTTLS')).toEqual({ code: 503, lines: ['5.5.1 TLS is active already'] });
  for (const command of ['MAIL FROM:<a@peer.example>', 'RCPT TO:<bert@example.test>', 'DATA'])
    await client.command(command);
  expect((await client.command('Subject: tls\r\n.')).code).toBe(250);
  const message = (await smtp.inbox(smtp.bert)).at(-1);
  expect(message).toMatch(
    /\r\n\t\(using TLSv1\.3 with cipher TLS_[A-Z0-9_]+\)\r\n\tby mail\.example\.test with ESMTPS id /,
  );
});

test('STARTTLS: the certificate is ours, and older versions than TLS 1.2 are refused', async () => {
  const upgrade = async (maxVersion: 'TLSv1.1' | 'TLSv1.2') => {
    const client = await open(smtp.mx);
    await client.command('STARTTLS');
    client.wire.socket.removeAllListeners('data');
    const options = { socket: client.wire.socket, rejectUnauthorized: false, minVersion: 'TLSv1' as const, maxVersion };
    const socket = tlsConnect({ ...options, ciphers: 'DEFAULT@SECLEVEL=0' });
    return new Promise<string>((resolve) => {
      socket.once('secureConnect', () => resolve(`${socket.getProtocol()} ${socket.getPeerCertificate().subject?.CN}`));
      socket.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    });
  };
  expect(await upgrade('TLSv1.2')).toBe('TLSv1.2 mail.example.test');
  expect(await upgrade('TLSv1.1')).toMatch(/ERR_SSL|ECONNRESET/);
});

test('STARTTLS: what is injected behind it in plain text is never run', async () => {
  for (const injected of ['RSET\r\n', 'MAIL FROM:<evil@peer.example>\r\n', 'EHLO evil.example\r\n'.repeat(300)]) {
    const client = await open(smtp.mx);
    client.wire.send(`STARTTLS\r\n${injected}`);
    await client.expect(220);
    client.wire = await client.wire.secured();
    client.wire.send('NOOP\r\n');
    expect(await client.reply()).toEqual({ code: 250, lines: ['2.0.0 OK'] });
    expect(await client.command('MAIL FROM:<a@peer.example>')).toMatchObject({ code: 503 }); // no EHLO was heard
    client.wire.destroy();
  }
});

test('STARTTLS: a peer that then speaks no TLS is cut off, and the server lives on', async () => {
  const client = await open(smtp.mx);
  await client.command('STARTTLS');
  client.wire.send('EHLO peer.example\r\nMAIL FROM:<a@peer.example>\r\n');
  await client.wire.closed();
  expect((await (await open(smtp.mx)).command('NOOP')).code).toBe(250);
});

test('AUTH: nothing without TLS, in no disguise', async () => {
  const client = await open(smtp.submission);
  expect(await client.command(`AUTH PLAIN ${plain('anna', PASSWORD)}`)).toEqual({
    code: 538,
    lines: ['5.7.11 Log in over TLS only'],
  });
  expect(await client.command('MAIL FROM:<anna@example.test>')).toEqual({
    code: 530,
    lines: ['5.7.0 Issue STARTTLS first'],
  });
});

test('AUTH: PLAIN with an initial response, without one, with two spaces', async () => {
  const initial = await open(smtp.submissions, { secure: true });
  expect(await initial.command(`AUTH PLAIN ${plain('anna', PASSWORD)}`)).toEqual({
    code: 235,
    lines: ['2.7.0 Authentication succeeded'],
  });
  const asked = await open(smtp.submissions, { secure: true });
  expect(await asked.command('AUTH plain')).toEqual({ code: 334, lines: [''] });
  expect((await asked.command(plain('anna@example.test', PASSWORD))).code).toBe(235);
  const spaced = await open(smtp.submissions, { secure: true });
  expect((await spaced.command(`AUTH  PLAIN  ${plain('example.test\\anna', PASSWORD)} `)).code).toBe(235);
});

test('AUTH: LOGIN with its prompts, and with the name in the first line (F218)', async () => {
  const asked = await open(smtp.submissions, { secure: true });
  expect(await asked.command('AUTH LOGIN')).toEqual({ code: 334, lines: [base64('Username:')] });
  expect(await asked.command(base64('anna'))).toEqual({ code: 334, lines: [base64('Password:')] });
  expect((await asked.command(base64(PASSWORD))).code).toBe(235);
  const initial = await open(smtp.submissions, { secure: true });
  expect(await initial.command(`AUTH LOGIN ${base64('anna')}`)).toEqual({ code: 334, lines: [base64('Password:')] });
  expect((await initial.command(base64(PASSWORD))).code).toBe(235);
});

test('AUTH: what goes wrong is told apart', async () => {
  const client = await open(smtp.submissions, { secure: true });
  const answers: [string, number, string][] = [
    ['AUTH', 501, '5.5.4'],
    ['AUTH PLAIN a b', 501, '5.5.4'],
    ['AUTH CRAM-MD5', 504, '5.5.4'],
    ['AUTH PLAIN !!!', 501, '5.5.2'],
    ['AUTH PLAIN =', 501, '5.5.2'],
  ];
  for (const [line, code, enhanced] of answers) {
    const reply = await client.command(line);
    expect([line, reply.code, reply.lines[0]?.split(' ')[0]]).toEqual([line, code, enhanced]);
  }
  await client.command('AUTH LOGIN');
  expect(await client.command('*')).toEqual({ code: 501, lines: ['5.7.0 Authentication cancelled'] });
  await client.command('AUTH PLAIN');
  expect(await client.command('x'.repeat(20_000))).toEqual({
    code: 500,
    lines: ['5.5.6 Authentication line too long'],
  });
  expect((await client.command('NOOP')).code).toBe(250);
});

test('AUTH: once, and not in a transaction', async () => {
  const client = await open(smtp.submissions, { secure: true });
  expect(await client.command('MAIL FROM:<anna@example.test>')).toEqual({ code: 530, lines: ['5.7.0 Log in first'] });
  await client.command(`AUTH PLAIN ${plain('anna', PASSWORD)}`);
  expect(await client.command(`AUTH PLAIN ${plain('bert', PASSWORD)}`)).toMatchObject({ code: 503 });
  expect((await client.command('MAIL FROM:<anna@example.test> AUTH=<>')).code).toBe(250);
});
