// APPEND of several messages, and its limits, over a socket.
import { expect, test } from 'vitest';
import { message, startImap } from '#test/support/imap-server.ts';

const texts = (result: { untagged: readonly { text: string }[] }) => result.untagged.map(({ text }) => text);

/** `{n+}` and the bytes. */
function literal(bytes: Buffer): Buffer {
  return Buffer.concat([Buffer.from(`{${bytes.length}+}\r\n`), bytes]);
}

test('MULTIAPPEND: several messages with flags and dates of their own become one after the other', async () => {
  await using imap = await startImap();
  const client = await imap.login();
  const [one, two, three] = [message('one'), message('two', 'x'.repeat(100_000)), message('three')];
  const sent = [
    Buffer.from('a APPEND INBOX (\\Seen) "17-Jul-1996 02:44:25 -0700" '),
    literal(one),
    Buffer.from(' '),
    literal(two),
    Buffer.from(' (Work) '),
    literal(three),
    Buffer.from('\r\nb NOOP\r\n'),
  ];
  client.wire.send(Buffer.concat(sent));
  expect((await client.result('a')).text).toMatch(/^\[APPENDUID \d+ 1:3\]/);
  expect((await client.result('b')).status).toBe('OK');
  await client.ok('SELECT INBOX');
  const sizes = [one, two, three].map(({ length }) => length);
  expect(texts(await client.ok('FETCH 1:* (FLAGS RFC822.SIZE)')).filter((line) => line.includes('SIZE'))).toEqual([
    `* 1 FETCH (FLAGS (\\Seen \\Recent) RFC822.SIZE ${sizes[0]})`,
    `* 2 FETCH (FLAGS (\\Recent) RFC822.SIZE ${sizes[1]})`,
    `* 3 FETCH (FLAGS (\\Recent Work) RFC822.SIZE ${sizes[2]})`,
  ]);
  expect(texts(await client.ok('FETCH 1 INTERNALDATE'))).toEqual([
    '* 1 FETCH (INTERNALDATE "17-Jul-1996 02:44:25 -0700")',
  ]);
});

test('MULTIAPPEND: each literal is asked for when the client waits', async () => {
  await using imap = await startImap();
  const client = await imap.login();
  await client.ok('APPEND INBOX', message('one'), message('two'), message('three'));
  expect(texts(await client.ok('STATUS INBOX (MESSAGES)'))).toEqual(['* STATUS "INBOX" (MESSAGES 3)']);
});

test('MULTIAPPEND: when one is refused none is kept, and the rest is read as what it is', async () => {
  await using imap = await startImap({ messageSize: 100_000, quota: 150_000 });
  const client = await imap.login();
  const small = literal(message('small'));
  const attempts: [string, Buffer[]][] = [
    ['[TOOBIG]', [small, literal(Buffer.alloc(100_001, 'x'))]],
    ['[CANNOT]', [small, literal(Buffer.alloc(0)), small]],
    ['[OVERQUOTA]', [literal(Buffer.alloc(90_000, 'x')), literal(Buffer.alloc(90_000, 'x')), small]],
  ];
  for (const [code, messages] of attempts) {
    client.wire.send(
      Buffer.concat([Buffer.from('a APPEND INBOX'), ...messages.flatMap((bytes) => [Buffer.from(' '), bytes])]),
    );
    client.wire.send('\r\nb NOOP\r\n');
    expect(await client.result('a')).toMatchObject({ status: 'NO', text: expect.stringContaining(code) });
    expect((await client.result('b')).status).toBe('OK');
  }
  client.wire.send(
    Buffer.concat([Buffer.from('a APPEND INBOX '), small, Buffer.from(' (\\Nonsense) '), small, Buffer.from('\r\n')]),
  );
  expect((await client.result('a')).status).toBe('BAD');
  client.wire.send(Buffer.concat([Buffer.from('a APPEND INBOX '), small, Buffer.from(' more\r\n')]));
  expect((await client.result('a')).status).toBe('BAD');
  expect(texts(await client.ok('STATUS INBOX (MESSAGES)'))).toEqual(['* STATUS "INBOX" (MESSAGES 0)']);
});

test('MULTIAPPEND: more messages than one command may have are refused', async () => {
  await using imap = await startImap();
  const client = await imap.login();
  const one = Buffer.concat([Buffer.from(' '), literal(message('x'))]);
  client.wire.send(
    Buffer.concat([Buffer.from('a APPEND INBOX'), ...Array<Buffer>(1_001).fill(one), Buffer.from('\r\n')]),
  );
  expect((await client.result('a')).text).toMatch(/^\[LIMIT\]/);
  client.wire.send(
    Buffer.concat([Buffer.from('b APPEND INBOX'), ...Array<Buffer>(100).fill(one), Buffer.from('\r\n')]),
  );
  expect((await client.result('b')).text).toMatch(/^\[APPENDUID \d+ 1:100\]/);
});

test('APPENDLIMIT=52428800: the largest message, for all mailboxes', async () => {
  await using imap = await startImap();
  const client = await imap.login();
  expect(texts(await client.ok('STATUS INBOX (APPENDLIMIT)'))).toEqual(['* STATUS "INBOX" (APPENDLIMIT 52428800)']);
  client.wire.send('a APPEND INBOX {52428801}\r\n');
  expect((await client.result('a')).text).toMatch(/^\[TOOBIG\]/);
});
