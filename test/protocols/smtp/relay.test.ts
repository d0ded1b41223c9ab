// No trick makes anybody's mail leave through us: each is tried on every listener.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { PASSWORD, type SmtpServers, startSmtp } from '#test/support/smtp-server.ts';
import { SmtpWire } from '#test/support/wire.ts';

let smtp: SmtpServers;

beforeAll(async () => {
  smtp = await startSmtp({
    limits: {
      refusedRecipients: 1_000,
      refusedRecipientsOfUser: 1_000,
      errors: 1_000,
      anonymousCommands: 1_000,
      idleCommands: 1_000,
    },
  });
});

afterAll(() => smtp[Symbol.asyncDispose]());

/** Ours, somebody else's, nobody's, and the null sender. */
const SENDERS = ['anna@example.test', 'victim@elsewhere.example', '', 'postmaster@example.test', 'a@[127.0.0.1]'];
const TRICKS = [
  'a@elsewhere.example',
  'a%elsewhere.example@example.test',
  'a%elsewhere.example',
  '@example.test:a@elsewhere.example',
  '@example.test,@elsewhere.example:a@elsewhere.example',
  'elsewhere.example!a',
  'elsewhere.example!a@example.test',
  'example.test!elsewhere.example!a',
  '"a@elsewhere.example"',
  '"a@elsewhere.example"@example.test',
  '"a%elsewhere.example"@example.test',
  '"elsewhere.example!a"@example.test',
  'a@elsewhere.example@example.test',
  'a@example.test@elsewhere.example',
  'a@[127.0.0.1]',
  'anna@[127.0.0.1]',
  'a%elsewhere.example@[127.0.0.1]',
  'anna@[IPv6:::1]',
  'a@elsewhere.example.',
  'a@mail.example.test',
  'anna@example.test.elsewhere.example',
  'anna@example.test,a@elsewhere.example',
  'anna@example.test> <a@elsewhere.example',
  'a@elsewhere.example>,<anna@example.test',
  '"anna@example.test" <a@elsewhere.example',
];

describe.each(['mx', 'lmtp', 'submission', 'submissions'] as const)('%s', (listener) => {
  test.each(SENDERS)('from <%s> takes no trick', async (sender) => {
    const client = await SmtpWire.open(smtp[listener], { secure: listener === 'submissions' });
    await client.command(`${listener === 'lmtp' ? 'LHLO' : 'EHLO'} peer.example`);
    for (const trick of TRICKS) {
      await client.command(`MAIL FROM:<${sender}>`);
      const { code, lines } = await client.command(`RCPT TO:<${trick}>`);
      expect([trick, code, lines.join()]).toEqual([trick, expect.toSatisfy((c) => c >= 500), expect.any(String)]);
      expect((await client.command('DATA')).code).toBe(503);
      await client.command('RSET');
    }
    client.wire.destroy();
  });
});

test.each(['mx', 'lmtp', 'submission', 'submissions'] as const)('%s takes no orders from XCLIENT', async (listener) => {
  const client = await SmtpWire.open(smtp[listener], { secure: listener === 'submissions' });
  const hello = `${listener === 'lmtp' ? 'LHLO' : 'EHLO'} peer.example`;
  const { lines } = await client.command(hello);
  expect(lines.join()).not.toMatch(/XCLIENT|XFORWARD/);
  for (const order of [
    'XCLIENT ADDR=127.0.0.1 LOGIN=anna@example.test',
    'XCLIENT NAME=mail.example.test ADDR=127.0.0.1 PROTO=ESMTP',
    'XFORWARD ADDR=127.0.0.1 SOURCE=LOCAL',
  ]) {
    expect([order, (await client.command(order)).code]).toEqual([order, expect.toSatisfy((code) => code >= 500)]);
  }
  await client.command(hello);
  await client.command('MAIL FROM:<anna@example.test>');
  expect((await client.command('RCPT TO:<a@elsewhere.example>')).code).toBeGreaterThanOrEqual(500);
  client.wire.destroy();
});

test('no header of a message that comes in makes it leave', async () => {
  const before = await smtp.store.queue.totals();
  for (const listener of ['mx', 'lmtp'] as const) {
    const client = await SmtpWire.open(smtp[listener]);
    await client.command(`${listener === 'lmtp' ? 'LHLO' : 'EHLO'} peer.example`);
    await client.command('MAIL FROM:<anna@example.test>');
    await client.command('RCPT TO:<bert@example.test>');
    await client.command('DATA');
    const names = [
      'To',
      'Cc',
      'Bcc',
      'Resent-To',
      'Resent-Bcc',
      'Apparently-To',
      'X-Forward-To',
      'Disposition-Notification-To',
    ];
    const header = names.map((name) => `${name}: a@elsewhere.example\r\n`).join('');
    client.wire.send(
      `From: anna@example.test\r\n${header}Return-Receipt-To: a@elsewhere.example\r\n\r\n${listener}\r\n.\r\n`,
    );
    expect((await client.reply()).code).toBe(250);
    client.wire.destroy();
  }
  expect(await smtp.inbox(smtp.bert)).toHaveLength(2);
  expect(await smtp.store.queue.totals()).toEqual(before);
});

test('the addresses that are ours in disguise stay here, for those who are logged in too', async () => {
  const client = await SmtpWire.open(smtp.submission);
  await client.command('EHLO peer.example');
  await client.command(`AUTH PLAIN ${Buffer.from(`\0anna\0${PASSWORD}`).toString('base64')}`);
  await client.command('MAIL FROM:<anna@example.test>');
  for (const trick of TRICKS.filter((address) => address.endsWith('@example.test'))) {
    expect([trick, (await client.command(`RCPT TO:<${trick}>`)).code]).toEqual([
      trick,
      expect.toSatisfy((c) => c >= 500),
    ]);
  }
  client.wire.destroy();
});
