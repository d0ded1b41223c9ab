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
