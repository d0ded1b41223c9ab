// QUOTA, over a socket.
import { ImapFlow } from 'imapflow';
import { expect, test } from 'vitest';
import { message, PASSWORD, startImap } from '#test/support/imap-server.ts';

const texts = (result: { untagged: readonly { text: string }[] }) => result.untagged.map(({ text }) => text);

test('QUOTA: the root of a mailbox, what is used of it and its limit', async () => {
  await using imap = await startImap({ quota: 1_000_000 });
  const client = await imap.login();
  await client.ok('APPEND INBOX', message('one', 'x'.repeat(10_000)));
  const { bytes } = await imap.store.mail(imap.anna.id).quota();
  const expected = `* QUOTA "" (STORAGE ${Math.ceil(bytes / 1024)} 977)`;
  expect(texts(await client.ok('GETQUOTA ""'))).toEqual([expected]);
  expect(texts(await client.ok('GETQUOTAROOT INBOX'))).toEqual(['* QUOTAROOT "INBOX" ""', expected]);
  expect(await client.command('GETQUOTA other')).toMatchObject({ status: 'NO' });
  expect(await client.command('GETQUOTAROOT none')).toMatchObject({ status: 'NO' });
  expect((await client.command('SETQUOTA "" (STORAGE 5)')).text).toMatch(/^\[NOPERM\]/);
  expect(texts(await (await imap.login('bert')).ok('GETQUOTA ""'))).toEqual(['* QUOTA "" ()']);
  const flow = new ImapFlow({
    ...{ host: '127.0.0.1', port: imap.port, secure: false, logger: false, tls: { rejectUnauthorized: false } },
    auth: { user: 'anna@example.test', pass: PASSWORD },
  });
  await flow.connect();
  expect(await flow.getQuota('INBOX')).toMatchObject({ storage: { limit: 977 * 1024 } });
  await flow.logout();
});

test('QUOTA=RES-STORAGE: DELETED-STORAGE tells what EXPUNGE would free; too much is [OVERQUOTA]', async () => {
  await using imap = await startImap({ quota: 30_000 });
  const client = await imap.login();
  const bytes = message('one', 'x'.repeat(10_000));
  await client.ok('APPEND INBOX (\\Deleted)', bytes);
  await client.ok('APPEND INBOX', bytes);
  expect(texts(await client.ok('STATUS INBOX (DELETED-STORAGE)'))).toEqual([
    `* STATUS "INBOX" (DELETED-STORAGE ${bytes.length})`,
  ]);
  expect((await client.command('APPEND INBOX', bytes)).text).toMatch(/^\[OVERQUOTA\]/);
  await client.ok('SELECT INBOX');
  expect((await client.command('COPY 1:2 Archive')).text).toMatch(/^\[OVERQUOTA\]/);
  await client.ok('EXPUNGE');
  await client.ok('APPEND INBOX', bytes);
});

test('QUOTA=RES-MESSAGE: STATUS counts the messages marked \\Deleted', async () => {
  await using imap = await startImap();
  const client = await imap.login();
  await client.ok('APPEND INBOX (\\Deleted)', message('one'), message('two'));
  expect(texts(await client.ok('STATUS INBOX (DELETED MESSAGES)'))).toEqual([
    '* STATUS "INBOX" (DELETED 1 MESSAGES 2)',
  ]);
  expect(texts(await client.ok('STATUS Sent (DELETED)'))).toEqual(['* STATUS "Sent" (DELETED 0)']);
});
