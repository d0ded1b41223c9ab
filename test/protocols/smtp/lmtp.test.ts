// The LMTP listener (RFC 2033) over a socket: for an operator's own MTA in front.
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { type SmtpServers, startSmtp } from '#test/support/smtp-server.ts';
import { SmtpWire } from '#test/support/wire.ts';

let smtp: SmtpServers;
let client: SmtpWire;

beforeAll(async () => {
  smtp = await startSmtp({ messageSize: 100_000, quota: 20_000 });
  await smtp.store.directory.addAlias('sales@example.test', ['anna@example.test', 'bert@example.test']);
});

afterAll(() => smtp[Symbol.asyncDispose]());

beforeEach(async () => {
  client = await SmtpWire.open(smtp.lmtp);
  await client.command('LHLO mta.example');
  return () => client.wire.destroy();
});

const said = ({ code, lines }: { code: number; lines: readonly string[] }) => `${code} ${lines.join('|')}`;
const say = async (line: string) => said(await client.command(line));
/** The replies to the end of a message for so many recipients. */
async function send(recipients: readonly string[], message: string): Promise<string[]> {
  await say('MAIL FROM:<a@peer.example>');
  for (const recipient of recipients) expect(await say(`RCPT TO:<${recipient}>`)).toMatch(/^250/);
  await say('DATA');
  client.wire.send(`${message}\r\n.\r\n`);
  const replies: string[] = [];
  while (replies.length < recipients.length) replies.push(said(await client.reply()));
  expect(await say('NOOP')).toBe('250 2.0.0 OK'); // nothing more was said
  return replies;
}

test('it greets as LMTP, wants LHLO, and offers neither AUTH nor anything that it does not do', async () => {
  const fresh = await SmtpWire.open(smtp.lmtp);
  for (const verb of ['EHLO', 'HELO']) {
    expect((await fresh.command(`${verb} mta.example`)).lines).toEqual(['5.5.1 This is LMTP: say LHLO']);
  }
  const { lines } = await fresh.command('LHLO mta.example');
  expect(lines).toContain('PIPELINING');
  expect(lines).toContain('ENHANCEDSTATUSCODES');
  expect(lines.join()).not.toContain('AUTH');
  expect((await fresh.command('AUTH PLAIN AGEAYg==')).code).toBe(502);
  const mx = await SmtpWire.open(smtp.mx);
  expect((await mx.command('LHLO mta.example')).code).toBe(500);
  for (const wire of [fresh.wire, mx.wire]) wire.destroy();
});

test('each recipient has a reply of its own, in order', async () => {
  const big = `Subject: big\r\n\r\n${`${'x'.repeat(98)}\r\n`.repeat(300)}`;
  expect(await send(['bert@example.test', 'anna@example.test', 'bert@example.test'], big)).toEqual([
    '250 2.6.0 Message accepted',
    '552 5.2.2 Mailbox full',
    '250 2.6.0 Message accepted',
  ]);
  expect(await smtp.inbox(smtp.bert)).toHaveLength(1);
  expect(await send(['sales@example.test', 'bert@example.test'], `${big}again`)).toEqual([
    '452 4.2.2 A mailbox is full, try again later',
    '250 2.6.0 Message accepted',
  ]);
});

test('what is refused as a whole is told to each', async () => {
  const replies = await send(['anna@example.test', 'bert@example.test'], `${'x'.repeat(998)}\r\n`.repeat(101));
  expect(replies).toEqual(Array(2).fill('552 5.3.4 Message too large'));
  expect(await say('MAIL FROM:<>')).toMatch(/^250/);
  expect(await say('DATA')).toBe('503 5.5.1 Send RCPT first');
  expect(await say('RCPT TO:<nobody@example.test>')).toMatch(/^550 5\.1\.1/);
  expect(await say('RCPT TO:<a@elsewhere.example>')).toMatch(/^550 5\.7\.1/);
});

test('by BDAT too, and what an MTA lets through is repaired', async () => {
  for (const line of ['MAIL FROM:<>', 'RCPT TO:<anna@example.test>', 'RCPT TO:<bert@example.test>']) await say(line);
  client.wire.send('BDAT 14 LAST\r\nSubject: x\n\na\0');
  expect([said(await client.reply()), said(await client.reply())]).toEqual(Array(2).fill('250 2.6.0 Message accepted'));
  const arrived = (await smtp.inbox(smtp.anna)).at(-1) ?? '';
  expect(arrived).toMatch(/with LMTP id/);
  expect(arrived).toMatch(/\r\nSubject: x\r\n\r\na$/);
});

test('the MTA in front is not held to the patience for strangers', async () => {
  await say('MAIL FROM:<>');
  for (let i = 0; i < 9; i++) expect(await say(`RCPT TO:<x${i}@example.test>`)).toMatch(/^550/);
  expect(smtp.conduct.of('127.0.0.1').count('unknown-recipient')).toBe(0);
});
