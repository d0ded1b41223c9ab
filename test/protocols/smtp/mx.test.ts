// The MX listener over a socket, with the real store behind it.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type SmtpServers, startSmtp } from '#test/support/smtp-server.ts';
import { SmtpWire } from '#test/support/wire.ts';

let smtp: SmtpServers;

beforeAll(async () => {
  smtp = await startSmtp();
});

afterAll(() => smtp[Symbol.asyncDispose]());

/** A client that has said EHLO. */
async function hello(port = smtp.mx): Promise<SmtpWire> {
  const client = await SmtpWire.open(port);
  await client.command('EHLO peer.example');
  return client;
}

test('a message that is handed in lies in the INBOX with our headers in front', async () => {
  const client = await hello();
  expect(await client.command('MAIL FROM:<sender@peer.example>')).toEqual({ code: 250, lines: ['2.1.0 Sender OK'] });
  expect(await client.command('RCPT TO:<anna@example.test>')).toEqual({ code: 250, lines: ['2.1.5 Recipient OK'] });
  expect((await client.command('DATA')).code).toBe(354);
  expect(await client.command('Subject: Hello\r\n\r\nBody\r\n..dot\r\n.')).toEqual({
    code: 250,
    lines: ['2.6.0 Message accepted'],
  });
  const [message] = await smtp.inbox(smtp.anna);
  expect(message).toMatch(
    /^Return-Path: <sender@peer.example>\r\nDelivered-To: anna@example.test\r\nReceived: from peer/,
  );
  expect(message?.endsWith('\r\nSubject: Hello\r\n\r\nBody\r\n.dot\r\n')).toBe(true);
  expect((await client.command('QUIT')).code).toBe(221);
  await client.wire.closed();
});
