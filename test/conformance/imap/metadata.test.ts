// The MUSTs of RFC 5464 (METADATA) and RFC 9590 (LIST-METADATA), each by its section.
import { expect, test } from 'vitest';
import { startImap } from '#test/support/imap-server.ts';

test('RFC 5464 3.1: names are compared without case, and must begin with /private or /shared', async () => {
  await using imap = await startImap();
  const client = await imap.login();
  await client.ok('SETMETADATA INBOX (/Shared/Comment "x")');
  expect((await client.ok('GETMETADATA INBOX /SHARED/comment')).untagged[0]?.text).toBe(
    '* METADATA "INBOX" ("/shared/comment" "x")',
  );
  expect((await client.command('SETMETADATA INBOX (/comment "x")')).status).toBe('BAD');
});

test('RFC 5464 4.2.1, 4.3: what is over MAXSIZE is left out and told in LONGENTRIES', async () => {
  await using imap = await startImap();
  const client = await imap.login();
  await client.ok('SETMETADATA INBOX (/private/a "12345" /private/b "1")');
  const result = await client.ok('GETMETADATA (MAXSIZE 4) INBOX (/private/a /private/b)');
  expect(result.untagged.map(({ text }) => text)).toEqual(['* METADATA "INBOX" ("/private/b" "1")']);
  expect(result.text).toMatch(/^\[METADATA LONGENTRIES 5\]/);
});

test('RFC 5464 4.3: all entries of a SETMETADATA are set, or none', async () => {
  await using imap = await startImap();
  const client = await imap.login();
  const long = 'x'.repeat(16_385);
  expect((await client.command(`SETMETADATA INBOX (/private/a "1" /private/b {16385+}\r\n${long})`)).status).toBe('NO');
  expect((await client.ok('GETMETADATA INBOX /private/a')).untagged.map(({ text }) => text)).toEqual([
    '* METADATA "INBOX" ("/private/a" NIL)',
  ]);
});

test('RFC 9590 3: METADATA comes after the LIST reply of its mailbox', async () => {
  await using imap = await startImap();
  const client = await imap.login();
  await client.ok('SETMETADATA INBOX (/private/a "1")');
  const lines = (await client.ok('LIST "" INBOX RETURN (METADATA (/private/a))')).untagged.map(({ text }) => text);
  expect(lines).toEqual(['* LIST (\\HasNoChildren) "/" "INBOX"', '* METADATA "INBOX" ("/private/a" "1")']);
});
