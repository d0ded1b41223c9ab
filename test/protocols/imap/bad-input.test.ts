// What a hostile client can send, line by line of what is asked of IMAP: a clear BAD, NO or BYE, bounded memory, and other
// sessions undisturbed. (Bombs in COMPRESS=DEFLATE are in compress.test.ts.)
import { expect, test } from 'vitest';
import { type ImapServer, message, startImap } from '#test/support/imap-server.ts';
import { type ImapWire, WireClosed } from '#test/support/wire.ts';

/** What memory may grow by while much more is sent: buffers on both sides of the socket, and what waits to be collected. */
const GROWTH = 64 * 1024 * 1024;

/** A session that must not notice anything, and a hostile one with INBOX selected. */
async function two(imap: ImapServer): Promise<{ steady: ImapWire; client: ImapWire }> {
  const [steady, client] = [await imap.login('bert'), await imap.login()];
  for (const name of ['one', 'two']) await client.ok('APPEND INBOX', message(name));
  for (const one of [steady, client]) await one.ok('SELECT INBOX');
  return { steady, client };
}

function used(): number {
  const { heapUsed, external, arrayBuffers } = process.memoryUsage();
  return heapUsed + external + arrayBuffers;
}

/** Sends pieces until the server has enough of them or `most` bytes are sent; the most that memory grew by meanwhile. */
async function flood(client: ImapWire, piece: string, most: number): Promise<number> {
  const before = used();
  let growth = 0;
  const bytes = Buffer.from(piece.repeat(Math.ceil(65_536 / piece.length)));
  for (let sent = 0; sent < most && !client.wire.socket.destroyed; sent += bytes.length) {
    if (!client.wire.socket.write(bytes)) {
      await new Promise<void>((resolve) => {
        client.wire.socket.once('drain', resolve);
        client.wire.socket.once('close', () => resolve());
      });
    }
    growth = Math.max(growth, used() - before);
  }
  return growth;
}

/** The reply with this tag, or the BYE that came instead of it. */
async function answer(client: ImapWire, tag: string): Promise<string> {
  try {
    for (;;) {
      const { text } = await client.response();
      if (text.startsWith(`${tag} `) || text.startsWith('* BYE')) return text;
    }
  } catch (error) {
    if (error instanceof WireClosed) return 'closed';
    throw error;
  }
}

test('a literal of 4 GB is refused before it is sent; one that is on its way is not kept', async () => {
  await using imap = await startImap();
  const { steady, client } = await two(imap);
  for (const command of ['APPEND INBOX {4294967295}', 'LOGIN {4294967295}', 'SEARCH SUBJECT {4294967296}']) {
    client.wire.send(`a ${command}\r\n`);
    expect(await answer(client, 'a'), command).toMatch(/^a (NO|BAD) /);
  }
  await client.ok('NOOP');
  client.wire.send('b APPEND INBOX {4294967295+}\r\n');
  expect(await flood(client, 'x'.repeat(1_000), 400 * 1024 * 1024)).toBeLessThan(GROWTH);
  expect(await answer(client, 'b')).toMatch(/^(b (NO|BAD) |\* BYE |closed)/);
  await steady.ok('NOOP');
  const again = await imap.login();
  await again.ok('SELECT INBOX');
  expect((await again.ok('SEARCH ALL')).untagged[0]?.text).toBe('* SEARCH 1 2');
});

test('100,000 list items are too many, in one line or in literals', async () => {
  await using imap = await startImap();
  const { steady, client } = await two(imap);
  const many = (item: string, count: number) => `${`${item} `.repeat(count - 1)}${item}`;
  // As many as a line holds.
  for (const command of [
    `FETCH 1 (${many('UID', 30_000)})`,
    `FETCH 1 BODY[HEADER.FIELDS (${many('a', 60_000)})]`,
    `STORE 1 FLAGS (${many('k', 60_000)})`,
    `STATUS INBOX (${many('UNSEEN', 18_000)})`,
    `LIST "" (${many('*', 60_000)})`,
    `SEARCH RETURN (${many('ALL', 30_000)}) ALL`,
    `SORT (${many('DATE', 25_000)}) UTF-8 ALL`,
    `SEARCH ${many('ALL', 30_000)}`,
    `ID (${many('"a" "b"', 15_000)})`,
    `UID FETCH 1 FLAGS (${many('VANISHED', 14_000)})`,
    `SETMETADATA INBOX (${many('/private/a "x"', 8_000)})`,
    `STORE 1 ANNOTATION (${many('/comment (value.priv "x")', 4_800)})`,
    `URLFETCH ${many('imap://x', 14_000)}`,
    `NOTIFY SET ${many('(personal NONE)', 8_000)}`,
  ]) {
    expect((await client.command(command)).status, command.slice(0, 30)).toMatch(/^(BAD|NO)$/);
  }
  // RFC 5161 3.1: what is not known is ignored, however much it is.
  expect((await client.command(`ENABLE ${many('X', 60_000)}`)).status).toBe('OK');
  client.wire.send(`c SEARCH ${'SUBJECT {1+}\r\nx '.repeat(100_000)}ALL\r\n`);
  expect(await answer(client, 'c')).toMatch(/^(c (NO|BAD) |\* BYE |closed)/);
  await steady.ok('NOOP');
});

test('a line with 100,000 items, or with no end, ends the session', async () => {
  await using imap = await startImap();
  for (const piece of ['UID ', '1,3,', '(', '"', 'x', '{', '\0']) {
    const { steady, client } = await two(imap);
    client.wire.send('a FETCH 1:2,');
    expect(await flood(client, piece, 64 * 1024 * 1024), JSON.stringify(piece)).toBeLessThan(GROWTH);
    expect(await answer(client, 'a')).toMatch(/^(\* BYE |a BAD |closed)/);
    await steady.ok('NOOP');
    steady.wire.destroy();
  }
});

test('search keys that are nested 10,000 deep are refused, in every form', async () => {
  await using imap = await startImap();
  const { steady, client } = await two(imap);
  const deep = 10_000;
  for (const keys of [
    `${'('.repeat(deep)}ALL${')'.repeat(deep)}`,
    '('.repeat(deep),
    `${'NOT '.repeat(deep)}ALL`,
    `${'OR ALL '.repeat(deep)}ALL`,
    `${'FUZZY '.repeat(deep)}ALL`,
    `${'OR '.repeat(deep)}${'ALL '.repeat(deep)}ALL`,
    `${'NOT ('.repeat(deep)}ALL${')'.repeat(deep)}`,
  ]) {
    for (const command of ['SEARCH', 'UID SEARCH', 'SORT (DATE) UTF-8', 'THREAD REFERENCES UTF-8', 'ESEARCH']) {
      expect((await client.command(`${command} ${keys}`)).status, `${command} ${keys.slice(0, 20)}`).toBe('BAD');
      await client.ok('NOOP');
    }
  }
  // Nested lists elsewhere.
  for (const command of [
    `FETCH 1 ${'('.repeat(deep)}`,
    `LIST ${'('.repeat(deep)}`,
    `ID ${'('.repeat(deep)}`,
    `FETCH 1 BODY[${'1.'.repeat(deep)}1]`,
    `NOTIFY SET ${'('.repeat(deep)}`,
    `GETMETADATA ${'('.repeat(deep)}`,
  ]) {
    expect((await client.command(command)).status, command.slice(0, 20)).toBe('BAD');
    await client.ok('NOOP');
  }
  await steady.ok('NOOP');
});

test('a sequence set of very many ranges is too many, or too long; one of very many messages is one range', async () => {
  await using imap = await startImap();
  const { steady, client } = await two(imap);
  const scattered = Array.from({ length: 21_000 }, (_, at) => at * 2 + 1).join();
  expect((await client.command(`FETCH ${scattered} UID`)).status).toBe('BAD');
  const ranges = Array.from({ length: 10_000 }, (_, at) => `${at * 4 + 1}:${at * 4 + 2}`).join();
  expect((await client.ok(`UID FETCH ${ranges} UID`)).untagged).toHaveLength(2);
  for (const set of ['1:4294967295', '4294967295:1', '*:4294967295', '1:4294967295,1:4294967295']) {
    expect((await client.ok(`UID FETCH ${set} UID`)).untagged.length, set).toBeGreaterThan(0);
    await client.ok(`UID SEARCH UID ${set}`);
    await client.ok(`UID STORE ${set} +FLAGS.SILENT (\\Seen)`);
    await client.ok(`UID COPY ${set} Archive`);
  }
  await client.ok('ENABLE QRESYNC');
  const [, validity] =
    /UIDVALIDITY (\d+)/.exec((await client.ok('STATUS INBOX (UIDVALIDITY)')).untagged[0]?.text ?? '') ?? [];
  expect(
    (await client.command(`SELECT INBOX (QRESYNC (${validity} 1 1:4294967295 (1:4294967295 1:4294967295)))`)).status,
  ).toBe('OK');
  client.wire.send('d FETCH ');
  expect(await flood(client, '1:2,4:5,', 64 * 1024 * 1024)).toBeLessThan(GROWTH);
  expect(await answer(client, 'd')).toMatch(/^(\* BYE |closed)/);
  await steady.ok('NOOP');
});

test('a charset that does not exist is refused by name, and those that do are told', async () => {
  await using imap = await startImap();
  const { steady, client } = await two(imap);
  for (const charset of ['X-NOTHING', 'utf-9', '"\\""', 'x'.repeat(50_000), '../../etc', 'UTF-8\\', 'NIL']) {
    for (const command of [`SEARCH CHARSET ${charset} SUBJECT x`, `SORT (DATE) ${charset} SUBJECT x`]) {
      const { status, text } = await client.command(command);
      expect(['NO', 'BAD'], command.slice(0, 60)).toContain(status);
      if (status === 'NO') expect(text).toMatch(/^\[BADCHARSET \(US-ASCII UTF-8\)\]/);
    }
  }
  expect((await client.command('SEARCH CHARSET X-NOTHING SUBJECT x')).text).toMatch(/^\[BADCHARSET /);
  await client.ok('SEARCH CHARSET UTF-8 SUBJECT one');
  await steady.ok('NOOP');
});

test('who says nothing more is told BYE and cut off, in IDLE and in the middle of a command too (RFC 9051 5.4)', async () => {
  await using imap = await startImap({ idle: 300 });
  const silences = ['', 'a IDLE\r\n', 'a IDLE\r\nDON', 'a FETCH 1:* (FL', 'a SEARCH SUBJECT {10}\r\nabc', 'a', '\r'];
  const said = await Promise.all(
    silences.map(async (silence) => {
      const client = await imap.login();
      client.wire.send(silence);
      const lines: string[] = [];
      for (;;) {
        const reply = await client.response().catch(() => null);
        if (reply === null) return lines.filter((line) => !line.startsWith('+'));
        lines.push(reply.text.replace(/^(\* BYE) .*/, '$1'));
      }
    }),
  );
  expect(said).toEqual(silences.map(() => ['* BYE']));
});

test('half a command and then silence costs next to nothing, and the server stops all the same', async () => {
  const imap = await startImap();
  const { steady } = await two(imap);
  const halves = [
    'a FETCH 1:* (FL',
    'a SEARCH SUBJECT {10}\r\nabc',
    'a SEARCH SUBJECT {10+}\r\nabc',
    'a APPEND INBOX {100000}\r\nabc',
    'a APPEND INBOX (\\Seen) CATENATE (TEXT {5}\r\nab',
    'a AUTHENTICATE PLAIN\r\nAAA',
    'a IDLE\r\nDON',
    'a',
    '\r',
  ];
  const before = used();
  const silent: ImapWire[] = [];
  for (let round = 0; round < 8; round++) {
    for (const half of halves) {
      const client = await imap.login();
      await client.ok('SELECT INBOX');
      client.wire.send(half);
      silent.push(client);
    }
  }
  for (let time = 0; time < 50; time++) await steady.ok('NOOP');
  expect(used() - before).toBeLessThan(GROWTH);
  await imap[Symbol.asyncDispose]();
  expect(silent).toHaveLength(halves.length * 8);
});
