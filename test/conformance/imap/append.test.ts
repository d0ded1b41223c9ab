// The MUSTs of RFC 3502 (MULTIAPPEND) and RFC 7889 (APPENDLIMIT), each by its section.
import { expect, test } from 'vitest';
import { message, startImap } from '#test/support/imap-server.ts';

test('RFC 3502 6.3.11: if any message can not be appended, none is', async () => {
  await using imap = await startImap({ messageSize: 5_000 });
  const client = await imap.login();
  expect((await client.command('APPEND INBOX', message('small'), message('big', 'x'.repeat(6_000)))).status).toBe('NO');
  expect((await client.ok('STATUS INBOX (MESSAGES UIDNEXT)')).untagged[0]?.text).toBe(
    '* STATUS "INBOX" (MESSAGES 0 UIDNEXT 1)',
  );
});

test('RFC 3502 6.3.11: an empty literal aborts the command with NO', async () => {
  await using imap = await startImap();
  const client = await imap.login();
  expect((await client.command('APPEND INBOX', message('one'), Buffer.alloc(0))).status).toBe('NO');
  expect((await client.ok('STATUS INBOX (MESSAGES)')).untagged[0]?.text).toBe('* STATUS "INBOX" (MESSAGES 0)');
});

test('RFC 3502 6.3.11: [TRYCREATE] when the mailbox is not there', async () => {
  await using imap = await startImap();
  const client = await imap.login();
  expect((await client.command('APPEND none', message('one'), message('two'))).text).toMatch(/^\[TRYCREATE\]/);
});

test('RFC 7889 2, 4: what is over the limit is refused with [TOOBIG] before it is sent', async () => {
  await using imap = await startImap({ messageSize: 100_000 });
  const client = await imap.login();
  expect((await client.ok('CAPABILITY')).untagged[0]?.text).toContain(' APPENDLIMIT=100000');
  client.wire.send('a APPEND INBOX {100001}\r\n');
  expect((await client.result('a')).text).toMatch(/^\[TOOBIG\]/);
});
