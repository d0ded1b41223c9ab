// The session over a socket: greeting, states, errors, pipelining, literals, limits, closing.
import { expect, test } from 'vitest';
import { message, PASSWORD, startImap } from '#test/support/imap-server.ts';

test('a first session: login, append, select, fetch, store, expunge', async () => {
  await using imap = await startImap();
  const client = await imap.connect();
  expect(client.greeting).toMatch(/^\* OK \[CAPABILITY IMAP4rev1 /);
  await client.login('anna@example.test', PASSWORD);
  const appended = await client.ok('APPEND INBOX (\\Flagged work) " 7-Feb-2026 22:13:54 +0130"', message('one'));
  expect(appended.text).toMatch(/^\[APPENDUID \d+ 1\] APPEND completed$/);
  const selected = await client.ok('SELECT inbox');
  const lines = selected.untagged.map(({ text }) => text);
  expect(lines).toContain('* 1 EXISTS');
  expect(lines).toContain('* 1 RECENT');
  expect(lines).toContain('* OK [UNSEEN 1] First unseen');
  expect(selected.text).toBe('[READ-WRITE] Selected');
  const fetched = await client.ok('FETCH 1 (UID FLAGS INTERNALDATE RFC822.SIZE ENVELOPE BODY[])');
  expect(fetched.untagged.at(-1)?.literals[0]?.toString()).toBe(message('one').toString());
  await client.ok('UID FETCH 1:* (BODYSTRUCTURE BODY)');
  await client.ok('STORE 1 +FLAGS (\\Deleted foo)');
  await client.ok('SEARCH TEXT "THIS is"');
  await client.ok('LIST "" *');
  await client.ok('STATUS INBOX (MESSAGES RECENT UIDNEXT UIDVALIDITY UNSEEN)');
  await client.ok('EXPUNGE');
  await client.ok('LOGOUT');
});
