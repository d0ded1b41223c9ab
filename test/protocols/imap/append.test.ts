// APPEND over a socket: bytes kept exactly, refusals before and after the literal, and nothing ever out of step.
import { expect, test } from 'vitest';
import { StoreError } from '#storage/errors.ts';
import { type ImapServerOptions, message, startImap } from '#test/support/imap-server.ts';
import type { ImapWire } from '#test/support/wire.ts';

const texts = (result: { untagged: readonly { text: string }[] }) => result.untagged.map(({ text }) => text);

test('\\Recent is no flag of a client: APPEND and STORE with it are BAD (RFC 3501 2.3.2, 9)', async () => {
  await using imap = await startImap();
  const client = await imap.login();
  expect((await client.command('APPEND INBOX (\\Seen \\Recent)', message('one'))).status).toBe('BAD');
  await client.ok('APPEND INBOX', message('one'));
  await client.ok('SELECT INBOX');
  for (const action of ['', '+', '-']) {
    expect((await client.command(`STORE 1 ${action}FLAGS (\\Recent)`)).status).toBe('BAD');
  }
});

test('a message is kept byte for byte, with its flags and its date in its zone', async () => {
  await using imap = await startImap();
  const client = await imap.login();
  const odd = Buffer.concat([Buffer.from('From: a@b\nbare LF\r\n\r\n8-bit \xff\xfe \r alone', 'latin1')]);
  await client.ok('APPEND Drafts (\\Draft $Label1) "31-Dec-1999 23:59:59 -1130"', odd);
  await client.ok('SELECT Drafts');
  const result = await client.ok('FETCH 1 (FLAGS INTERNALDATE RFC822.SIZE BODY.PEEK[])');
  expect(texts(result)).toEqual([
    `* 1 FETCH (FLAGS (\\Draft \\Recent $Label1) INTERNALDATE "31-Dec-1999 23:59:59 -1130" RFC822.SIZE ${odd.length} BODY[] {${odd.length}})`,
  ]);
  expect(result.untagged[0]?.literals[0]?.equals(odd)).toBe(true);
});

test('an APPEND to the selected mailbox is told with EXISTS before it is answered', async () => {
  await using imap = await startImap();
  const client = await imap.login();
  await client.ok('SELECT INBOX');
  expect(texts(await client.ok('APPEND INBOX', message('one')))).toEqual(['* 1 EXISTS', '* 1 RECENT']);
  expect(texts(await client.ok('APPEND INBOX (\\Seen)', message('two')))).toEqual(['* 2 EXISTS', '* 2 RECENT']);
});

test('the mailbox may be a literal too, and everything may come in one packet', async () => {
  await using imap = await startImap();
  const client = await imap.login();
  const text = message('x').toString('latin1');
  client.wire.send(
    `a APPEND {5+}\r\nINBOX (\\Seen) {${text.length}+}\r\n${text}\r\nb STATUS INBOX (MESSAGES UNSEEN)\r\nc NOOP\r\n`,
  );
  expect((await client.result('a')).text).toMatch(/^\[APPENDUID \d+ 1\]/);
  expect(texts(await client.result('b'))).toEqual(['* STATUS "INBOX" (MESSAGES 1 UNSEEN 0)']);
  expect((await client.result('c')).status).toBe('OK');
});

test('a missing mailbox is told with TRYCREATE before the message is sent', async () => {
  await using imap = await startImap();
  const client = await imap.login();
  expect(await client.command('APPEND none', message('x'))).toMatchObject({
    status: 'NO',
    text: '[TRYCREATE] No such mailbox',
  });
  client.wire.send(`a APPEND none {10+}\r\n0123456789\r\nb NOOP\r\n`);
  expect(await client.result('a')).toMatchObject({ status: 'NO', text: '[TRYCREATE] No such mailbox' });
  expect((await client.result('b')).status).toBe('OK');
});

test('a message goes into the mailbox that has the name now, not the one that another session had found there', async () => {
  await using imap = await startImap();
  const [one, two] = [await imap.login(), await imap.login()];
  await one.ok('CREATE a/b');
  const text = message('x').toString('latin1');
  const append = async (tag: string) => {
    two.wire.send(`${tag} APPEND a/b {${text.length}+}\r\n${text}\r\n`);
    return two.result(tag);
  };
  expect((await append('t1')).status).toBe('OK');
  await one.ok('RENAME a/b c');
  expect(await append('t2')).toMatchObject({ status: 'NO', text: '[TRYCREATE] No such mailbox' });
  await one.ok('CREATE a/b');
  expect((await append('t3')).status).toBe('OK');
  await one.ok('RENAME a d');
  await one.ok('CREATE a/b');
  expect((await append('t4')).status).toBe('OK');
  await one.ok('DELETE a/b');
  expect(await append('t5')).toMatchObject({ status: 'NO', text: '[TRYCREATE] No such mailbox' });
  const counts = async (path: string) => texts(await one.ok(`STATUS ${path} (MESSAGES)`)).join();
  expect(await counts('c')).toContain('MESSAGES 1');
  expect(await counts('d/b')).toContain('MESSAGES 1');
});

test('what is too large is refused, sent or not, and the next command is read as one', async () => {
  await using imap = await startImap({ messageSize: 100_000 });
  const client = await imap.login();
  const big = Buffer.alloc(100_001, 'x\r\n');
  expect(await client.command('APPEND INBOX', big)).toMatchObject({
    status: 'NO',
    text: expect.stringMatching(/^\[TOOBIG\]/),
  });
  client.wire.send(`a APPEND INBOX {${big.length}+}\r\n`);
  client.wire.send(big);
  client.wire.send('\r\nb NOOP\r\n');
  expect(await client.result('a')).toMatchObject({ status: 'NO', text: expect.stringMatching(/^\[TOOBIG\]/) });
  expect((await client.result('b')).status).toBe('OK');
  expect(await client.command('APPEND INBOX {4294967296}')).toMatchObject({
    status: 'NO',
    text: expect.stringMatching(/^\[TOOBIG\]/),
  });
  expect((await client.command('APPEND INBOX {0}')).status).toBe('NO');
  client.wire.send('c APPEND INBOX {4294967296+}\r\n');
  expect((await client.result('c')).text).toMatch(/^\[TOOBIG\]/);
  expect((await client.response()).text).toBe('* BYE Literal too large');
  await client.wire.closed();
});

test('wrong arguments are BAD, and a literal that came with them is thrown away', async () => {
  await using imap = await startImap();
  const client = await imap.login();
  const wrong = [
    'APPEND INBOX',
    'APPEND INBOX (\\Nonsense)',
    'APPEND INBOX "31-Feb-2026 00:00:00 +0000"',
    'APPEND INBOX (a) (b)',
  ];
  for (const command of wrong) {
    expect((await client.command(command)).status, command).toBe('BAD');
    client.wire.send(`a ${command} x {5+}\r\nhello\r\nb NOOP\r\n`);
    expect((await client.result('a')).status, command).toBe('BAD');
    expect((await client.result('b')).status, command).toBe('OK');
  }
  // What follows the message belongs to the command.
  client.wire.send('c APPEND INBOX {5+}\r\nhello extra\r\nd NOOP\r\n');
  expect((await client.result('c')).status).toBe('BAD');
  expect((await client.result('d')).status).toBe('OK');
  expect(texts(await client.ok('STATUS INBOX (MESSAGES)'))).toEqual(['* STATUS "INBOX" (MESSAGES 0)']);
});

test('an APPEND before login is refused and its literal thrown away', async () => {
  await using imap = await startImap();
  const client = await imap.connect();
  client.wire.send('a APPEND INBOX {100000+}\r\n');
  client.wire.send(Buffer.alloc(100_000, 'x'));
  client.wire.send('\r\nb NOOP\r\n');
  expect((await client.result('a')).status).toBe('BAD');
  expect((await client.result('b')).status).toBe('OK');
});

test('over quota is OVERQUOTA, known before the message is sent', async () => {
  await using imap = await startImap({ quota: 5_000 });
  const client = await imap.login();
  await client.ok('APPEND INBOX', message('fits', 'x'.repeat(3_000)));
  const result = await client.command('APPEND INBOX', message('does not', 'x'.repeat(3_000)));
  expect(result).toMatchObject({ status: 'NO', text: '[OVERQUOTA] The quota would be exceeded' });
  await client.ok('SELECT INBOX');
  expect(await client.command('COPY 1 Archive')).toMatchObject({
    status: 'NO',
    text: expect.stringContaining('[OVERQUOTA]'),
  });
});

/** A store whose staging fails after so many bytes. */
function failing(code: 'no-space' | 'limit', after: number): NonNullable<ImapServerOptions['wrap']> {
  return (store) => ({
    mail: (id) => store.mail(id),
    stage: (options) => {
      const staging = store.stage(options);
      let bytes = 0;
      return {
        write: (chunk) => {
          bytes += chunk.length;
          if (bytes > after) throw new StoreError(code, 'injected');
          return staging.write(chunk);
        },
        finish: () => staging.finish(),
        [Symbol.asyncDispose]: () => staging[Symbol.asyncDispose](),
      };
    },
  });
}

test('a full disk in the middle of a message is UNAVAILABLE, and the rest of it is read to its end', async () => {
  await using imap = await startImap({ wrap: failing('no-space', 200_000) });
  const client = await imap.login();
  const big = message('big', 'x'.repeat(1_000_000));
  expect(await client.command('APPEND INBOX', big)).toMatchObject({
    status: 'NO',
    text: expect.stringMatching(/^\[UNAVAILABLE\]/),
  });
  await client.ok('NOOP');
  await client.ok('APPEND INBOX', message('small'));
});

test('a connection cut in the middle of a message adds nothing', async () => {
  await using imap = await startImap();
  const client = await imap.login();
  client.wire.send('a APPEND INBOX {100000}\r\n');
  expect((await client.response()).text).toMatch(/^\+/);
  client.wire.send(Buffer.alloc(50_000, 'x'));
  await new Promise((resolve) => setTimeout(resolve, 20));
  client.wire.destroy();
  const other = await imap.login();
  expect(texts(await other.ok('STATUS INBOX (MESSAGES UIDNEXT)'))).toEqual(['* STATUS "INBOX" (MESSAGES 0 UIDNEXT 1)']);
});

test('clients that send 200 MB together do not grow the process by as much', async () => {
  await using imap = await startImap();
  const clients = await Promise.all(Array.from({ length: 10 }, () => imap.login()));
  const piece = Buffer.from(`${'0123456789abcdef'.repeat(4_095)}01234567890123\r\n`);
  const before = process.memoryUsage().rss;
  let most = 0;
  const watch = setInterval(() => {
    most = Math.max(most, process.memoryUsage().rss - before);
  }, 20);
  const send = async (client: ImapWire) => {
    const header = message('big');
    client.wire.send(`a APPEND INBOX {${header.length + 320 * piece.length}+}\r\n`);
    client.wire.send(header);
    for (let sent = 0; sent < 320; sent++) {
      if (!client.wire.socket.write(piece)) await new Promise((resolve) => client.wire.socket.once('drain', resolve));
    }
    client.wire.send('\r\n');
    expect((await client.result('a')).status).toBe('OK');
  };
  await Promise.all(clients.map(send));
  clearInterval(watch);
  // Both ends are in this process.
  expect(most).toBeLessThan(150 * 1024 * 1024);
});
