// Submission over a socket: who may send as what, what is repaired, and where it goes. nodemailer is the client that
// knows nothing of us.
import { simpleParser } from 'mailparser';
import nodemailer from 'nodemailer';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { encodeField } from '#src/outbound/eight-bit.ts';
import { bindingOf, ScramClient } from '#test/support/scram-client.ts';
import { PASSWORD, type SmtpServers, startSmtp } from '#test/support/smtp-server.ts';
import { SmtpWire } from '#test/support/wire.ts';

let smtp: SmtpServers;

beforeAll(async () => {
  smtp = await startSmtp();
  const { directory } = smtp.store;
  await directory.addAlias('info@example.test', ['anna@example.test']);
});

afterAll(() => smtp[Symbol.asyncDispose]());

/** A client that has logged in as anna. */
async function login(port = smtp.submission): Promise<SmtpWire> {
  const client = await SmtpWire.open(port);
  await client.command('EHLO [192.168.0.7]');
  const credentials = Buffer.from(`\0anna\0${PASSWORD}`).toString('base64');
  expect((await client.command(`AUTH PLAIN ${credentials}`)).code).toBe(235);
  return client;
}

interface Mail {
  readonly sender?: string;
  readonly recipients?: readonly string[];
  /** With `latin1` a character of it is an octet. */
  readonly message: string;
  readonly latin1?: boolean;
}

/** A whole transaction; the reply to its end, and what then lies last in bert's INBOX. */
async function send(
  client: SmtpWire,
  { sender = 'anna@example.test', recipients = ['bert@example.test'], message, latin1 = false }: Mail,
) {
  expect(await client.command(`MAIL FROM:<${sender}>`)).toMatchObject({ code: 250 });
  for (const recipient of recipients)
    expect(await client.command(`RCPT TO:<${recipient}>`)).toMatchObject({ code: 250 });
  await client.command('DATA');
  client.wire.send(Buffer.from(`${message}\r\n.\r\n`, latin1 ? 'latin1' : 'utf8'));
  const { code, lines } = await client.reply();
  return { reply: `${code} ${lines[0]}`, arrived: (await smtp.inbox(smtp.bert)).at(-1) ?? '' };
}

describe('nodemailer', () => {
  const message = {
    from: 'Anna <anna@example.test>',
    to: 'bert@example.test',
    bcc: 'info@example.test',
    subject: 'Grüße',
  };

  test.each([
    ['implicit TLS', () => ({ port: smtp.submissions, secure: true })],
    ['STARTTLS', () => ({ port: smtp.submission, requireTLS: true })],
  ])('sends over %s, and its mail is in the INBOX of each recipient', async (_name, options) => {
    const transport = nodemailer.createTransport({
      host: '127.0.0.1',
      auth: { user: 'anna', pass: PASSWORD },
      tls: { rejectUnauthorized: false },
      ...options(),
    });
    const before = (await smtp.inbox(smtp.anna)).length;
    const { accepted } = await transport.sendMail({
      ...message,
      text: '.dots\n..and\n.lines',
      attachments: [{ content: 'x'.repeat(200_000) }],
    });
    expect(accepted).toEqual(['bert@example.test', 'info@example.test']);
    const arrived = (await smtp.inbox(smtp.bert)).at(-1);
    expect(arrived).toMatch(/with ESMTPSA id/);
    expect(arrived).toContain('\r\n.dots\r\n..and\r\n.lines');
    expect(await smtp.inbox(smtp.anna)).toHaveLength(before + 1);
    transport.close();
  });

  test('is told of a wrong password', async () => {
    const transport = nodemailer.createTransport({
      ...{ host: '127.0.0.1', port: smtp.submissions, secure: true, tls: { rejectUnauthorized: false } },
      auth: { user: 'anna', pass: 'wrong' },
    });
    await expect(transport.sendMail({ ...message, text: 'x' })).rejects.toMatchObject({
      code: 'EAUTH',
      responseCode: 535,
    });
  });
});

describe('who may send as what (F16)', () => {
  test('nobody without a login', async () => {
    const client = await SmtpWire.open(smtp.submission);
    await client.command('EHLO peer.example');
    expect(await client.command('MAIL FROM:<anna@example.test>')).toEqual({ code: 530, lines: ['5.7.0 Log in first'] });
    expect((await client.command('RCPT TO:<bert@example.test>')).code).toBe(503);
    expect((await client.command('DATA')).code).toBe(503);
  });

  test.each([
    'anna@example.test',
    'Anna@EXAMPLE.test',
    'anna+shop@example.test',
    'info@example.test',
    'info+x@example.test',
  ])('anna as %s', async (sender) => {
    const client = await login();
    expect((await send(client, { sender, message: `From: <${sender}>\r\nSubject: x` })).reply).toMatch(/^250/);
  });

  test.each(['bert@example.test', 'nobody@example.test', 'anna@elsewhere.example', '"anna"@elsewhere.example'])(
    'but not as %s, and the refusal names it',
    async (sender) => {
      const client = await login();
      const refusal = {
        code: 550,
        lines: [
          `5.7.1 <${sender.replaceAll('"', '')}> is not an address of anna@example.test; make it an alias of the account to send as it, or allow it: posthuis account set anna@example.test send-as ${sender.replaceAll('"', '')}`,
        ],
      };
      expect(await client.command(`MAIL FROM:<${sender}>`)).toEqual(refusal);
      const { reply } = await send(client, { message: `From: <${sender}>\r\n` });
      expect(reply).toBe(`550 ${refusal.lines[0]}`);
    },
  );

  test.each([
    ['a second address in From', 'From: anna@example.test, bert@example.test'],
    ['a second From', 'From: anna@example.test\r\nfrom: bert@example.test'],
    ['Sender', 'From: anna@example.test\r\nSender: bert@example.test'],
    ['a group', 'From: us: anna@example.test, bert@example.test;'],
    ['an encoded name in front', 'From: =?utf-8?q?anna=40example=2Etest?= <bert@example.test>'],
    ['a folded line', 'From:\r\n "anna@example.test"\r\n <bert@example.test>'],
    ['a name without an address', 'From: "anna@example.test"'],
    ['nothing that is an address', 'From: (anna@example.test)'],
    [
      'more addresses than anybody has',
      `From: ${Array.from({ length: 101 }, (_, i) => `anna+${i}@example.test`).join(', ')}`,
    ],
  ])('not by %s either', async (_name, header) => {
    expect((await send(await login(), { message: `${header}\r\nSubject: x` })).reply).toMatch(/^550 5\.7\.1/);
  });

  test('a receipt with the null sender passes, with a From that is hers', async () => {
    const client = await login();
    const receipt = 'Content-Type: multipart/report; report-type=disposition-notification; boundary=x';
    const { reply, arrived } = await send(client, { sender: '', message: `From: anna@example.test\r\n${receipt}` });
    expect(reply).toMatch(/^250/);
    expect(arrived).toMatch(/^Return-Path: <>/);
    expect((await send(client, { sender: '', message: `From: bert@example.test\r\n${receipt}` })).reply).toMatch(
      /^550/,
    );
    const other = 'Content-Type: multipart/report; report-type=delivery-status; boundary=x';
    for (const message of ['From: anna@example.test\r\n', `From: anna@example.test\r\n${other}`]) {
      expect((await send(client, { sender: '', message })).reply).toBe(
        '550 5.7.1 The null sender is for receipts only',
      );
    }
  });
});

describe('where it goes', () => {
  test('to addresses here like any mail, and unknown ones are told at once', async () => {
    const client = await login();
    await client.command('MAIL FROM:<anna@example.test>');
    expect(await client.command('RCPT TO:<nobody@example.test>')).toMatchObject({
      code: 550,
      lines: [expect.stringMatching(/^5\.1\.1/)],
    });
    expect(await client.command('RCPT TO:<bert+x@example.test>')).toMatchObject({ code: 250 });
  });

  test('not to other domains where that is turned off, which is said plainly', async () => {
    await using inside = await startSmtp({ send: false });
    const client = await login(inside.submission);
    await client.command('MAIL FROM:<anna@example.test>');
    expect(await client.command('RCPT TO:<a@elsewhere.example>')).toEqual({
      code: 550,
      lines: ['5.7.1 <a@elsewhere.example> This server sends no mail to other domains'],
    });
  });

  test('a message that was delivered here once may be sent on: that is no loop', async () => {
    const message = 'Delivered-To: bert@example.test\r\nFrom: anna@example.test\r\nSubject: on';
    expect((await send(await login(), { message })).reply).toMatch(/^250/);
  });
});

describe('what office programs get wrong is repaired (F222)', () => {
  test('Date, Message-ID and From are added where they are missing or empty', async () => {
    const { reply, arrived } = await send(await login(), { message: 'Subject: bare\r\nDate:\r\n\r\nx' });
    expect(reply).toMatch(/^250/);
    expect(arrived).toMatch(/\r\nDate: \w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d \+0000\r\n/);
    expect(arrived).toMatch(/\r\nMessage-ID: <[\w-]{22}@mail\.example\.test>\r\n/);
    expect(arrived).toContain('\r\nFrom: <anna@example.test>\r\n');
    expect(arrived.match(/^Date:/gim)).toHaveLength(1);
    expect(arrived.endsWith('\r\nSubject: bare\r\n\r\nx\r\n')).toBe(true);
  });

  test('what is there stays as it is, byte for byte', async () => {
    const message =
      'DATE : Sun, 22 Nov 2026 07:28:00 +0000\r\nfrom: anna@example.test\r\nMessage-Id: <1@x>\r\nX: \t y  \r\n\r\nx ';
    const { arrived } = await send(await login(), { message });
    expect(arrived.endsWith(`\r\n${message}\r\n`)).toBe(true);
  });

  test('Bcc goes, folded or not, and nothing else (F1)', async () => {
    const message =
      'From: anna@example.test\r\nBcc: a@b.example,\r\n c@d.example\r\nX-Bcc: stays\r\nbCC : e@f.example\r\n\r\nBcc: in the text';
    const { arrived } = await send(await login(), { message });
    expect(arrived).not.toMatch(/@b\.example|@d\.example|@f\.example/);
    expect(arrived).toContain('X-Bcc: stays\r\n');
    expect(arrived).toContain('\r\n\r\nBcc: in the text');
  });

  test('bare LF and CR become CR LF, NUL goes, commands may end in LF', async () => {
    const client = await login();
    client.wire.send('MAIL FROM:<anna@example.test>\nRCPT TO:<bert@example.test>\nDATA\n');
    for (const code of [250, 250, 354]) await client.expect(code);
    client.wire.send('From: anna@example.test\nSubject: lf\n\na\rb\0c\n..d\n\r\n.\r\n');
    await client.expect(250);
    expect((await smtp.inbox(smtp.bert)).at(-1)).toMatch(/\r\nSubject: lf\r\n\r\na\r\nbc\r\n\.d\r\n\r\n$/);
  });

  test('no variant of the end of DATA smuggles a second message here either', async () => {
    for (const terminator of ['\n.\n', '\n.\r\n', '\r\n.\n', '\r.\r', '\r\n\0.\r\n', '\r\n.\r\r\n']) {
      const before = (await smtp.inbox(smtp.anna)).length;
      const second = `MAIL FROM:<anna@example.test>\r\nRCPT TO:<anna@example.test>\r\nDATA\r\nSubject: smuggled\r\n`;
      const { reply, arrived } = await send(await login(), {
        message: `From: anna@example.test\r\n\r\nx${terminator}${second}`,
      });
      expect(reply).toMatch(/^250/);
      expect(arrived).toContain('Subject: smuggled');
      expect(await smtp.inbox(smtp.anna)).toHaveLength(before);
    }
  });

  test('header lines over 998 octets are folded at their blanks, and read the same unfolded', async () => {
    const list = Array.from({ length: 200 }, (_, i) => `person${i}@example.test`).join(', ');
    const { arrived } = await send(await login(), { message: `From: anna@example.test\r\nTo: ${list}\r\n\r\nx` });
    const header = arrived.slice(0, arrived.indexOf('\r\n\r\n'));
    expect(Math.max(...header.split('\r\n').map((line) => line.length))).toBeLessThanOrEqual(998);
    expect(header.replace(/\r\n(?=[ \t])/g, '')).toContain(`To: ${list}`);
  });

  test.each([
    ['UTF-8', (text: string) => Buffer.from(text).toString('latin1'), 'utf-8'],
    ['windows-1252', (text: string) => text, 'windows-1252'],
  ])('eight-bit text of which nobody says what it is: %s', async (_name, raw, charset) => {
    const header = [
      'From: "Müller, Anna" <anna@example.test>',
      'To: Jörg Groß <bert@example.test>, bert@example.test (Käse)',
      'Subject: Rechnung für Größe 7 und Maß',
      'X-Plain: as it is',
    ].join('\r\n');
    const { reply, arrived } = await send(await login(), {
      message: raw(`${header}\r\n\r\nSchöne Grüße`),
      latin1: true,
    });
    expect(reply).toMatch(/^250/);
    const [block = '', body] = arrived.split('\r\n\r\n');
    expect(block).not.toMatch(/[\x80-\xff]/);
    expect(block).toContain(`\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=${charset}\r\n`);
    expect(block).toContain('\r\nContent-Transfer-Encoding: 8bit\r\n');
    expect(block).toContain('\r\nX-Plain: as it is');
    expect(body).toBe(raw('Schöne Grüße\r\n'));
    const parsed = await simpleParser(Buffer.from(arrived, 'latin1'));
    expect(parsed.subject).toBe('Rechnung für Größe 7 und Maß');
    expect(parsed.from?.value).toEqual([{ name: 'Müller, Anna', address: 'anna@example.test' }]);
    expect(parsed.text?.trim()).toBe('Schöne Grüße');
    expect([parsed.to].flat()[0]?.value[0]).toEqual({ name: 'Jörg Groß', address: 'bert@example.test' });
  });

  test('a long eight-bit subject is several words, and one that says what it is, or SMTPUTF8, stays', async () => {
    const subject = 'Ünglaublich länge Überschrift '.repeat(20).trim();
    const { arrived } = await send(await login(), {
      message: `From: anna@example.test\r\nSubject: ${subject}\r\n\r\nx`,
    });
    expect((await simpleParser(Buffer.from(arrived, 'latin1'))).subject).toBe(subject);
    expect(Math.max(...arrived.split('\r\n').map((line) => line.length))).toBeLessThan(100);
    expect(arrived).not.toContain('Content-Type');
    const message = 'From: anna@example.test\r\nContent-Type: text/plain; charset=iso-8859-2\r\n\r\n\xb1';
    const other = (await send(await login(), { message, latin1: true })).arrived;
    expect(other).toContain('MIME-Version: 1.0\r\nContent-Transfer-Encoding: 8bit\r\n');
    expect(other.match(/Content-Type/g)).toHaveLength(1);
    const client = await login();
    await client.command('MAIL FROM:<anna@example.test> SMTPUTF8 BODY=8BITMIME');
    await client.command('RCPT TO:<bert@example.test>');
    await client.command('DATA');
    client.wire.send('From: anna@example.test\r\nSubject: Grüße\r\n\r\nx\r\n.\r\n');
    await client.expect(250);
    expect((await smtp.inbox(smtp.bert)).at(-1)).toContain(Buffer.from('Subject: Grüße').toString('latin1'));
  });

  test('what is hard to take apart takes no longer, and keeps its letters', () => {
    for (const hostile of ['"', '<', '"\\"', ' ', '" <', '\\']) {
      const field = `To: \xe4${hostile.repeat(60_000)}\r\n`;
      const encoded = encodeField('to', field);
      expect(encoded).not.toMatch(/[\x80-\xff]/);
      expect(encoded.endsWith('\r\n')).toBe(true);
    }
    expect(encodeField('to', 'To: "\xe4\\" x" <a@example.test>\r\n')).toBe(
      'To: =?utf-8?B?w6QiIHg=?= <a@example.test>\r\n',
    );
  });

  test('a large message is repaired without being held in memory', async () => {
    const body = `${'x'.repeat(70)}\r\n`.repeat(20_000);
    const { arrived } = await send(await login(), { message: `Subject: large\r\nBcc: a@b.example\r\n\r\n${body}end` });
    expect(arrived.endsWith(`\r\nSubject: large\r\n\r\n${body}end\r\n`)).toBe(true);
  });
});

const base64 = (text: string) => Buffer.from(text).toString('base64');
const plain = (lines: readonly string[]) => Buffer.from(lines[0] ?? '', 'base64').toString('utf8');

/** Runs an exchange to its end; the last code, and whether the server has proven itself. */
async function exchange(client: SmtpWire, mechanism: string, scram: ScramClient) {
  const challenge = await client.command(`AUTH ${mechanism} ${base64(scram.first())}`);
  if (challenge.code !== 334) return { code: challenge.code, proven: false };
  const last = await client.command(base64(scram.final(plain(challenge.lines))));
  if (last.code !== 334) return { code: last.code, proven: false };
  const proven = scram.verifies(plain(last.lines));
  return { code: (await client.command('')).code, proven };
}

async function greeted(secure: boolean): Promise<SmtpWire> {
  const client = await SmtpWire.open(secure ? smtp.submissions : smtp.submission, { secure });
  await client.command('EHLO peer.test');
  return client;
}

test('AUTH: SCRAM-SHA-256 proves the password without sending it, once it has been seen', async () => {
  await login();
  const scram = new ScramClient({ user: 'anna', password: PASSWORD });
  expect(await exchange(await greeted(false), 'SCRAM-SHA-256', scram)).toEqual({ code: 235, proven: true });
});

test('AUTH: SCRAM-SHA-256-PLUS is bound to this TLS connection, in both ways, and refused on another', async () => {
  await login();
  const PLUS = 'SCRAM-SHA-256-PLUS';
  for (const type of ['tls-exporter', 'tls-server-end-point'] as const) {
    const client = await greeted(true);
    const binding = bindingOf(client.wire.socket, type);
    const scram = new ScramClient({ user: 'anna', password: PASSWORD, header: `p=${type},,`, binding });
    expect([type, await exchange(client, PLUS, scram)]).toEqual([type, { code: 235, proven: true }]);
  }
  const upgraded = await greeted(false);
  await upgraded.startTls();
  await upgraded.command('EHLO peer.test');
  const binding = bindingOf(upgraded.wire.socket, 'tls-exporter');
  const bound = { user: 'anna', password: PASSWORD, header: 'p=tls-exporter,,', binding };
  expect(await exchange(await greeted(true), PLUS, new ScramClient(bound))).toEqual({ code: 535, proven: false });
  expect(await exchange(upgraded, PLUS, new ScramClient(bound))).toEqual({ code: 235, proven: true });
  // Who could bind, and was told that we can't, was told so by somebody else.
  const told = new ScramClient({ user: 'anna', password: PASSWORD, header: 'y,,' });
  expect((await exchange(await greeted(true), 'SCRAM-SHA-256', told)).code).toBe(501);
  expect((await (await greeted(false)).command(`AUTH ${PLUS}`)).code).toBe(504);
});
