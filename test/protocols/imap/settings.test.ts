// What an operator may switch off, for all and for one account, and LITERAL-.
import { expect, test } from 'vitest';
import { message, PASSWORD, startImap } from '#test/support/imap-server.ts';

const texts = (result: { untagged: readonly { text: string }[] }) => result.untagged.map(({ text }) => text);
const offered = (text: string) => /CAPABILITY ([^\]]+)/.exec(text)?.[1]?.split(' ') ?? [];

test('a capability that is off for all is not told, not enabled, and its commands are unknown', async () => {
  await using imap = await startImap({ off: ['QRESYNC', 'COMPRESS=DEFLATE', 'AUTH=LOGIN', 'APPENDLIMIT'] });
  const client = await imap.connect();
  expect(offered(client.greeting)).toContain('AUTH=PLAIN');
  expect(offered(client.greeting)).not.toContain('AUTH=LOGIN');
  expect((await client.command('AUTHENTICATE LOGIN')).status).toBe('NO');
  const after = offered((await client.ok(`LOGIN anna "${PASSWORD}"`)).text);
  expect(after).toContain('CONDSTORE');
  for (const name of ['QRESYNC', 'COMPRESS=DEFLATE', 'APPENDLIMIT=52428800']) expect(after).not.toContain(name);
  expect(texts(await client.ok('ENABLE QRESYNC CONDSTORE'))[0]).toBe('* ENABLED CONDSTORE');
  expect(await client.command('COMPRESS DEFLATE')).toMatchObject({ status: 'BAD', text: 'Unknown command' });
});

test('a capability that is off for an account is so from its next login on, and for nobody else', async () => {
  await using imap = await startImap();
  const { directory } = imap.store;
  await directory.setSetting(imap.anna.id, 'imap-off', ['compress=deflate', 'MOVE']);
  const [anna, bert] = [await imap.login(), await imap.login('bert')];
  const told = async (client: typeof anna) => offered(texts(await client.ok('CAPABILITY'))[0] ?? '');
  expect(await told(anna)).not.toContain('COMPRESS=DEFLATE');
  expect(await told(bert)).toContain('COMPRESS=DEFLATE');
  await anna.ok('SELECT INBOX');
  expect((await anna.command('UID MOVE 1 Trash')).status).toBe('BAD');
  await directory.setSetting(imap.anna.id, 'imap-off', []);
  await anna.ok('UNAUTHENTICATE');
  await anna.login('anna', PASSWORD);
  expect(await told(anna)).toContain('MOVE');
  await anna.ok('COMPRESS DEFLATE');
});

test('LITERAL-: small literals come without being asked for, larger ones are BAD, and the next command is understood', async () => {
  await using imap = await startImap({ literals: 'minus' });
  const client = await imap.connect();
  expect(offered(client.greeting)).toContain('LITERAL-');
  expect(offered(client.greeting)).not.toContain('LITERAL+');
  client.wire.send(`a LOGIN {4+}\r\nanna {${PASSWORD.length}+}\r\n${PASSWORD}\r\n`);
  expect((await client.result('a')).status).toBe('OK');
  const large = message('large', 'x'.repeat(5_000));
  client.wire.send(`b APPEND INBOX {${large.length}+}\r\n`);
  client.wire.send(large);
  client.wire.send('\r\nc NOOP\r\n');
  expect((await client.result('b')).status).toBe('BAD');
  expect((await client.result('c')).status).toBe('OK');
  await client.ok('APPEND INBOX', large);
  client.wire.send(`d APPEND INBOX {10+}\r\nA: b\r\n\r\nxx\r\n`);
  expect((await client.result('d')).status).toBe('OK');
});
