// COMPRESS and UNAUTHENTICATE, over a socket.
import { once } from 'node:events';
import { constants, deflateRawSync } from 'node:zlib';
import { ImapFlow } from 'imapflow';
import { expect, test } from 'vitest';
import { DeflateWire } from '#test/support/deflate-wire.ts';
import { message, PASSWORD, startImap } from '#test/support/imap-server.ts';

const texts = (result: { untagged: readonly { text: string }[] }) => result.untagged.map(({ text }) => text);

test('COMPRESS=DEFLATE: every reply is flushed, also those that nobody asked for', async () => {
  await using imap = await startImap();
  const other = await imap.login();
  const plain = await imap.login();
  const client = await DeflateWire.start(plain);
  expect(await client.command('a', 'SELECT INBOX')).toMatch(/^a OK \[READ-WRITE\]/m);
  await client.send('b IDLE\r\n');
  expect(await client.until(/\r\n/)).toBe('+ idling\r\n');
  await other.ok('APPEND INBOX', message('new'));
  expect(await client.until(/RECENT/)).toContain('* 1 EXISTS\r\n');
  await client.send('DONE\r\nc NOOP\r\n');
  expect(await client.until(/^c OK/m)).toMatch(/^b OK .*\r\nc OK/);
  expect(await client.command('d', 'COMPRESS DEFLATE')).toMatch(/^d BAD/);
  expect(await client.command('e', 'LOGOUT')).toMatch(/^\* BYE .*\r\ne OK/);
  if (!client.ended) await once(plain.wire.socket, 'close');
});

test('COMPRESS=DEFLATE: large messages go both ways, smaller than they are, under TLS too', async () => {
  await using imap = await startImap();
  const plain = await imap.connect({ secure: true });
  await plain.login('anna@example.test', PASSWORD);
  const client = await DeflateWire.start(plain);
  const body = message('large', 'All work and no play makes Jack a dull boy.\r\n'.repeat(50_000));
  await client.send(`a APPEND INBOX {${body.length}+}\r\n`);
  await client.send(body);
  await client.send('\r\n');
  expect(await client.until(/^a .*\r\n/m)).toMatch(/^a OK \[APPENDUID/);
  await client.command('b', 'SELECT INBOX');
  const before = client.received;
  const fetched = await client.command('c', 'FETCH 1 BODY.PEEK[]');
  expect(fetched).toContain(body.toString('latin1'));
  expect(client.received - before).toBeLessThan(body.length / 10);
});

test('COMPRESS=DEFLATE: an unknown algorithm and a wrong state are refused', async () => {
  await using imap = await startImap();
  const client = await imap.connect();
  expect((await client.command('COMPRESS DEFLATE')).status).toBe('BAD');
  await client.login('anna@example.test', PASSWORD);
  expect((await client.command('COMPRESS LZMA')).status).toBe('BAD');
  await client.ok('NOOP');
});

test('COMPRESS=DEFLATE: bytes that are no DEFLATE end the connection, and only that', async () => {
  await using imap = await startImap();
  const [client, steady] = [await imap.login(), await imap.login()];
  await client.ok('COMPRESS DEFLATE');
  client.wire.send(Buffer.alloc(1_000, 0xff));
  await client.wire.closed();
  await steady.ok('NOOP');
});

test('COMPRESS=DEFLATE: a bomb grows nothing and disturbs nobody', async () => {
  await using imap = await startImap();
  const [client, steady] = [await imap.login(), await imap.login()];
  await client.ok('COMPRESS DEFLATE');
  const before = process.memoryUsage().rss;
  // 512 MB of one line, in half a megabyte.
  const piece = deflateRawSync(Buffer.alloc(64 * 1024 * 1024, 'x'), { finishFlush: constants.Z_FULL_FLUSH });
  for (let count = 0; count < 8; count++) client.wire.send(piece);
  await steady.ok('NOOP');
  await client.wire.closed();
  await steady.ok('NOOP');
  expect(process.memoryUsage().rss - before).toBeLessThan(150 * 1024 * 1024);
});

test('COMPRESS=DEFLATE: imapflow uses it by itself', async () => {
  await using imap = await startImap();
  const client = new ImapFlow({
    ...{ host: '127.0.0.1', port: imap.port, secure: false, logger: false, tls: { rejectUnauthorized: false } },
    auth: { user: 'anna@example.test', pass: PASSWORD },
  });
  await client.connect();
  expect(client.capabilities.has('COMPRESS=DEFLATE')).toBe(true);
  await client.append('INBOX', message('by imapflow', 'x'.repeat(300_000)), ['\\Seen']);
  const lock = await client.getMailboxLock('INBOX');
  const fetched = await client.fetchOne('1', { source: true });
  lock.release();
  expect(fetched ? fetched.source?.length : 0).toBeGreaterThan(300_000);
  await client.logout();
});

test('UNAUTHENTICATE: the session is as before the login, and another user may log in', async () => {
  await using imap = await startImap();
  const client = await imap.connect();
  expect((await client.command('UNAUTHENTICATE')).status).toBe('BAD');
  await client.login('anna@example.test', PASSWORD);
  await client.ok('APPEND INBOX', message('of anna'));
  await client.ok('SELECT INBOX');
  expect((await client.ok('UNAUTHENTICATE')).text).toMatch(/^\[CAPABILITY .*AUTH=PLAIN/);
  for (const command of ['NOOP', 'CAPABILITY']) await client.ok(command);
  for (const command of ['SELECT INBOX', 'FETCH 1 FLAGS', 'LIST "" *']) {
    expect((await client.command(command)).status, command).toBe('BAD');
  }
  await client.login('bert@example.test', PASSWORD);
  expect(texts(await client.ok('STATUS INBOX (MESSAGES)'))).toEqual(['* STATUS "INBOX" (MESSAGES 0)']);
});

test('UNAUTHENTICATE: ends compression with its reply', async () => {
  await using imap = await startImap();
  const plain = await imap.login();
  const client = await DeflateWire.start(plain);
  expect(await client.command('a', 'UNAUTHENTICATE')).toMatch(/^a OK/);
  const socket = plain.wire.socket;
  socket.removeAllListeners('data');
  socket.write(`b LOGIN bert@example.test "${PASSWORD}"\r\n`);
  const [reply] = (await once(socket, 'data')) as [Buffer];
  expect(reply.toString('latin1')).toMatch(/^b OK \[CAPABILITY .*COMPRESS=DEFLATE/);
  socket.write('c COMPRESS DEFLATE\r\n');
  expect(String((await once(socket, 'data'))[0])).toMatch(/^c OK/);
  const again = new DeflateWire(socket);
  expect(await again.command('d', 'NOOP')).toMatch(/^d OK/);
});
