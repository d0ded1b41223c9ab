// A thousand peers that each begin a large message and then hardly go on: the memory that they take has a bound, and
// everybody else's mail is taken meanwhile.
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { STAGING } from '#storage/blobs/limits.ts';
import { type TemporaryFolder, temporaryFolder } from '#test/support/folder.ts';
import { Installation, type Running } from '#test/support/installation.ts';
import { ImapWire, SmtpWire } from '#test/support/wire.ts';

const SENDERS = 1000;
const MEGABYTE = 1024 * 1024;
/** What they send before they stop, more than stays in memory as a small message. */
const BEGUN = 700 * 1024;
/** The whole budget, and for each sender what its socket was read ahead. Without the budget 1,000 took 361 MB. */
const ALLOWED = (STAGING.smallKib + STAGING.largeKib) * 1024 + SENDERS * 128 * 1024;
const PASSWORD = 'correct horse';

let folder: TemporaryFolder;
let running: Running;

beforeAll(async () => {
  folder = await temporaryFolder();
  const program = new Installation({ folder: folder.path, threads: 2, listen: { smtp: 0, imap: 0 } });
  await program.populate(['anna', 'bert'], PASSWORD);
  running = await program.serve();
});

afterAll(async () => {
  await running.stop();
  await folder[Symbol.asyncDispose]();
});

function resident(): number {
  const status = readFileSync(`/proc/${running.pid}/status`, 'utf8');
  const of = (name: string) => Number(new RegExp(`${name}:\\s+(\\d+) kB`).exec(status)?.[1] ?? 0) * 1024;
  return of('RssAnon') + of('RssShmem') + of('VmSwap');
}

async function begin(recipient: string): Promise<SmtpWire> {
  const client = await SmtpWire.open(running.port('smtp'));
  for (const line of ['EHLO client.test', 'MAIL FROM:<a@elsewhere.test>', `RCPT TO:<${recipient}@example.test>`]) {
    expect((await client.command(line)).code).toBe(250);
  }
  expect((await client.command('DATA')).code).toBe(354);
  return client;
}

test(`${SENDERS} slow senders of large messages take no more memory than the budget`, async () => {
  const warm = await begin('bert');
  warm.wire.send(`Subject: warm\r\n\r\n${`${'x'.repeat(76)}\r\n`.repeat(20_000)}.\r\n`);
  await warm.expect(250);
  warm.wire.destroy();
  const before = resident();
  let most = before;
  const watch = setInterval(() => {
    most = Math.max(most, resident());
  }, 20);
  const piece = Buffer.from(`Subject: slow\r\n\r\n${`${'y'.repeat(76)}\r\n`.repeat(Math.ceil(BEGUN / 78))}`);
  const slow: SmtpWire[] = [];
  for (let number = 0; number < SENDERS; number++) {
    const client = await begin('bert');
    client.wire.send(piece);
    slow.push(client);
  }
  // They all have their share, or wait for one, or have been told off: and small mail is taken as ever.
  const started = performance.now();
  const user = await ImapWire.open(running.port('imap'));
  await user.login('anna@example.test', PASSWORD);
  for (let number = 1; number <= 20; number++) {
    const client = await begin('anna');
    client.wire.send(`Subject: small ${number}\r\n\r\nsmall\r\n.\r\n`);
    await client.expect(250);
    client.wire.destroy();
    await user.ok('APPEND INBOX', Buffer.from(`Subject: appended ${number}\r\n\r\nsmall\r\n`));
  }
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  // A large message finds no place at first, and has one when the slow senders have been told off.
  const large = await begin('anna');
  large.wire.send(`Subject: large\r\n\r\n${`${'z'.repeat(76)}\r\n`.repeat(20_000)}.\r\n`);
  expect([250, 452]).toContain((await large.reply()).code);
  clearInterval(watch);
  const grown = most - before;
  console.log(
    `memory: ${SENDERS} slow senders: +${Math.round(grown / MEGABYTE)} MB; 40 small messages in ${seconds} s`,
  );
  expect(grown).toBeLessThan(ALLOWED);
  for (const client of slow) client.wire.destroy();
  const again = await begin('anna');
  again.wire.send(`Subject: again\r\n\r\n${`${'z'.repeat(76)}\r\n`.repeat(20_000)}.\r\n`);
  await again.expect(250);
  for (const client of [large, again]) client.wire.destroy();
  user.wire.destroy();
});
