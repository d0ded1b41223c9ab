// More messages at once than the server has memory for, over sockets: large ones wait, are told to come again, and never
// keep small ones out.
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import type { BudgetLimits } from '#storage/blobs/budget.ts';
import { LARGE_STAGED_BYTES, STAGING } from '#storage/blobs/limits.ts';
import { type ImapServer, message, startImap } from '#test/support/imap-server.ts';
import { startSmtp } from '#test/support/smtp-server.ts';
import { type ImapWire, SmtpWire } from '#test/support/wire.ts';

/** Room for one large message. */
const ONE: BudgetLimits = { ...STAGING, largeKib: LARGE_STAGED_BYTES / 1024, waitMs: 300 };
/** Nobody stalls while the test looks on. */
const PATIENT: BudgetLimits = { ...ONE, waitMs: 60_000 };
/** Who brings nothing for a tenth of a second has stalled. */
const STRICT: BudgetLimits = { ...PATIENT, stallPeriodMs: 25, stalls: 4 };

const HEADER = 'From: a@elsewhere.test\r\nTo: anna@example.test\r\nSubject: large\r\n\r\n';
const LINE = `${'x'.repeat(76)}\r\n`;
/** More than stays in memory. */
const LARGE = `${HEADER}${LINE.repeat(2_000)}`;
const SMALL = `${HEADER}small\r\n`;

/** Large messages that are coming in, each with a file and memory of its own. */
async function staged(folder: string): Promise<number> {
  return (await readdir(join(folder, 'staging'))).length;
}

/** Waits until one large message has taken its memory. */
async function holding(folder: string): Promise<void> {
  await expect.poll(() => staged(folder)).toBe(1);
}

/** A transaction up to the 354. */
async function sender(port: number): Promise<SmtpWire> {
  const client = await SmtpWire.open(port);
  for (const line of ['EHLO client.test', 'MAIL FROM:<a@elsewhere.test>', 'RCPT TO:<anna@example.test>']) {
    expect((await client.command(line)).code).toBe(250);
  }
  expect((await client.command('DATA')).code).toBe(354);
  return client;
}

test('SMTP: a large message that finds no memory waits, and goes on when another has ended', async () => {
  await using smtp = await startSmtp({ staging: PATIENT });
  const [slow, waiting] = [await sender(smtp.mx), await sender(smtp.mx)];
  slow.wire.send(LARGE);
  await holding(smtp.folder);
  waiting.wire.send(`${LARGE}.\r\n`);
  const small = await sender(smtp.mx);
  small.wire.send(`${SMALL}.\r\n`);
  await small.expect(250);
  slow.wire.send('.\r\n');
  await slow.expect(250);
  await waiting.expect(250);
  expect((await smtp.inbox(smtp.anna)).map((text) => text.endsWith(LINE))).toEqual([false, true, true]);
  for (const client of [slow, waiting, small]) client.wire.destroy();
});

test('SMTP: who has waited too long is told 452 4.3.1 at the end, and can send in the same session', async () => {
  await using smtp = await startSmtp({ staging: ONE });
  const [slow, waiting] = [await sender(smtp.mx), await sender(smtp.mx)];
  slow.wire.send(LARGE);
  await holding(smtp.folder);
  waiting.wire.send(`${LARGE}${LARGE}.\r\n`);
  const refused = await waiting.reply();
  expect(refused).toMatchObject({ code: 452 });
  expect(refused.lines.join()).toMatch(/^4\.3\.1 /);
  slow.wire.destroy();
  await expect.poll(() => staged(smtp.folder)).toBe(0);
  for (const line of ['MAIL FROM:<a@elsewhere.test>', 'RCPT TO:<anna@example.test>']) {
    expect((await waiting.command(line)).code).toBe(250);
  }
  expect((await waiting.command('DATA')).code).toBe(354);
  waiting.wire.send(`${LARGE}.\r\n`);
  await waiting.expect(250);
  expect(await smtp.inbox(smtp.anna)).toHaveLength(1);
  waiting.wire.destroy();
});

test('SMTP: a sender that has stalled loses its place to one that waits, and is told when it goes on', async () => {
  await using smtp = await startSmtp({ staging: STRICT });
  const [slow, waiting] = [await sender(smtp.mx), await sender(smtp.mx)];
  slow.wire.send(LARGE);
  await holding(smtp.folder);
  waiting.wire.send(`${LARGE}.\r\n`);
  await waiting.expect(250);
  slow.wire.send(`${LARGE}.\r\n`);
  expect((await slow.reply()).code).toBe(452);
  expect(await smtp.inbox(smtp.anna)).toHaveLength(1);
  for (const client of [slow, waiting]) client.wire.destroy();
});

test('IMAP: an APPEND that has waited too long is UNAVAILABLE, its literal is read, and the next works', async () => {
  await using imap = await startImap({ staging: ONE });
  const [slow, waiting] = [await imap.login(), await imap.login()];
  const large = message('large', LINE.repeat(2_000));
  await begin(imap, slow, large);
  expect(await waiting.command('APPEND INBOX', large)).toMatchObject({
    status: 'NO',
    text: '[UNAVAILABLE] Too busy now, try again',
  });
  await waiting.ok('APPEND INBOX', message('small'));
  slow.wire.send(large.subarray(-10));
  slow.wire.send('\r\n');
  expect((await slow.result('slow')).status).toBe('OK');
  await waiting.ok('APPEND INBOX', large);
});

test('IMAP: an APPEND that was cut gives its memory to the one that waits', async () => {
  await using imap = await startImap({ staging: PATIENT });
  const [slow, waiting] = [await imap.login(), await imap.login()];
  const large = message('large', LINE.repeat(2_000));
  await begin(imap, slow, large);
  const appended = waiting.ok('APPEND INBOX', large);
  await sleep(100);
  slow.wire.destroy();
  await appended;
});

/** Sends all but the last ten bytes of a message. */
async function begin(imap: ImapServer, client: ImapWire, text: Buffer): Promise<void> {
  client.wire.send(`slow APPEND INBOX {${text.length}+}\r\n`);
  client.wire.send(text.subarray(0, -10));
  await holding(imap.folder);
}
