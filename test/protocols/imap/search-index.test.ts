// SEARCH with the index, in the whole server: the same answers as without it, whatever is indexed already.
import { existsSync } from 'node:fs';
import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { pino } from 'pino';
import { expect, test } from 'vitest';
import { hashPassword } from '#src/auth/passwords.ts';
import { type RunningServer, startServer } from '#src/server.ts';
import type { MailAccount } from '#storage/ports.ts';
import { testConfig } from '#test/support/config.ts';
import { temporaryFolder } from '#test/support/folder.ts';
import { message } from '#test/support/imap-server.ts';
import { ImapWire } from '#test/support/wire.ts';

const PASSWORD = 'correct horse';
const MESSAGES = 130;

const MULTIPART = [
  ...['--x', 'Content-Type: text/plain; charset=utf-8', 'Content-Transfer-Encoding: base64', ''],
  ...[Buffer.from('Ein Wörtchen über Straßenbahnen').toString('base64'), '--x'],
  ...[
    'Content-Type: application/pdf; name="rechnung-4711.pdf"',
    'Content-Transfer-Encoding: base64',
    '',
    'AAAA',
    '--x--',
  ],
].join('\r\n');

/** Number 7 is HTML, 8 has parts, 9 a comment within an address. */
function mail(number: number): Buffer {
  if (number === 7) return message('seven', '<p>Hel<b>lo</b></p>', ['Content-Type: text/html']);
  if (number === 8) return message('eight', MULTIPART, ['Content-Type: multipart/mixed; boundary=x']);
  if (number === 9) return message('nine', 'body', ['Cc: carl (the one) @ (of) elsewhere.example']);
  return message(
    `number ${number}`,
    `Text of number${number}: needle${number % 10} in hay-stack, ${'é'.repeat(number % 3)}`,
  );
}

const SEARCHES = [
  ...['TEXT needle3', 'BODY needle3', 'TEXT "eedle"', 'TEXT "number 12"', 'SUBJECT "number 12"', 'FROM anna'],
  ...['BODY "hay-stack"', 'BODY "y-st"', 'BODY "number"', 'TEXT "number1"', 'NOT TEXT needle3', 'BODY é', 'BODY "e"'],
  ...['OR BODY needle1 SUBJECT eight', 'TEXT rechnung', 'BODY rechnung', 'BODY wörtchen', 'TEXT STRASSENBAHN'],
  ...['CC carl@elsewhere.example', 'HEADER Cc elsewhere', 'TEXT "<b>"', 'BODY absent', 'BODY ", "', 'BODY "x"'],
  ...[
    'FUZZY TEXT "wortchen strassenbahnen"',
    'FUZZY BODY "STACK needle4"',
    'FUZZY SUBJECT "12 number"',
    'FUZZY BODY e',
  ],
  ...['RETURN (ALL RELEVANCY) FUZZY TEXT "needle3 12"', 'RETURN (RELEVANCY) FUZZY TEXT number1', 'FUZZY CC elsewhere'],
  ...[
    'SUBJECT seven',
    'SUBJECT umber',
    'NOT SUBJECT "2"',
    'SUBJECT "r 12" BODY needle2',
    'HEADER subject SEVEN',
    'TO bert',
  ],
  ...[
    'SUBJECT number FROM anna BODY "needle3 in"',
    'OR SUBJECT seven CC carl',
    'FROM "@ex"',
    'CC "the one"',
    'FROM absent',
  ],
  ...['TEXT text/html BODY hel', 'BODY needle1 BODY needle2', 'UNSEEN BODY "needle4 in"', 'KEYWORD none TEXT needle1'],
];

async function answers(client: ImapWire): Promise<string[]> {
  const found: string[] = [];
  for (const keys of SEARCHES) {
    const literal = /[^\0-\x7f]/.test(keys);
    const { untagged } = literal
      ? await client.ok(`SEARCH CHARSET UTF-8 ${keys.split(' ')[0]}`, Buffer.from(keys.split(' ').slice(1).join(' ')))
      : await client.ok(`SEARCH ${keys}`);
    found.push(`${keys}: ${untagged.map(({ text }) => text.replace(/TAG "[^"]*"/, 'TAG')).join()}`);
  }
  return found;
}

/** Waits until the index has the account's last message. */
async function indexed(account: MailAccount, last: number): Promise<void> {
  const signal = AbortSignal.timeout(120_000);
  for (;;) {
    const found = await account.findText([{ where: 'text', text: 'needle3' }], signal);
    if (found !== null && found.upTo >= last) return expect(found.findings[0]?.sure.length).toBeGreaterThan(5);
    await sleep(20, undefined, { signal });
  }
}

async function start(data: string): Promise<RunningServer> {
  return await startServer(testConfig({ data, listen: ['imap'], threads: 2, indexAfter: 0 }), {
    log: pino({ level: 'silent' }),
    fatal: (error) => {
      throw error;
    },
  });
}

async function login(server: RunningServer): Promise<ImapWire> {
  const client = await ImapWire.open(server.addresses[0]?.port ?? 0);
  await client.login('anna@example.test', PASSWORD);
  return client;
}

/** The only one: an account without mail has none. */
async function searchFile(data: string): Promise<string> {
  const files = await readdir(join(data, 'accounts'), { recursive: true });
  const found = files.filter((name) => name.endsWith('search.db'));
  expect(found).toHaveLength(1);
  return join(data, 'accounts', found[0] ?? '');
}

test('searches find the same before a message is indexed, after it, and with an index that is damaged', async () => {
  await using folder = await temporaryFolder();
  let before: string[] = [];
  let id = '';
  {
    const server = await start(folder.path);
    try {
      await server.store.directory.addDomain('example.test');
      const passwordHash = await hashPassword(PASSWORD);
      const anna = { address: 'anna@example.test', passwordHash, quota: null };
      ({ id } = await server.store.directory.addAccount(anna));
      const empty = { address: 'bert@example.test', passwordHash, quota: null };
      await server.store.directory.addAccount(empty);
      const client = await login(server);
      for (let number = 1; number <= MESSAGES; number++) await client.ok('APPEND INBOX', mail(number));
      await client.ok('SELECT INBOX');
      // Whatever of them is indexed by now.
      before = await answers(client);
      const account = server.store.mail(id);
      const inbox = await account.mailboxByPath('INBOX');
      let last = 0;
      for await (const page of account.placements(inbox?.id ?? 0, [[1, MESSAGES]])) last = page.at(-1)?.message ?? last;
      await indexed(account, last);
      expect(await answers(client)).toEqual(before);
      // One that comes now is found at once, and one that goes is not.
      await client.ok('APPEND INBOX', message('late', 'needle3 comes late'));
      await client.ok('STORE 3 +FLAGS.SILENT (\\Deleted)');
      await client.ok('EXPUNGE');
      const { untagged } = await client.ok('SEARCH BODY needle3');
      expect(untagged.at(-1)?.text).toMatch(/^\* SEARCH 12 22 .* 130$/);
      client.wire.destroy();
    } finally {
      await server.stop();
    }
  }
  {
    // Nothing has been written since it began, so the first that searches starts the thread, and waits for it.
    const server = await start(folder.path);
    try {
      const account = server.store.mail(id);
      const found = await account.findText([{ where: 'text', text: 'needle3' }], AbortSignal.timeout(120_000));
      expect(found?.findings[0]?.sure.length).toBeGreaterThan(5);
      // One that is not wanted any more is dropped there too.
      const abort = new AbortController();
      const dropped = account.findText([{ where: 'text', text: 'needle3' }], abort.signal);
      abort.abort(new Error('the client is gone'));
      await expect(dropped).rejects.toThrow('the client is gone');
    } finally {
      await server.stop();
    }
  }
  const path = await searchFile(folder.path);
  expect(existsSync(path)).toBe(true);
  await writeFile(path, 'no database any more'.repeat(5_000));
  const server = await start(folder.path);
  try {
    const client = await login(server);
    await client.ok('SELECT INBOX');
    const { untagged } = await client.ok('SEARCH NOT 130 BODY needle3');
    expect(untagged.at(-1)?.text).toMatch(/^\* SEARCH 12 22 .* 122$/);
    client.wire.destroy();
  } finally {
    await server.stop();
  }
  expect(before.find((answer) => answer.startsWith('CC carl@'))).toBe('CC carl@elsewhere.example: * SEARCH 9');
  expect(before.find((answer) => answer.startsWith('TEXT rechnung'))).toBe('TEXT rechnung: * SEARCH 8');
  expect(before.find((answer) => answer.startsWith('BODY rechnung'))).toBe('BODY rechnung: * SEARCH');
});
