// UIDBATCHES over sockets.
import { expect, test } from 'vitest';
import { type ImapServer, message, startImap } from '#test/support/imap-server.ts';
import type { ImapWire } from '#test/support/wire.ts';

/** The ranges of a reply, each as [high, low]. */
async function ranges(client: ImapWire, command: string): Promise<number[][]> {
  const { untagged } = await client.ok(command);
  const [line = ''] = untagged.map(({ text }) => text).filter((text) => text.startsWith('* UIDBATCHES '));
  const [, found = ''] = /^\* UIDBATCHES \(TAG "[^"]+"\) ?(.*)$/.exec(line) ?? [];
  expect(line).not.toBe('');
  if (found === '') return [];
  // Each is a uid-range of RFC 9051 9, which has both ends.
  expect(found).toMatch(/^[1-9]\d*:[1-9]\d*(,[1-9]\d*:[1-9]\d*)*$/);
  return found.split(',').map((range) => range.split(':').map(Number));
}

/** INBOX with 1,600 messages of which the UIDs 1 and 11 to 90 are gone. */
async function fill(imap: ImapServer): Promise<ImapWire> {
  const client = await imap.login();
  const one = message('x');
  for (let round = 0; round < 4; round++) {
    const literal = ` {${one.length}+}\r\n${one}`;
    client.wire.send(`m${round} APPEND INBOX${literal.repeat(400)}\r\n`);
    expect((await client.result(`m${round}`)).status).toBe('OK');
  }
  await client.ok('SELECT INBOX');
  await client.ok('UID STORE 1,11:90 +FLAGS.SILENT (\\Deleted)');
  await client.ok('EXPUNGE');
  return client;
}

test('UIDBATCHES: ranges of so many messages, the newest first, without a gap and down to 1', async () => {
  await using imap = await startImap();
  const client = await fill(imap);
  expect(await ranges(client, 'UIDBATCHES 500')).toEqual([
    [1600, 1101],
    [1100, 601],
    [600, 101],
    [100, 1],
  ]);
  expect(await ranges(client, 'UIDBATCHES 500 2:3')).toEqual([
    [1100, 601],
    [600, 101],
  ]);
  expect(await ranges(client, 'UIDBATCHES 1519 1:1')).toEqual([[1600, 1]]);
  // One message is left for the second.
  expect(await ranges(client, 'UIDBATCHES 1518')).toEqual([
    [1600, 3],
    [2, 1],
  ]);
  expect(await ranges(client, 'UIDBATCHES 500 50:4294967295')).toEqual([]);
  // What is told can be used as it is.
  expect((await client.ok('UID SEARCH UID 1100:601')).untagged[0]?.text.split(' ')).toHaveLength(502);
});

test('UIDBATCHES: a single UID is a range with both ends', async () => {
  await using imap = await startImap();
  const client = await imap.login();
  await client.ok('APPEND INBOX', Buffer.from(message('x')));
  await client.ok('SELECT INBOX');
  expect(await ranges(client, 'UIDBATCHES 500')).toEqual([[1, 1]]);
});

test('UIDBATCHES: an empty mailbox has no batch, and the reply comes all the same', async () => {
  await using imap = await startImap();
  const client = await imap.login();
  expect((await client.command('UIDBATCHES 500')).status).toBe('BAD');
  await client.ok('SELECT INBOX');
  expect(await ranges(client, 'UIDBATCHES 500')).toEqual([]);
});

test('UIDBATCHES: small batches, ranges that fall and nonsense are refused', async () => {
  await using imap = await startImap();
  const client = await imap.login();
  await client.ok('SELECT INBOX');
  expect((await client.command('UIDBATCHES 499')).text).toMatch(/^\[TOOFEW\] /);
  expect((await client.command('UIDBATCHES 500 20:10')).text).toMatch(/^\[CLIENTBUG\] /);
  for (const wrong of ['', ' ', ' 0', ' x', ' 500 1', ' 500 0:1', ' 500 1:*', ' 500 1:2 3', ' 4294967296']) {
    expect((await client.command(`UIDBATCHES${wrong}`)).status, wrong).toBe('BAD');
  }
});
