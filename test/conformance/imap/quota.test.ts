// The MUSTs of RFC 9208 (QUOTA), each by its section.
import { expect, test } from 'vitest';
import { message, startImap } from '#test/support/imap-server.ts';

test('RFC 9208 3.1.1, 4.2.1: a resource without a limit is not listed', async () => {
  await using imap = await startImap();
  const client = await imap.login();
  expect((await client.ok('GETQUOTA ""')).untagged[0]?.text).toBe('* QUOTA "" ()');
});

test('RFC 9208 4.1.2: GETQUOTAROOT answers QUOTAROOT and the QUOTA of each root', async () => {
  await using imap = await startImap({ quota: 1_024_000 });
  const client = await imap.login();
  expect((await client.ok('GETQUOTAROOT Sent')).untagged.map(({ text }) => text)).toEqual([
    '* QUOTAROOT "Sent" ""',
    '* QUOTA "" (STORAGE 0 1000)',
  ]);
});

test('RFC 9208 5.1, 5.2: DELETED and DELETED-STORAGE come with the resource types', async () => {
  await using imap = await startImap();
  const client = await imap.login();
  const bytes = message('one');
  await client.ok('APPEND INBOX (\\Deleted)', bytes);
  expect((await client.ok('STATUS INBOX (DELETED DELETED-STORAGE)')).untagged[0]?.text).toBe(
    `* STATUS "INBOX" (DELETED 1 DELETED-STORAGE ${bytes.length})`,
  );
});

test('RFC 9208 4.3: what would pass the quota is refused with OVERQUOTA', async () => {
  await using imap = await startImap({ quota: 100 });
  const client = await imap.login();
  expect((await client.command('APPEND INBOX', Buffer.alloc(200, 'x'))).text).toMatch(/^\[OVERQUOTA\]/);
});
