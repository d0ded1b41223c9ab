// The MUSTs of RFC 3516 (BINARY), each by its section.
import { expect, test } from 'vitest';
import { startImap } from '#test/support/imap-server.ts';

const ENCODED = Buffer.from('Content-Type: text/plain\r\nContent-Transfer-Encoding: base64\r\n\r\naGVsbG8=\r\n');

test('RFC 3516 4.2: BINARY.PEEK does not set \\Seen, BINARY does', async () => {
  await using imap = await startImap();
  const client = await imap.login();
  await client.ok('APPEND INBOX', ENCODED);
  await client.ok('SELECT INBOX');
  await client.ok('FETCH 1 (BINARY.PEEK[1] BINARY.SIZE[1])');
  expect((await client.ok('SEARCH SEEN')).untagged[0]?.text).toBe('* SEARCH');
  await client.ok('FETCH 1 BINARY[1]');
  expect((await client.ok('SEARCH SEEN')).untagged[0]?.text).toBe('* SEARCH 1');
});

test('RFC 3516 4.2: partial offsets count decoded octets', async () => {
  await using imap = await startImap();
  const client = await imap.login();
  await client.ok('APPEND INBOX', ENCODED);
  await client.ok('SELECT INBOX');
  const fetched = (await client.ok('FETCH 1 BINARY.PEEK[1]<1.3>')).untagged[0];
  expect([fetched?.text, `${fetched?.literals[0]}`]).toEqual(['* 1 FETCH (BINARY[1]<1> {3})', 'ell']);
});

test('RFC 3516 4.2: BINARY.SIZE is exactly the size of BINARY', async () => {
  await using imap = await startImap();
  const client = await imap.login();
  await client.ok('APPEND INBOX', ENCODED);
  await client.ok('SELECT INBOX');
  expect((await client.ok('FETCH 1 BINARY.SIZE[1]')).untagged[0]?.text).toBe('* 1 FETCH (BINARY.SIZE[1] 5)');
});

test('RFC 3516 4.1: data with NUL is a literal8', async () => {
  await using imap = await startImap();
  const client = await imap.login();
  await client.ok('APPEND INBOX', Buffer.from('Content-Transfer-Encoding: base64\r\n\r\nAAA=\r\n'));
  await client.ok('SELECT INBOX');
  expect((await client.ok('FETCH 1 BINARY.PEEK[1]')).untagged[0]?.text).toBe('* 1 FETCH (BINARY[1] ~{2})');
});

test('RFC 3516 4.3: an encoding that is not known is NO [UNKNOWN-CTE]', async () => {
  await using imap = await startImap();
  const client = await imap.login();
  await client.ok('APPEND INBOX', Buffer.from('Content-Transfer-Encoding: x-y\r\n\r\nx\r\n'));
  await client.ok('SELECT INBOX');
  expect((await client.command('FETCH 1 BINARY[1]')).text).toMatch(/^\[UNKNOWN-CTE\]/);
});

test('RFC 3516 4.4: APPEND takes a literal8 with NUL', async () => {
  await using imap = await startImap();
  const client = await imap.login();
  client.wire.send('a APPEND INBOX ~{39+}\r\nContent-Transfer-Encoding: binary\r\n\r\n\0\0\r\n');
  expect((await client.result('a')).status).toBe('OK');
  await client.ok('SELECT INBOX');
  expect((await client.ok('FETCH 1 BINARY.PEEK[1]')).untagged[0]?.literals[0]).toEqual(Buffer.from('\0\0'));
});
