// FETCH of whole mailboxes over a socket: lines that are kept from one list to the next say what the store says.
import { pino } from 'pino';
import { expect, test, vi } from 'vitest';
import { LineBuilder, LineCache, type Lines } from '#protocols/imap/fetch/lines.ts';
import { Rows } from '#protocols/imap/index/rows.ts';
import { LINE_BLOCK_BYTES, LINE_LISTS, LINES_MS } from '#protocols/imap/limits.ts';
import { OutputBuffers } from '#protocols/net/output-buffers.ts';
import { run } from '#storage/operation.ts';
import { type ImapServer, type ImapServerOptions, message, startImap } from '#test/support/imap-server.ts';
import { overrideMail } from '#test/support/override.ts';
import { between, pick, seeded } from '#test/support/random.ts';
import type { ImapWire } from '#test/support/wire.ts';

const ITEMS = [
  '(UID FLAGS INTERNALDATE RFC822.SIZE ENVELOPE)',
  'BODYSTRUCTURE',
  '(UID RFC822.SIZE FLAGS BODY.PEEK[HEADER.FIELDS (From Subject X-Long)])',
  '(BODY.PEEK[HEADER.FIELDS (Subject)] FLAGS BODY.PEEK[HEADER] MODSEQ BODY UID)',
  '(FLAGS EMAILID THREADID SAVEDATE PREVIEW)',
  '(ENVELOPE FLAGS)',
] as const;

const whole = ({ untagged }: Awaited<ReturnType<ImapWire['ok']>>) =>
  untagged.flatMap(({ text, literals }) => (text.includes(' FETCH (') ? [[text, ...literals.map(String)]] : []));

/** INBOX with so many messages, some of them long, and how often the store was asked for a list. */
async function filled(
  count: number,
  options: ImapServerOptions = {},
): Promise<{ imap: ImapServer; client: ImapWire; listings: () => number; asked: (readonly [number, number])[] }> {
  let listings = 0;
  const asked: (readonly [number, number])[] = [];
  const imap = await startImap({
    ...options,
    wrap: (store) =>
      overrideMail(store, (mail) => ({
        listing: (...args) => {
          listings++;
          asked.push(...args[1]);
          return mail.listing(...args);
        },
      })),
  });
  const client = await imap.login();
  for (let n = 0; n < count; n++) await client.ok('APPEND INBOX', subject(n));
  await client.ok('SELECT INBOX');
  return { imap, client, listings: () => listings, asked };
}

const subject = (n: number) =>
  message(`number ${n}`, `Body ${n}`, n % 50 === 7 ? [`X-Long: ${'x'.repeat(30_000)}`] : []);

test('a list that is asked for again is the same, and the store is not asked', async () => {
  const { imap, client, listings } = await filled(150);
  await using _ = imap;
  for (const items of ITEMS) {
    const alone: unknown[] = [];
    for (let seq = 1; seq <= 150; seq++) alone.push(...whole(await client.ok(`FETCH ${seq} ${items}`)));
    const asked = listings();
    expect(whole(await client.ok(`FETCH 1:* ${items}`))).toEqual(alone);
    expect(whole(await client.ok(`FETCH 1:* ${items}`))).toEqual(alone);
    expect(whole(await client.ok(`FETCH 3,60:70,100 ${items}`))).toEqual(
      [2, ...Array.from({ length: 11 }, (_, at) => 59 + at), 99].map((at) => alone[at]),
    );
    expect(listings()).toBe(asked);
  }
});

test('of a list that is partly known only the rest is read, in whatever order its parts came to be known', async () => {
  const { imap, client, asked } = await filled(90);
  await using _ = imap;
  for (const items of ITEMS) {
    asked.length = 0;
    const ten = whole(await client.ok(`FETCH 21:30 ${items}`));
    const more = whole(await client.ok(`FETCH 18:27 ${items}`));
    expect(asked).toEqual([
      [21, 30],
      [18, 20],
    ]);
    expect(more.slice(3)).toEqual(ten.slice(0, 7));
    const over = whole(await client.ok(`FETCH 25:33,60:70 ${items}`));
    expect(over.slice(0, 6)).toEqual(ten.slice(4));
    const all = whole(await client.ok(`FETCH 1:* ${items}`));
    expect(all.slice(17, 27)).toEqual(more);
    expect([...all.slice(24, 33), ...all.slice(59, 70)]).toEqual(over);
    asked.length = 0;
    expect(whole(await client.ok(`FETCH 1:* ${items}`))).toEqual(all);
    expect(asked).toEqual([]);
  }
});

test('a list that was kept tells flags, keywords and mod-sequences as they are now', async () => {
  const { imap, client } = await filled(70);
  await using _ = imap;
  const other = await imap.login();
  await other.ok('SELECT INBOX');
  await client.ok('ENABLE CONDSTORE');
  const items = '(UID FLAGS MODSEQ ENVELOPE)';
  await client.ok(`FETCH 1:* ${items}`);
  await other.ok('STORE 10:20 +FLAGS.SILENT (\\Flagged later)');
  await client.ok('NOOP');
  const [reply] = whole(await client.ok(`FETCH 10 ${items}`));
  expect(reply?.[0]).toMatch(
    /^\* 10 FETCH \(UID 10 FLAGS \((?=.*\\Flagged)(?=.*later).*\) MODSEQ \(\d+\) ENVELOPE \(NIL "number 9"/,
  );
  const [before] = whole(await client.ok(`FETCH 10 MODSEQ`));
  await other.ok('STORE 10 -FLAGS.SILENT (\\Flagged)');
  const [after] = whole(await client.ok(`FETCH 10 ${items}`));
  const modseq = (text: string | undefined) => Number(/MODSEQ \((\d+)\)/.exec(text ?? '')?.[1]);
  expect(modseq(after?.[0])).toBeGreaterThan(modseq(before?.[0]));
  expect(after?.[0]).not.toContain('\\Flagged');
});

test('what was expunged after it was kept is not told, and what came since is', async () => {
  const { imap, client } = await filled(100);
  await using _ = imap;
  const items = '(UID ENVELOPE)';
  const before = whole(await client.ok(`FETCH 1:* ${items}`));
  const other = await imap.login();
  await other.ok('SELECT INBOX');
  await other.ok('STORE 5,50:55,99 +FLAGS.SILENT (\\Deleted)');
  await other.ok('EXPUNGE');
  await other.ok('APPEND INBOX', subject(100));
  const gone = new Set([5, 50, 51, 52, 53, 54, 55, 99]);
  const left = before.filter((_line, at) => !gone.has(at + 1));
  // RFC 2180 4.1.3: this session still counts them.
  const meanwhile = await client.command(`FETCH 1:100 ${items}`);
  expect(meanwhile).toMatchObject({ status: 'NO', text: expect.stringContaining('[EXPUNGEISSUED]') });
  expect(whole(meanwhile).filter(([text]) => text?.includes('ENVELOPE'))).toEqual(left);
  await client.ok('NOOP');
  const numbered = left.map(([text], at) => text?.replace(/^\* \d+/, `* ${at + 1}`));
  const now = whole(await client.ok(`FETCH 1:* ${items}`)).map(([text]) => text);
  expect(now.slice(0, -1)).toEqual(numbered);
  expect(now.at(-1)).toContain('* 93 FETCH (UID 101 ENVELOPE (NIL "number 100"');
  expect(whole(await client.ok(`FETCH 1:* ${items}`)).map(([text]) => text)).toEqual(now);
});

test('headers that are too long to be kept together are whole every time', async () => {
  const { imap, client, listings } = await filled(0);
  await using _ = imap;
  const long = (n: number) =>
    message(
      `${n}`,
      'x',
      Array.from({ length: 200 }, (_, at) => `X-${at}: ${'y'.repeat(100)}`),
    );
  for (let n = 0; n < 64; n++) await client.ok('APPEND INBOX', long(n));
  expect(long(0).length * 64).toBeGreaterThan(LINE_BLOCK_BYTES * 4);
  const first = whole(await client.ok('FETCH 1:* BODY.PEEK[HEADER]'));
  expect(first.map(([, header]) => header)).toEqual(
    Array.from({ length: 64 }, (_, n) => String(long(n)).slice(0, String(long(n)).indexOf('\r\n\r\n') + 4)),
  );
  const asked = listings();
  expect(whole(await client.ok('FETCH 1:* BODY.PEEK[HEADER]'))).toEqual(first);
  expect(listings()).toBe(asked + 1);
});

test('one damaged header is left out of a list, told with NO and logged; all others are there', async () => {
  const logged: string[] = [];
  const log = pino({ level: 'warn' }, { write: (line: string) => logged.push(line) });
  const { imap, client } = await filled(80, { log });
  await using _ = imap;
  await imap.store.engine.write({ kind: 'account', id: imap.anna.id }, () =>
    run(`UPDATE content SET header = $1 WHERE message = (SELECT message FROM placement WHERE uid = 40)`, [
      Buffer.from('not zstd'),
    ]),
  );
  for (const items of [
    'BODY.PEEK[HEADER.FIELDS (Subject)]',
    '(BODY.PEEK[HEADER] FLAGS BODY.PEEK[HEADER.FIELDS (To)])',
  ]) {
    for (let round = 0; round < 2; round++) {
      const result = await client.command(`FETCH 1:* ${items}`);
      expect(result).toMatchObject({ status: 'NO', text: expect.stringContaining('[UNAVAILABLE]') });
      expect(whole(result).map(([text]) => Number(text?.split(' ')[1]))).toEqual(
        Array.from({ length: 80 }, (_, at) => at + 1).filter((seq) => seq !== 40),
      );
    }
  }
  for (const items of ['BODY.PEEK[HEADER]<0.10>', 'BODY[HEADER]', '(BODY.PEEK[HEADER] BODY.PEEK[TEXT])']) {
    const result = await client.command(`FETCH 39:41 ${items}`);
    expect(result.status).toBe('NO');
    expect(whole(result).filter(([, literal]) => literal !== undefined).length).toBe(2);
  }
  expect(logged.filter((line) => line.includes('could not be read') && line.includes('"uid":40')).length).toBe(7);
  // What can't be read must not look like a miss.
  expect((await client.command('SEARCH HEADER Subject number')).status).toBe('NO');
});

test('whatever several sessions do, a line says what belongs to its UID', async () => {
  const { imap, client } = await filled(200);
  await using _ = imap;
  const random = seeded(20_261_122);
  const sessions = [client, await imap.login(), await imap.login()];
  for (const session of sessions) await session.ok('SELECT INBOX');
  let appended = 200;
  let lines = 0;
  for (let step = 0; step < 250; step++) {
    const session = pick(random, sessions);
    const first = between(random, 1, appended);
    const uids = `${first}:${pick(random, [first, first + 3, first + 70, '*'])}`;
    const kind = between(random, 0, 9);
    if (kind === 0) await session.ok('APPEND INBOX', subject(appended++));
    else if (kind === 1) await session.ok(`UID STORE ${first}:${first + 2} +FLAGS.SILENT (\\Deleted)`);
    else if (kind === 2) await session.ok('EXPUNGE');
    else if (kind === 3) await session.ok('NOOP');
    else {
      const items = pick(random, [
        'ENVELOPE',
        '(FLAGS ENVELOPE)',
        'BODY.PEEK[HEADER.FIELDS (Subject)]',
        '(BODY.PEEK[HEADER] FLAGS RFC822.SIZE)',
      ]);
      const { untagged } = await session.command(
        pick(random, [`UID FETCH ${uids} ${items}`, `UID FETCH 1:* ${items}`]),
      );
      for (const { text, literals } of untagged) {
        const [line] = [text, ...literals.map(String)].join(' ').match(/FETCH \(UID \d+ .*number \d+/s) ?? [];
        if (line === undefined) continue;
        lines++;
        const [uid, number] = [/UID (\d+)/.exec(line)?.[1], /number (\d+)$/.exec(line)?.[1]];
        expect([uid, Number(number) + 1]).toEqual([uid, Number(uid)]);
      }
    }
  }
  expect(lines).toBeGreaterThan(1_000);
  // Everybody sees the same in the end.
  const last = [];
  for (const session of sessions) {
    await session.ok('NOOP');
    last.push(whole(await session.ok('FETCH 1:* (UID ENVELOPE)')));
  }
  expect(last[1]).toEqual(last[0]);
  expect(last[2]).toEqual(last[0]);
});

/** Adds a block of 64 lines of so many bytes. */
function add(lines: Lines, slot: number, bytes: number): void {
  const builder = new LineBuilder(1, new OutputBuffers(1));
  for (let at = 0; at < 64; at++) {
    builder.begin(slot + at);
    builder.out.copy(Buffer.alloc(bytes, 'x'));
    builder.endPiece();
  }
  lines.keep(slot, builder.finish());
}

test('kept lines stay within their bound: the list asked for longest ago goes first, and none pushes itself out', () => {
  const cache = new LineCache(80_000);
  const rows = new Rows(0);
  const [one, two] = [cache.of(rows, 'one'), cache.of(rows, 'two')];
  add(one, 0, 500);
  add(two, 0, 500);
  expect(cache.bytes).toBeLessThan(80_000);
  expect(cache.of(rows, 'one')).toBe(one);
  add(one, 64, 500);
  expect([one.block(0) !== undefined, one.block(64) !== undefined]).toEqual([true, true]);
  expect(cache.of(rows, 'two')).not.toBe(two);
  const before = cache.bytes;
  add(two, 64, 500);
  expect(cache.bytes).toBe(before);
  expect(two.block(64)).toBeUndefined();
  const three = cache.of(new Rows(0), 'one');
  for (let block = 0; block < 10; block++) add(three, block * 64, 500);
  expect(cache.bytes).toBeLessThanOrEqual(80_000);
  expect(three.block(0)).toBeDefined();
  expect(three.block(9 * 64)).toBeUndefined();
  cache.clear();
  expect(cache.bytes).toBe(0);
});

test('messages that are asked for one by one push no list out, and a list that is made twice at once is kept once', () => {
  const cache = new LineCache(80_000);
  const rows = new Rows(0);
  const [one, same] = [cache.of(rows, 'one'), cache.of(rows, 'one')];
  add(one, 0, 500);
  const { bytes } = cache;
  add(same, 0, 500);
  expect(cache.bytes).toBe(bytes);
  for (let n = 0; n < LINE_LISTS * 2; n++) cache.of(new Rows(0), 'one');
  expect(cache.of(rows, 'one')).toBe(one);
  for (let n = 0; n < LINE_LISTS; n++) add(cache.of(new Rows(0), `${n}`), 0, 1);
  expect(cache.of(rows, 'one')).not.toBe(one);
});

test('what a list takes besides its lines counts too, and blocks that are too long are not kept', () => {
  const cache = new LineCache();
  const rows = new Rows(0);
  for (let uid = 1; uid <= 1_000; uid++) rows.append({ uid, message: uid, size: 1, flags: 0, modseq: 1 }, 0);
  const lines = cache.of(rows, 'one');
  add(lines, 0, 1);
  expect(cache.bytes).toBeGreaterThan(rows.count * 29);
  const before = cache.bytes;
  add(lines, 64, LINE_BLOCK_BYTES / 64 + 1);
  expect([cache.bytes, lines.block(64)]).toEqual([before, undefined]);
  add(lines, 64, LINE_BLOCK_BYTES / 128);
  expect(cache.bytes - before).toBeLessThanOrEqual(LINE_BLOCK_BYTES);
  expect(lines.block(64)).toBeDefined();
});

test('kept lines are forgotten when nothing is listed for a while', () => {
  vi.useFakeTimers();
  try {
    const cache = new LineCache();
    const rows = new Rows(0);
    add(cache.of(rows, 'one'), 0, 100);
    vi.advanceTimersByTime(LINES_MS - 1);
    expect(cache.of(rows, 'one').block(0)).toBeDefined();
    vi.advanceTimersByTime(LINES_MS - 1);
    expect(cache.bytes).toBeGreaterThan(0);
    vi.advanceTimersByTime(1);
    expect(cache.bytes).toBe(0);
  } finally {
    vi.useRealTimers();
  }
});
