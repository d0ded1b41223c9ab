// REPLACE, over a socket.
import { expect, test } from 'vitest';
import { message, startImap } from '#test/support/imap-server.ts';

const texts = (result: { untagged: readonly { text: string }[] }) => result.untagged.map(({ text }) => text);

test('REPLACE: the new message comes, the old one goes, in one step', async () => {
  await using imap = await startImap();
  const client = await imap.login();
  await client.ok('APPEND Drafts (\\Draft)', message('first'));
  await client.ok('APPEND Drafts', message('other'));
  await client.ok('SELECT Drafts');
  const replaced = texts(await client.ok('REPLACE 1 Drafts (\\Draft \\Seen)', message('second')));
  expect(replaced).toEqual([
    expect.stringMatching(/^\* OK \[APPENDUID \d+ 3\]/),
    '* 1 EXPUNGE',
    '* 2 EXISTS',
    expect.stringMatching(/^\* \d RECENT/),
  ]);
  expect(texts(await client.ok('FETCH 1:* (UID)'))).toEqual(['* 1 FETCH (UID 2)', '* 2 FETCH (UID 3)']);
  expect(texts(await client.ok('UID SEARCH SUBJECT second DRAFT SEEN'))).toEqual(['* SEARCH 3']);
});

test('REPLACE: UID REPLACE into another mailbox takes it out of this one', async () => {
  await using imap = await startImap();
  const client = await imap.login();
  await client.ok('APPEND Drafts', message('draft'));
  await client.ok('SELECT Drafts');
  const replaced = texts(await client.ok('UID REPLACE 1 Sent (\\Seen)', message('sent')));
  expect(replaced.filter((line) => line.includes('EXPUNGE'))).toEqual(['* 1 EXPUNGE']);
  expect(texts(await client.ok('STATUS Drafts (MESSAGES)'))).toEqual(['* STATUS "Drafts" (MESSAGES 0)']);
  expect(texts(await client.ok('STATUS Sent (MESSAGES UNSEEN)'))).toEqual(['* STATUS "Sent" (MESSAGES 1 UNSEEN 0)']);
});

test('REPLACE: refused as a whole where the message, the mailbox or room is not there', async () => {
  await using imap = await startImap({ messageSize: 5_000 });
  const client = await imap.login();
  await client.ok('APPEND INBOX', message('kept'));
  await client.ok('SELECT INBOX');
  const body = message('new');
  const refused: [command: string, status: string, code: string][] = [
    ['REPLACE 2 INBOX', 'BAD', ''],
    ['UID REPLACE 9 INBOX', 'NO', 'EXPUNGEISSUED'],
    ['REPLACE 1 none', 'NO', 'TRYCREATE'],
    ['REPLACE 1:2 INBOX', 'BAD', ''],
    ['REPLACE x INBOX', 'BAD', ''],
  ];
  for (const [command, status, code] of refused) {
    const result = await client.command(command, body);
    expect(result.status, command).toBe(status);
    expect(result.text).toContain(code);
  }
  expect((await client.command('REPLACE 1 INBOX', Buffer.alloc(6_000, 'x'))).text).toMatch(/^\[TOOBIG\]/);
  expect((await client.command('REPLACE 1 INBOX', body, body)).status).toBe('BAD');
  expect(texts(await client.ok('FETCH 1 UID'))).toEqual(['* 1 FETCH (UID 1)']);
  await client.ok('EXAMINE INBOX');
  expect((await client.command('REPLACE 1 INBOX', body)).status).toBe('NO');
  await client.ok('UNSELECT');
  expect((await client.command('REPLACE 1 INBOX', body)).status).toBe('BAD');
});
