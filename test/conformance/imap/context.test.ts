// RFC 5267 4 (CONTEXT=SEARCH), MUST by MUST, over a socket.
import { expect, test } from 'vitest';
import { type ImapServer, message, startImap } from '#test/support/imap-server.ts';
import type { ImapWire } from '#test/support/wire.ts';

const texts = (result: { untagged: readonly { text: string }[] }) => result.untagged.map(({ text }) => text);
const updates = (lines: readonly string[]) => lines.filter((line) => line.includes('ESEARCH'));

/** Two sessions in INBOX with four messages, of which 2 and 3 are flagged. */
async function two(imap: ImapServer): Promise<[ImapWire, ImapWire]> {
  const [client, other] = [await imap.login(), await imap.login()];
  for (const name of ['a', 'b', 'c', 'd']) await other.ok('APPEND INBOX', message(name));
  await other.ok('SELECT INBOX');
  await other.ok('STORE 2:3 +FLAGS.SILENT (\\Flagged)');
  await client.ok('SELECT INBOX');
  return [client, other];
}

async function tagged(client: ImapWire, tag: string, command: string) {
  client.wire.send(`${tag} ${command}\r\n`);
  return await client.result(tag);
}

test('4.2, 4.3: CONTEXT is a hint; UPDATE tells what is added and removed, after the change that causes it', async () => {
  await using imap = await startImap();
  const [client, other] = await two(imap);
  expect(texts(await tagged(client, 's1', 'SEARCH RETURN (CONTEXT UPDATE ALL) FLAGGED'))).toEqual([
    '* ESEARCH (TAG "s1") ALL 2:3',
  ]);
  await other.ok('STORE 3 -FLAGS (\\Flagged)');
  await other.ok('STORE 1,4 +FLAGS (\\Flagged)');
  const lines = texts(await client.ok('NOOP'));
  expect(lines.slice(-2)).toEqual(['* ESEARCH (TAG "s1") REMOVEFROM (0 3)', '* ESEARCH (TAG "s1") ADDTO (0 1,4)']);
  expect(lines.filter((line) => line.includes('FETCH'))).toHaveLength(3);
  // A change that changes nothing for the search is not told of.
  await other.ok('STORE 1 +FLAGS (\\Seen)');
  expect(updates(texts(await client.ok('NOOP')))).toEqual([]);
});

test('4.3.3, 4.3.4: a new message comes after its EXISTS; an expunged one before its EXPUNGE', async () => {
  await using imap = await startImap();
  const [client, other] = await two(imap);
  await tagged(client, 'n', 'SEARCH RETURN (UPDATE) FLAGGED');
  await tagged(client, 'u', 'UID SEARCH RETURN (UPDATE) SUBJECT e');
  await other.ok('APPEND INBOX (\\Flagged)', message('e'));
  const added = texts(await client.ok('NOOP'));
  expect(added[0]).toBe('* 5 EXISTS');
  expect(added.slice(-2)).toEqual(['* ESEARCH (TAG "n") ADDTO (0 5)', '* ESEARCH (TAG "u") UID ADDTO (0 5)']);
  await other.ok('STORE 2,5 +FLAGS.SILENT (\\Deleted)');
  await client.ok('NOOP');
  await other.ok('EXPUNGE');
  expect(texts(await client.ok('NOOP'))).toEqual([
    '* ESEARCH (TAG "n") REMOVEFROM (0 2,5)',
    '* ESEARCH (TAG "u") UID REMOVEFROM (0 5)',
    '* 5 EXPUNGE',
    '* 2 EXPUNGE',
  ]);
});

test('4.3: sequence numbers in the search mean what they meant', async () => {
  await using imap = await startImap();
  const [client, other] = await two(imap);
  await tagged(client, 'q', 'UID SEARCH RETURN (UPDATE ALL) 3:4 UNSEEN');
  await other.ok('STORE 1 +FLAGS.SILENT (\\Deleted)');
  await other.ok('EXPUNGE');
  await other.ok('STORE 1:3 +FLAGS.SILENT (\\Seen)');
  expect(updates(texts(await client.ok('NOOP')))).toEqual(['* ESEARCH (TAG "q") UID REMOVEFROM (0 3:4)']);
});

test('4.3, 4.3.1: a tag in use is BAD; too many, and those of SORT, are refused with NOUPDATE and answered', async () => {
  await using imap = await startImap();
  const [client] = await two(imap);
  await tagged(client, 'x', 'SEARCH RETURN (UPDATE COUNT) ALL');
  expect((await tagged(client, 'x', 'SEARCH RETURN (UPDATE) FLAGGED')).status).toBe('BAD');
  expect(texts(await tagged(client, 'y', 'SORT RETURN (UPDATE COUNT) (DATE) UTF-8 ALL'))).toEqual([
    '* ESEARCH (TAG "y") COUNT 4',
    '* NO [NOUPDATE "y"] Not kept up to date',
  ]);
  const refused: string[] = [];
  for (let count = 0; count < 10; count++) {
    refused.push(
      ...texts(await tagged(client, `z${count}`, 'SEARCH RETURN (UPDATE) ALL')).filter((line) =>
        line.includes('NOUPDATE'),
      ),
    );
  }
  expect(refused.length).toBeGreaterThan(0);
  expect(refused.length).toBeLessThan(10);
});

test('4.3.5: CANCELUPDATE and leaving the mailbox end it', async () => {
  await using imap = await startImap();
  const [client, other] = await two(imap);
  await tagged(client, 'one', 'SEARCH RETURN (UPDATE) FLAGGED');
  await tagged(client, 'two', 'SEARCH RETURN (UPDATE) FLAGGED');
  await client.ok('CANCELUPDATE "one" "nosuch"');
  await other.ok('STORE 1 +FLAGS (\\Flagged)');
  expect(updates(texts(await client.ok('NOOP')))).toEqual(['* ESEARCH (TAG "two") ADDTO (0 1)']);
  await client.ok('SELECT INBOX');
  await other.ok('STORE 1 -FLAGS (\\Flagged)');
  expect(updates(texts(await client.ok('NOOP')))).toEqual([]);
  for (const wrong of ['CANCELUPDATE', 'CANCELUPDATE one', 'SEARCH RETURN (UPDATE ()) ALL']) {
    expect([wrong, (await client.command(wrong)).status]).toEqual([wrong, 'BAD']);
  }
});

test('RFC 5465 7, RFC 7377 2.2: items of new messages that match; UPDATE of ESEARCH is for the selected mailbox', async () => {
  await using imap = await startImap();
  const [client, other] = await two(imap);
  await tagged(client, 'm', 'SEARCH RETURN (UPDATE (UID)) SUBJECT new');
  expect((await client.command('ESEARCH IN (personal) RETURN (UPDATE) SUBJECT new')).status).toBe('OK');
  await other.ok('APPEND INBOX', message('new'));
  const lines = texts(await client.ok('NOOP'));
  const [exists, fetched, told] = ['5 EXISTS', '* 5 FETCH (UID 5)', '(TAG "m") ADDTO (0 5)'].map((part) =>
    lines.findIndex((line) => line.includes(part)),
  );
  expect([exists === 0, fetched !== undefined && fetched > 0, (told ?? 0) > (fetched ?? 0)]).toEqual([
    true,
    true,
    true,
  ]);
  expect(lines.at(-1)).toMatch(/^\* ESEARCH \(TAG "[^"]+"\) UID ADDTO \(0 5\)$/);
  await client.ok('UNSELECT');
  // RFC 5267 4.3.1: it can't be, and that is said.
  expect(texts(await client.ok('ESEARCH IN (personal) RETURN (UPDATE) ALL')).at(-1)).toMatch(/^\* NO \[NOUPDATE "/);
});
