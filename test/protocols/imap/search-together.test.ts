// A search that the index can not decide, of so many messages that the search thread takes a share of them.
import { setTimeout as sleep } from 'node:timers/promises';
import { pino } from 'pino';
import { expect, test, vi } from 'vitest';
import { TOGETHER_FROM } from '#protocols/imap/search/search.ts';
import { divided } from '#protocols/imap/search/together.ts';
import { hashPassword } from '#src/auth/passwords.ts';
import { startServer } from '#src/server.ts';
import type { MailAccount } from '#storage/ports.ts';
import { testConfig } from '#test/support/config.ts';
import { temporaryFolder } from '#test/support/folder.ts';
import { message } from '#test/support/imap-server.ts';
import { ImapWire } from '#test/support/wire.ts';

const PASSWORD = 'correct horse';
const MESSAGES = TOGETHER_FROM + 200;
const APPENDED_AT_ONCE = 200;

/** Each has both words, so the index rules none out; every fourth has them side by side. */
function mail(number: number): { readonly bytes: Buffer; readonly found: boolean } {
  const found = number % 4 === 0;
  const text = `${number} ${found ? 'HAY stack' : 'stack of hay-stack'}\r\n`;
  if (number % 40 === 4) {
    const encoded = Buffer.from(text).toString('base64');
    return { bytes: message('x', encoded, ['Content-Transfer-Encoding: base64']), found };
  }
  // A body that lies in a file of its own.
  if (number % 400 === 9) return { bytes: message('x', `${'no line of it\r\n'.repeat(10_000)}${text}`), found };
  return { bytes: message(number % 10 === 5 ? 'hay stack' : 'x', text), found };
}

const all = Array.from({ length: MESSAGES }, (_, index) => ({ number: index + 1, ...mail(index + 1) }));

function numbers(holds: (one: (typeof all)[number]) => boolean): number[] {
  return all.filter(holds).map(({ number }) => number);
}

async function fill(client: ImapWire): Promise<void> {
  for (let at = 0; at < MESSAGES; at += APPENDED_AT_ONCE) {
    const some = all.slice(at, at + APPENDED_AT_ONCE);
    client.wire.send(`m${at} APPEND INBOX`);
    for (const { bytes } of some) client.wire.send(` {${bytes.length}+}\r\n${bytes.toString('latin1')}`);
    client.wire.send('\r\n');
    expect((await client.result(`m${at}`)).status).toBe('OK');
  }
}

async function indexed(account: MailAccount, last: number): Promise<void> {
  const signal = AbortSignal.timeout(120_000);
  for (;;) {
    const found = await account.findText([{ where: 'body', text: 'hay' }], signal);
    if (found !== null && found.upTo >= last) return;
    await sleep(20, undefined, { signal });
  }
}

async function search(client: ImapWire, keys: string): Promise<number[]> {
  const { untagged } = await client.ok(`SEARCH ${keys}`);
  return (untagged.at(-1)?.text ?? '').split(' ').slice(2).map(Number);
}

test('a phrase of frequent words is found in the same messages by two threads', async () => {
  await using folder = await temporaryFolder();
  const config = testConfig({ data: folder.path, listen: ['imap'], threads: 1, indexAfter: 0 });
  const fatal = (error: Error) => {
    throw error;
  };
  let ids = { id: '', inbox: 0 };
  const server = await startServer(config, { log: pino({ level: 'silent' }), fatal });
  try {
    await server.store.directory.addDomain('example.test');
    const anna = { address: 'anna@example.test', passwordHash: await hashPassword(PASSWORD), quota: null };
    const { id } = await server.store.directory.addAccount(anna);
    const client = await ImapWire.open(server.addresses[0]?.port ?? 0);
    await client.login('anna@example.test', PASSWORD);
    await fill(client);
    await client.ok('SELECT INBOX');
    const account = server.store.mail(id);
    const inbox = (await account.mailboxByPath('INBOX'))?.id ?? 0;
    let last = 0;
    for await (const page of account.placements(inbox, [[1, MESSAGES]])) last = page.at(-1)?.message ?? last;
    await indexed(account, last);

    expect(await search(client, 'BODY "hay stack"')).toEqual(numbers(({ found }) => found));
    expect(await search(client, 'NOT BODY "y s"')).toEqual(numbers(({ found }) => !found));
    const ofSubject = ({ number, found }: { number: number; found: boolean }) => found || number % 10 === 5;
    expect(await search(client, 'TEXT "hay stack"')).toEqual(numbers(ofSubject));
    expect(await search(client, 'TEXT "hay stack" BODY "k of"')).toEqual(
      numbers((one) => ofSubject(one) && !one.found),
    );

    // The search thread has its share of it, and says nothing of what is not there.
    await client.ok('STORE 10 +FLAGS.SILENT (\\Deleted)');
    await client.ok('EXPUNGE');
    const query = { uids: [[1, 20]] as const, texts: ['hay stack'], bodies: ['k of'] };
    const looked = await account.lookInto(inbox, query);
    expect([...(looked?.uids ?? [])]).toEqual(
      Array.from({ length: 20 }, (_, index) => index + 1).filter((n) => n !== 10),
    );
    expect([...(looked?.found ?? [])].slice(0, 8)).toEqual([2, 2, 2, 1, 3, 2, 2, 1]);
    client.wire.destroy();
    ids = { id, inbox };
  } finally {
    await server.stop();
  }
  // Where nothing was written or searched yet, a mailbox of so many messages that is selected brings the thread.
  const again = await startServer(config, { log: pino({ level: 'silent' }), fatal });
  try {
    const account = again.store.mail(ids.id);
    const query = { uids: [[1, 1]] as const, texts: [], bodies: ['hay'] };
    expect(await account.lookInto(ids.inbox, query)).toBeNull();
    const client = await ImapWire.open(again.addresses[0]?.port ?? 0);
    await client.login('anna@example.test', PASSWORD);
    await client.ok('EXAMINE INBOX');
    await vi.waitFor(async () => expect(await account.lookInto(ids.inbox, query)).not.toBeNull(), 120_000);
    client.wire.destroy();
  } finally {
    await again.stop();
  }
});

test('work is divided between two so that each piece is done once, and what one gives up the other does', async () => {
  const pieces = Array.from({ length: 5_000 }, (_, index) => index);
  for (const gives of ['all', 'some', 'nothing'] as const) {
    const done: number[] = [];
    await divided(
      pieces,
      async (share) => {
        await sleep(0);
        done.push(...share);
      },
      async (share) => {
        await sleep(0);
        if (gives === 'nothing' || (gives === 'some' && done.length > 2_000)) return false;
        done.push(...share);
        return true;
      },
    );
    expect(done.toSorted((a, b) => a - b)).toEqual(pieces);
  }
});

test('work that is divided ends with the first that fails', async () => {
  const pieces = Array.from({ length: 5_000 }, (_, index) => index);
  const fails = () => Promise.reject(new Error('it failed'));
  await expect(divided(pieces, fails, async () => true)).rejects.toThrow('it failed');
  await expect(divided(pieces, async () => {}, fails)).rejects.toThrow('it failed');
});
