// RFC 7377 (MULTISEARCH), MUST by MUST, over a socket.
import { expect, test } from 'vitest';
import { type ImapServer, message, startImap } from '#test/support/imap-server.ts';
import type { ImapWire } from '#test/support/wire.ts';

const texts = (result: { untagged: readonly { text: string }[] }) => result.untagged.map(({ text }) => text);

/** `folder1`, `folder2/banana`, `folder2/peach/stone` and INBOX, each with some messages of some subjects. */
async function filled(imap: ImapServer): Promise<ImapWire> {
  const client = await imap.login();
  for (const name of ['folder1', 'folder2/banana', 'folder2/peach/stone']) await client.ok(`CREATE ${name}`);
  for (const [name, subject] of [
    ...[
      ['folder1', 'chad'],
      ['folder1', 'other'],
      ['folder1', 'chad'],
    ],
    ...[
      ['folder2/banana', 'chad'],
      ['folder2/peach', 'other'],
      ['folder2/peach/stone', 'chad'],
    ],
    ...[
      ['INBOX', 'other'],
      ['INBOX', 'chad'],
    ],
  ]) {
    await client.ok(`APPEND ${name}`, message(subject ?? ''));
  }
  return client;
}

/** What is found: of each mailbox what follows UID. */
async function found(client: ImapWire, command: string): Promise<Record<string, string>> {
  const lines = texts(await client.ok(command)).map((line) =>
    /^\* ESEARCH \(TAG "[^"]+" MAILBOX "([^"]+)" UIDVALIDITY \d+\) UID (.*)$/.exec(line),
  );
  return Object.fromEntries(lines.map((match) => [match?.[1], match?.[2]]));
}

test('2.1: one ESEARCH a mailbox with a match, with TAG, MAILBOX, UIDVALIDITY and UIDs; none for others', async () => {
  await using imap = await startImap();
  const client = await filled(imap);
  const status = texts(await client.ok('STATUS folder1 (UIDVALIDITY)'))[0];
  client.wire.send('tag1 ESEARCH IN (mailboxes "folder1") SUBJECT chad\r\n');
  const validity = /UIDVALIDITY (\d+)/.exec(status ?? '')?.[1];
  expect(texts(await client.result('tag1'))).toEqual([
    `* ESEARCH (TAG "tag1" MAILBOX "folder1" UIDVALIDITY ${validity}) UID ALL 1,3`,
  ]);
  expect(await found(client, 'ESEARCH IN (personal) SUBJECT chad')).toEqual({
    INBOX: 'ALL 2',
    folder1: 'ALL 1,3',
    'folder2/banana': 'ALL 1',
    'folder2/peach/stone': 'ALL 1',
  });
  // Also when MIN, MAX and COUNT are asked for.
  expect(await found(client, 'ESEARCH IN (subtree folder2) RETURN (COUNT MIN MAX) SUBJECT chad')).toEqual({
    'folder2/banana': 'MIN 1 MAX 1 COUNT 1',
    'folder2/peach/stone': 'MIN 1 MAX 1 COUNT 1',
  });
  expect(await found(client, 'ESEARCH IN (personal) RETURN (COUNT) SUBJECT nothing')).toEqual({});
});

test('2.2: each specifier, several of them, names that do not exist, and each mailbox once', async () => {
  await using imap = await startImap();
  const client = await filled(imap);
  const names = async (sources: string) => Object.keys(await found(client, `ESEARCH IN (${sources}) ALL`));
  expect(await names('subtree folder2')).toEqual(['folder2/banana', 'folder2/peach', 'folder2/peach/stone']);
  expect(await names('subtree-one folder2')).toEqual(['folder2/banana', 'folder2/peach']);
  expect(await names('subtree (folder1 folder2/peach)')).toEqual(['folder1', 'folder2/peach', 'folder2/peach/stone']);
  expect(await names('mailboxes (folder1 nosuch folder1) mailboxes folder1 inboxes')).toHaveLength(5);
  // No wildcards.
  expect(await names('mailboxes "*"')).toEqual([]);
  await client.ok('SUBSCRIBE folder1');
  for (const name of ['INBOX', 'Sent']) await client.ok(`UNSUBSCRIBE ${name}`);
  expect(await names('subscribed')).toEqual(['folder1']);
});

test('2.2: the selected mailbox is the default, and must be there; nothing changes which one it is', async () => {
  await using imap = await startImap();
  const client = await filled(imap);
  for (const wrong of ['ESEARCH ALL', 'ESEARCH IN (selected) ALL', 'ESEARCH IN (personal selected) ALL']) {
    expect([wrong, (await client.command(wrong)).status]).toEqual([wrong, 'BAD']);
  }
  await client.ok('SELECT folder1');
  expect(await found(client, 'ESEARCH SUBJECT chad')).toEqual({ folder1: 'ALL 1,3' });
  expect(await found(client, 'ESEARCH IN (selected mailboxes INBOX) RETURN (MAX) ALL')).toEqual({
    INBOX: 'MAX 2',
    folder1: 'MAX 3',
  });
  expect(texts(await client.ok('FETCH 3 UID'))).toEqual(['* 3 FETCH (UID 3)']);
  // The selected one as this session knows it, the others as they are.
  const other = await imap.login();
  await other.ok('APPEND folder1', message('chad'));
  expect(await found(client, 'ESEARCH IN (personal) RETURN (PARTIAL -1:-1) SUBJECT chad')).toMatchObject({
    INBOX: 'PARTIAL (-1:-1 2)',
  });
});

test('2.2: SAVE is for the selected mailbox alone', async () => {
  await using imap = await startImap();
  const client = await filled(imap);
  await client.ok('SELECT folder1');
  expect(texts(await client.ok('ESEARCH IN (selected) RETURN (SAVE) SUBJECT chad'))).toEqual([]);
  expect(texts(await client.ok('FETCH $ UID'))).toEqual(['* 1 FETCH (UID 1)', '* 3 FETCH (UID 3)']);
  for (const wrong of [
    'ESEARCH IN (mailboxes folder1) RETURN (SAVE) ALL',
    'ESEARCH IN (selected personal) RETURN (SAVE) ALL',
    'ESEARCH IN (selected-delayed) ALL',
    'ESEARCH IN () ALL',
    'ESEARCH IN (nonsense) ALL',
    'ESEARCH IN (mailboxes) ALL',
    'ESEARCH IN (mailboxes ()) ALL',
    'ESEARCH IN (personal)',
    'ESEARCH',
  ]) {
    expect([wrong, (await client.command(wrong)).status]).toEqual([wrong, 'BAD']);
  }
});
