// The MUSTs of RFC 8474 (OBJECTID), RFC 8514 (SAVEDATE) and RFC 8970 (PREVIEW), each by its section.
import { expect, test } from 'vitest';
import { message, startImap } from '#test/support/imap-server.ts';

const OBJECT_ID = /^[A-Za-z0-9_-]{1,255}$/;
const only = (pattern: RegExp, result: { untagged: readonly { text: string }[] }) =>
  result.untagged.flatMap(({ text }) => pattern.exec(text)?.[1] ?? []);

test('RFC 8474 4: a mailbox made again under its name has another id; ids are of the allowed characters', async () => {
  await using imap = await startImap();
  const client = await imap.login();
  const made = async () => /MAILBOXID \((.*?)\)/.exec((await client.ok('CREATE x')).text)?.[1] ?? '';
  const first = await made();
  await client.ok('DELETE x');
  const second = await made();
  expect(first).toMatch(OBJECT_ID);
  expect(second).not.toBe(first);
});

test('RFC 8474 4.2: EXAMINE tells MAILBOXID too', async () => {
  await using imap = await startImap();
  const client = await imap.login();
  expect(only(/\[MAILBOXID \((.*?)\)\]/, await client.ok('EXAMINE INBOX')).length).toBe(1);
});

test('RFC 8474 5: EMAILID names immutable content: equal for a copy, different for other content', async () => {
  await using imap = await startImap();
  const client = await imap.login();
  await client.ok('APPEND INBOX', message('one'), message('two'));
  await client.ok('SELECT INBOX');
  await client.ok('COPY 1 INBOX');
  await client.ok('NOOP');
  const [one, two, copy] = only(/EMAILID \((.*?)\)/, await client.ok('FETCH 1:3 EMAILID'));
  expect(copy).toBe(one);
  expect(two).not.toBe(one);
  expect(one).toMatch(OBJECT_ID);
});

test('RFC 8514 4: COPY sets a new save date, STORE does not', async () => {
  await using imap = await startImap();
  const client = await imap.login();
  await client.ok('APPEND INBOX', message('one'));
  imap.store.clock.now += 3_600_000;
  await client.ok('SELECT INBOX');
  await client.ok('STORE 1 +FLAGS (\\Seen)');
  await client.ok('COPY 1 INBOX');
  await client.ok('NOOP');
  const [first, copy] = only(/SAVEDATE "(.*?)"/, await client.ok('FETCH 1:2 SAVEDATE'));
  expect(Date.parse(`${copy}`) - Date.parse(`${first}`)).toBe(3_600_000);
});

test('RFC 8970 3.1: PREVIEW does not set \\Seen, and is at most 256 characters', async () => {
  await using imap = await startImap();
  const client = await imap.login();
  await client.ok('APPEND INBOX', message('long', 'word '.repeat(200)));
  await client.ok('SELECT INBOX');
  const [preview = ''] = only(/PREVIEW "(.*)"/, await client.ok('FETCH 1 PREVIEW'));
  expect(preview.length).toBeGreaterThan(100);
  expect(preview.length).toBeLessThanOrEqual(256);
  expect(only(/FLAGS \((.*?)\)/, await client.ok('FETCH 1 FLAGS'))).toEqual(['\\Recent']);
});
