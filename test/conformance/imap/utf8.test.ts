// The MUSTs of RFC 9755 (UTF8=ACCEPT), each by its section.
import { expect, test } from 'vitest';
import { startImap } from '#test/support/imap-server.ts';

const enabled = async (imap: Awaited<ReturnType<typeof startImap>>) => {
  const client = await imap.login();
  await client.ok('ENABLE UTF8=ACCEPT');
  return client;
};

test('RFC 9755 3: without ENABLE nothing is UTF-8', async () => {
  await using imap = await startImap();
  await imap.store.mail(imap.anna.id).createMailbox('Übersicht');
  const client = await imap.login();
  expect((await client.ok('LIST "" *bersicht')).untagged[0]?.text).toContain('"&ANw-bersicht"');
});

test('RFC 9755 3: quoted strings take UTF-8, and LIST and LSUB answer in it', async () => {
  await using imap = await startImap();
  const client = await enabled(imap);
  client.wire.send(Buffer.from('a CREATE "Übersicht"\r\nb LIST "" "Üb*"\r\n', 'utf8'));
  expect((await client.result('a')).status).toBe('OK');
  expect(Buffer.from((await client.result('b')).untagged[0]?.text ?? '', 'latin1').toString('utf8')).toContain(
    '"Übersicht"',
  );
});

test('RFC 9755 3: SEARCH with a charset is BAD', async () => {
  await using imap = await startImap();
  const client = await enabled(imap);
  await client.ok('SELECT INBOX');
  expect((await client.command('SEARCH CHARSET US-ASCII ALL')).status).toBe('BAD');
});

test('RFC 9755 4: APPEND takes a literal8', async () => {
  await using imap = await startImap();
  const client = await enabled(imap);
  client.wire.send('a APPEND INBOX ~{14+}\r\nSubject: x\r\n\r\n\r\n');
  expect((await client.result('a')).status).toBe('OK');
});
