// The MUSTs of RFC 4978 (COMPRESS) and RFC 8437 (UNAUTHENTICATE), each by its section.
import { expect, test } from 'vitest';
import { DeflateWire } from '#test/support/deflate-wire.ts';
import { startImap } from '#test/support/imap-server.ts';

test('RFC 4978 3: the OK itself is not compressed, all after it is', async () => {
  await using imap = await startImap();
  const client = await DeflateWire.start(await imap.login());
  expect(await client.command('x', 'NOOP')).toBe('x OK NOOP completed\r\n');
});

test('RFC 4978 3: a second COMPRESS is BAD, and compression stays as it is', async () => {
  await using imap = await startImap();
  const client = await DeflateWire.start(await imap.login());
  expect(await client.command('x', 'COMPRESS DEFLATE')).toMatch(/^x BAD/);
  expect(await client.command('y', 'NOOP')).toMatch(/^y OK/);
});

test('RFC 8437 2: a selected mailbox is left without an expunge', async () => {
  await using imap = await startImap();
  const client = await imap.login();
  await client.ok('APPEND INBOX (\\Deleted)', Buffer.from('Subject: x\r\n\r\nx\r\n'));
  await client.ok('SELECT INBOX');
  await client.ok('UNAUTHENTICATE');
  const other = await imap.login();
  expect((await other.ok('STATUS INBOX (MESSAGES)')).untagged[0]?.text).toBe('* STATUS "INBOX" (MESSAGES 1)');
});

test('RFC 8437 2: it is BAD before a login', async () => {
  await using imap = await startImap();
  expect((await (await imap.connect()).command('UNAUTHENTICATE')).status).toBe('BAD');
});
