// The MUSTs of RFC 8508 (REPLACE) and RFC 4469 (CATENATE), each by its section.
import { expect, test } from 'vitest';
import { message, startImap } from '#test/support/imap-server.ts';

test('RFC 8508 3.3: the old message goes only if the new one came', async () => {
  await using imap = await startImap({ quota: 10_000 });
  const client = await imap.login();
  await client.ok('APPEND INBOX', message('old'));
  await client.ok('SELECT INBOX');
  expect((await client.command('REPLACE 1 INBOX', Buffer.alloc(20_000, 'x'))).text).toMatch(/^\[OVERQUOTA\]/);
  expect((await client.ok('FETCH 1 UID')).untagged[0]?.text).toBe('* 1 FETCH (UID 1)');
});

test('RFC 8508 3.3: APPENDUID is told before EXPUNGE', async () => {
  await using imap = await startImap();
  const client = await imap.login();
  await client.ok('APPEND INBOX', message('old'));
  await client.ok('SELECT INBOX');
  const lines = (await client.ok('REPLACE 1 INBOX', message('new'))).untagged.map(({ text }) => text);
  expect(lines.findIndex((line) => line.includes('APPENDUID'))).toBeLessThan(lines.indexOf('* 1 EXPUNGE'));
});

test('RFC 8508 3.4: UID REPLACE takes a UID', async () => {
  await using imap = await startImap();
  const client = await imap.login();
  await client.ok('APPEND INBOX', message('one'), message('two'));
  await client.ok('SELECT INBOX');
  await client.ok('UID REPLACE 2 INBOX', message('three'));
  expect((await client.ok('UID SEARCH ALL')).untagged[0]?.text).toBe('* SEARCH 1 3');
});

test('RFC 4469 4: a URL that can not be used is told in BADURL', async () => {
  await using imap = await startImap();
  const client = await imap.login();
  expect((await client.command('APPEND INBOX CATENATE (URL "/x/;UID=1")')).text).toMatch(/^\[BADURL "\/x\/;UID=1"\]/);
});

test('RFC 4469 3: the message is over the limit as a whole: TOOBIG', async () => {
  await using imap = await startImap({ messageSize: 1_000 });
  const client = await imap.login();
  const text = 'x'.repeat(600);
  client.wire.send(`a APPEND INBOX CATENATE (TEXT {600+}\r\n${text} TEXT {600+}\r\n${text})\r\n`);
  expect((await client.result('a')).text).toMatch(/^\[TOOBIG\]/);
});
