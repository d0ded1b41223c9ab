// NOTIFY over a socket.
import { expect, test } from 'vitest';
import { message, startImap } from '#test/support/imap-server.ts';

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
