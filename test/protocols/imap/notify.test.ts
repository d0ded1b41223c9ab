// NOTIFY over a socket.
import { expect, test } from 'vitest';
import { message, startImap } from '#test/support/imap-server.ts';

test('NOTIFY: changes of annotations of mailboxes, of the account and of messages are told by their entries', async () => {
  await using imap = await startImap();
  const [client, other, bert] = [await imap.login(), await imap.login(), await imap.login('bert')];
  await other.ok('APPEND INBOX', message('news'));
  await other.ok('CREATE Quiet');
  await client.ok('SELECT INBOX');
  await client.ok(
    'NOTIFY SET (SELECTED (MessageNew MessageExpunge AnnotationChange)) (mailboxes (INBOX Archive) (MailboxMetadataChange ServerMetadataChange))',
  );
  await other.ok('SETMETADATA Quiet (/private/comment "x")');
  await other.ok('SETMETADATA Archive (/private/comment "x" /shared/comment "y")');
  expect((await client.response()).text).toBe('* METADATA "Archive" "/private/comment" "/shared/comment"');
  await other.ok('SETMETADATA "" (/private/vendor/x NIL)');
  expect((await client.response()).text).toBe('* METADATA "" "/private/vendor/x"');
  await other.ok('SELECT INBOX');
  await other.ok('STORE 1 ANNOTATION (/comment (value.priv "x"))');
  expect((await client.response()).text).toBe('* 1 FETCH (UID 1 FLAGS (\\Recent) ANNOTATION (/comment))');
  // Of a mailbox that somebody shares, what is for all.
  await other.ok('SETACL Archive bert@example.test lr');
  await bert.ok('NOTIFY SET (personal NONE) (subtree "Other Users" (MailboxMetadataChange))');
  await other.ok('SETMETADATA Archive (/private/comment "z")');
  expect((await client.response()).text).toBe('* METADATA "Archive" "/private/comment"');
  await other.ok('SETMETADATA Archive (/shared/comment "z")');
  expect((await bert.response()).text).toBe('* METADATA "Other Users/anna@example.test/Archive" "/shared/comment"');
  expect((await client.command('NOTIFY SET (SELECTED (MailboxMetadataChange))')).status).toBe('BAD');
  expect((await client.command('NOTIFY SET (personal (AnnotationChange))')).status).toBe('BAD');
});

test('NOTIFY: what happens is told while no command runs, in the selected mailbox and in others', async () => {
  await using imap = await startImap();
  const [client, other] = [await imap.login(), await imap.login()];
  await client.ok('SELECT INBOX');
  await client.ok(
    'NOTIFY SET (SELECTED (MessageNew (UID BODY.PEEK[HEADER.FIELDS (Subject)]) MessageExpunge)) (personal (MessageNew MessageExpunge MailboxName))',
  );
  await other.ok('APPEND INBOX', message('news'));
  expect((await client.response()).text).toBe('* 1 EXISTS');
  expect((await client.response()).text).toMatch(/RECENT$/);
  const fetched = await client.response();
  expect(fetched.text).toMatch(/^\* 1 FETCH \(UID 1 BODY\[HEADER.FIELDS \(Subject\)\] \{\d+\}/);
  expect(fetched.literals[0]?.toString()).toContain('Subject: news');
  await other.ok('APPEND Archive', message('old'));
  expect((await client.response()).text).toMatch(/^\* STATUS "Archive" \(UIDNEXT 2 MESSAGES 1/);
  await other.ok('CREATE New');
  expect((await client.response()).text).toBe('* LIST (\\HasNoChildren) "/" "New"');
});
