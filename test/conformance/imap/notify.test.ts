// RFC 5465 (NOTIFY), MUST by MUST, over a socket.
import { expect, test } from 'vitest';
import { type ImapServer, message, startImap } from '#test/support/imap-server.ts';
import type { ImapWire } from '#test/support/wire.ts';

const texts = (result: { untagged: readonly { text: string }[] }) => result.untagged.map(({ text }) => text);

async function two(imap: ImapServer): Promise<[ImapWire, ImapWire]> {
  const [client, other] = [await imap.login(), await imap.login()];
  for (const name of ['one', 'two']) await other.ok('APPEND INBOX', message(name));
  await other.ok('SELECT INBOX');
  return [client, other];
}

/** The next lines that come by themselves. */
async function lines(client: ImapWire, count: number): Promise<string[]> {
  const found: string[] = [];
  while (found.length < count) found.push((await client.response()).text);
  return found;
}

test('3.1, 5, 6.1: what may not stand together, or there, is BAD; an event that we do not have is NO with BADEVENT', async () => {
  await using imap = await startImap();
  const [client] = await two(imap);
  for (const wrong of [
    'NOTIFY',
    'NOTIFY SET',
    'NOTIFY SET ()',
    'NOTIFY SET (personal)',
    'NOTIFY SET (personal ())',
    'NOTIFY SET (personal (MessageNew))',
    'NOTIFY SET (personal (MessageExpunge))',
    'NOTIFY SET (personal (FlagChange))',
    'NOTIFY SET (selected (MailboxName))',
    'NOTIFY SET (selected-delayed (SubscriptionChange))',
    'NOTIFY SET (selected NONE) (selected-delayed NONE)',
    'NOTIFY SET (personal (MessageNew (UID) MessageExpunge))',
    'NOTIFY SET (mailboxes (MailboxName))',
    'NOTIFY SET (subtree-one x (MailboxName))',
    'NOTIFY NONE x',
  ]) {
    expect([wrong, (await client.command(wrong)).status]).toEqual([wrong, 'BAD']);
  }
  const { status, text } = await client.command('NOTIFY SET (personal (x-y))');
  expect([status, text]).toEqual([
    'NO',
    expect.stringMatching(
      /^\[BADEVENT \(MessageNew MessageExpunge FlagChange AnnotationChange MailboxName SubscriptionChange MailboxMetadataChange ServerMetadataChange\)\]/,
    ),
  ]);
  expect((await client.command('NOTIFY SET (personal (AnnotationChange))')).status).toBe('BAD');
});

test('3.1: NOTIFY SET tells at once what has happened in the selected mailbox', async () => {
  await using imap = await startImap();
  const [client, other] = await two(imap);
  await client.ok('SELECT INBOX');
  await client.ok('NOTIFY NONE');
  await other.ok('STORE 1 +FLAGS (\\Flagged)');
  await other.ok('APPEND INBOX', message('three'));
  expect(texts(await client.ok('NOOP'))).toEqual([]);
  expect(texts(await client.ok('NOTIFY SET (selected (MessageNew MessageExpunge FlagChange))'))).toEqual([
    '* 3 EXISTS',
    expect.stringMatching(/RECENT$/),
    expect.stringMatching(/^\* 1 FETCH \(UID 1 FLAGS \(\\Flagged.*\)\)$/),
  ]);
});

test('3.1: STATUS of what is watched, and not of the selected mailbox; names without a mailbox are ignored', async () => {
  await using imap = await startImap();
  const [client] = await two(imap);
  await client.ok('SELECT Sent');
  const told = texts(
    await client.ok(
      'NOTIFY SET STATUS (mailboxes (INBOX nosuch Sent) (MessageNew MessageExpunge)) (subtree Archive (MessageNew MessageExpunge FlagChange)) (personal (MailboxName))',
    ),
  );
  expect(told).toEqual([
    expect.stringMatching(/^\* STATUS "INBOX" \(MESSAGES 2 UIDNEXT 3 UIDVALIDITY \d+\)$/),
    expect.stringMatching(/^\* STATUS "Archive" \(MESSAGES 0 UIDNEXT 1 UIDVALIDITY \d+ HIGHESTMODSEQ \d+\)$/),
  ]);
});

test('5.1 to 5.3: in the selected mailbox: EXISTS, FETCH of flags with UID, EXPUNGE, while no command runs', async () => {
  await using imap = await startImap();
  const [client, other] = await two(imap);
  await client.ok('NOTIFY SET (selected (MessageNew (UID FLAGS) MessageExpunge FlagChange))');
  await client.ok('SELECT INBOX');
  await other.ok('APPEND INBOX (\\Draft)', message('three'));
  expect(await lines(client, 3)).toEqual([
    '* 3 EXISTS',
    expect.stringMatching(/RECENT$/),
    expect.stringMatching(/^\* 3 FETCH \(UID 3 FLAGS \(\\Draft.*\)\)$/),
  ]);
  await other.ok('STORE 2 +FLAGS (\\Flagged)');
  expect(await lines(client, 1)).toEqual([expect.stringMatching(/^\* 2 FETCH \(UID 2 FLAGS \(\\Flagged.*\)\)$/)]);
  await other.ok('STORE 1 +FLAGS (\\Deleted)');
  await lines(client, 1);
  await other.ok('EXPUNGE');
  expect(await lines(client, 1)).toEqual(['* 1 EXPUNGE']);
  // 5.2: not for what the client itself has appended.
  expect(texts(await client.ok('APPEND INBOX', message('own')))).toEqual([
    '* 3 EXISTS',
    expect.stringMatching(/RECENT$/),
  ]);
});

test('5.3: with QRESYNC expunges are VANISHED, and STATUS has HIGHESTMODSEQ', async () => {
  await using imap = await startImap();
  const [client, other] = await two(imap);
  await client.ok('ENABLE QRESYNC');
  await client.ok('SELECT INBOX');
  await client.ok(
    'NOTIFY SET (selected (MessageNew MessageExpunge)) (personal (MessageNew MessageExpunge FlagChange))',
  );
  await other.ok('STORE 2 +FLAGS.SILENT (\\Deleted)');
  await other.ok('EXPUNGE');
  expect(await lines(client, 1)).toEqual(['* VANISHED 2']);
  await other.ok('COPY 1 Archive');
  expect(await lines(client, 1)).toEqual([
    expect.stringMatching(/^\* STATUS "Archive" \(UIDNEXT 2 MESSAGES 1.* HIGHESTMODSEQ \d+\)$/),
  ]);
  await other.ok('SELECT Archive');
  await other.ok('STORE 1 +FLAGS (\\Answered)');
  expect(await lines(client, 1)).toEqual([
    expect.stringMatching(/^\* STATUS "Archive" \(UIDVALIDITY \d+ HIGHESTMODSEQ \d+\)$/),
  ]);
});

test('6.1.2: SELECTED-DELAYED keeps numbers as they are until a command may change them', async () => {
  await using imap = await startImap();
  const [client, other] = await two(imap);
  await client.ok('SELECT INBOX');
  await client.ok('NOTIFY SET (selected-delayed (MessageNew MessageExpunge))');
  await other.ok('STORE 1 +FLAGS.SILENT (\\Deleted)');
  await other.ok('EXPUNGE');
  await other.ok('APPEND INBOX', message('three'));
  expect(await lines(client, 2)).toEqual(['* 3 EXISTS', expect.stringMatching(/RECENT$/)]);
  expect(texts(await client.ok('FETCH 2 UID'))).toEqual(['* 2 FETCH (UID 2)']);
  expect(texts(await client.ok('NOOP'))).toEqual(['* 1 EXPUNGE']);
});

test('3.1, 4: without SELECTED nothing is told of it, in IDLE neither; what the client does itself is', async () => {
  await using imap = await startImap();
  const [client, other] = await two(imap);
  await client.ok('SELECT INBOX');
  await client.ok('NOTIFY SET (mailboxes Archive (MessageNew MessageExpunge))');
  await other.ok('STORE 1 +FLAGS (\\Flagged)');
  await other.ok('APPEND INBOX', message('three'));
  client.wire.send('i IDLE\r\n');
  expect(await lines(client, 1)).toEqual(['+ idling']);
  await other.ok('APPEND Archive', message('x'));
  expect(await lines(client, 1)).toEqual([expect.stringMatching(/^\* STATUS "Archive" \(UIDNEXT 2 MESSAGES 1/)]);
  client.wire.send('DONE\r\n');
  expect(texts(await client.result('i'))).toEqual([]);
  expect(texts(await client.ok('STORE 2 +FLAGS (\\Deleted)'))).toEqual([
    expect.stringMatching(/^\* 2 FETCH \(FLAGS \(\\Deleted.*\)\)$/),
  ]);
  expect(texts(await client.ok('EXPUNGE'))).toContain('* 2 EXPUNGE');
});

test('5.4: mailboxes that are made, renamed and deleted; their parents; and no children of renamed ones', async () => {
  await using imap = await startImap();
  const [client, other] = await two(imap);
  await client.ok('NOTIFY SET (personal (MailboxName))');
  await other.ok('CREATE a/b/c');
  expect(await lines(client, 3)).toEqual(
    expect.arrayContaining([
      '* LIST (\\HasChildren) "/" "a"',
      '* LIST (\\HasChildren) "/" "a/b"',
      '* LIST (\\HasNoChildren) "/" "a/b/c"',
    ]),
  );
  await other.ok('RENAME a/b a/d');
  expect(await lines(client, 1)).toEqual(['* LIST (\\HasChildren) "/" "a/d" ("OLDNAME" ("a/b"))']);
  await other.ok('DELETE a/d/c');
  expect(await lines(client, 2)).toEqual([
    '* LIST (\\NonExistent \\HasNoChildren) "/" "a/d/c"',
    '* LIST (\\HasNoChildren) "/" "a/d"',
  ]);
});

test('5.5, 6.4: subscriptions that change are told, and what is watched follows them', async () => {
  await using imap = await startImap();
  const [client, other] = await two(imap);
  await client.ok('NOTIFY SET (personal (SubscriptionChange)) (subscribed (MessageNew MessageExpunge))');
  await other.ok('UNSUBSCRIBE Archive');
  expect(await lines(client, 1)).toEqual(['* LIST (\\HasNoChildren \\Archive) "/" "Archive"']);
  await other.ok('APPEND Archive', message('x'));
  await other.ok('SUBSCRIBE Archive');
  expect(await lines(client, 1)).toEqual(['* LIST (\\HasNoChildren \\Archive \\Subscribed) "/" "Archive"']);
  await other.ok('APPEND Archive', message('y'));
  expect(await lines(client, 1)).toEqual([expect.stringMatching(/^\* STATUS "Archive" \(UIDNEXT 3 MESSAGES 2/)]);
  // 3.1: the next NOTIFY replaces it.
  await client.ok('NOTIFY NONE');
  await other.ok('APPEND Archive', message('z'));
  expect(texts(await client.ok('NOOP'))).toEqual([]);
});
