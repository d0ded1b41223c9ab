// FETCH of whole messages over a socket: those that are kept, sent or appended, say what the store says.
import { afterEach, expect, test, vi } from 'vitest';
import { MessageCache } from '#protocols/imap/fetch/lines.ts';
import { KEPT_MESSAGE_BYTES, KEPT_MESSAGES_AT_ONCE, LINES_MS } from '#protocols/imap/limits.ts';
import { type ImapServer, message, startImap } from '#test/support/imap-server.ts';
import { overrideMail } from '#test/support/override.ts';
import { between, seeded } from '#test/support/random.ts';
import type { ImapWire } from '#test/support/wire.ts';

afterEach(() => {
  vi.useRealTimers();
});

const told = ({ untagged }: Awaited<ReturnType<ImapWire['ok']>>) =>
  untagged.flatMap(({ text, literals }) => (text.includes(' FETCH (') ? [[text, ...literals.map(String)]] : []));

/** INBOX with these messages, and how often the store was asked for rows. */
async function filled(texts: readonly Buffer[]): Promise<{ imap: ImapServer; client: ImapWire; asked: () => number }> {
  let asked = 0;
  const imap = await startImap({
    wrap: (store) =>
      overrideMail(store, (mail) => ({
        listing: (...args) => {
          asked++;
          return mail.listing(...args);
        },
      })),
  });
  const client = await imap.login();
  for (const text of texts) await client.ok('APPEND INBOX', text);
  await client.ok('SELECT INBOX');
  return { imap, client, asked: () => asked };
}

const three = [1, 2, 3].map((n) => message(`number ${n}`, `Body ${n} ${'x'.repeat(n * 100)}`));

test('a message that is asked for again is the same, whole or in part, and the store is not asked', async () => {
  const { imap, client, asked } = await filled(three);
  await using _ = imap;
  const first = told(await client.ok('FETCH 1:3 (UID BODY.PEEK[])'));
  expect(first.map(([, text]) => text)).toEqual(three.map(String));
  const before = asked();
  expect(told(await client.ok('FETCH 1:3 (UID BODY.PEEK[])'))).toEqual(first);
  expect(told(await client.ok('UID FETCH 2 BODY.PEEK[]'))).toEqual([first[1]]);
  const [[line, part] = []] = told(await client.ok('FETCH 2 (RFC822.SIZE BODY.PEEK[]<10.20>)'));
  expect(line).toContain(`RFC822.SIZE ${three[1]?.length} BODY[]<10>`);
  expect(part).toBe(String(three[1]?.subarray(10, 30)));
  expect(told(await client.ok('FETCH 3 BODY.PEEK[]<5.100000>'))[0]?.[1]).toBe(String(three[2]?.subarray(5)));
  expect(told(await client.ok('FETCH 3 BODY.PEEK[]<100000.5>'))[0]?.[1] ?? '').toBe('');
  expect(asked()).toBe(before);
  // What is more than its bytes is read.
  expect(told(await client.ok('FETCH 1 (ENVELOPE BODY.PEEK[])'))[0]?.[0]).toContain('ENVELOPE (NIL "number 1"');
  expect(told(await client.ok('FETCH 1 BODY.PEEK[TEXT]'))[0]?.[1]).toContain('Body 1');
  expect(asked()).toBe(before + 2);
});

test('what is appended to an open mailbox is told as the store has it, body and header fields, without asking the store', async () => {
  const { imap, client, asked } = await filled(three);
  await using _ = imap;
  const more = [
    message('folded', 'One'),
    Buffer.from('Subject: no\r\n body\r\nTo: a\r\n\r\n'),
    Buffer.from('Subject: no empty line\r\n'),
    Buffer.from('\r\nno header'),
    Buffer.from('No colon\r\nSubject: x\r\n\r\ny'),
  ];
  for (const text of more) await client.ok('APPEND INBOX', text);
  const before = asked();
  const lists = ['BODY.PEEK[]', 'UID FLAGS RFC822.SIZE BODY.PEEK[HEADER.FIELDS (SUBJECT TO)]', 'BODY.PEEK[HEADER]'];
  const first = [];
  for (const items of lists) first.push(told(await client.ok(`FETCH 4:8 (${items})`)));
  expect(first[0]?.map(([, text]) => text)).toEqual(more.map(String));
  expect(first[1]?.[1]?.[1]).toBe('Subject: no\r\n body\r\nTo: a\r\n\r\n');
  expect(asked()).toBe(before);
  // The same of a server that has kept none of it.
  const other = await filled([...three, ...more]);
  await using _other = other.imap;
  const stored = other.asked();
  for (const [at, items] of lists.entries())
    expect(told(await other.client.ok(`FETCH 4:8 (${items})`))).toEqual(first[at]);
  expect(other.asked()).toBe(stored + lists.length);
});

test('a kept message becomes seen when it is read, and that is told', async () => {
  const { imap, client, asked } = await filled(three);
  await using _ = imap;
  await client.ok('FETCH 1:3 BODY.PEEK[]');
  const before = asked();
  expect(told(await client.ok('FETCH 2 BODY[]'))[0]?.[0]).toMatch(/FLAGS \(.*\\Seen/);
  expect(told(await client.ok('FETCH 2 BODY[]'))[0]?.[0]).not.toContain('FLAGS');
  expect(told(await client.ok('FETCH 1:3 FLAGS')).map(([text]) => text?.includes('\\Seen'))).toEqual([
    false,
    true,
    false,
  ]);
  expect(asked()).toBe(before);
});

test('a message that another session has expunged is answered for as ever, kept or not', async () => {
  const { imap, client, asked } = await filled(three);
  await using _ = imap;
  await client.ok('FETCH 1:3 BODY.PEEK[]');
  const other = await imap.login();
  await other.ok('SELECT INBOX');
  await other.ok('STORE 2 +FLAGS.SILENT (\\Deleted)');
  await other.ok('EXPUNGE');
  const before = asked();
  // Its number is the client's until it is told (RFC 9051 7.5.1), and the store has its bytes for a while (RFC 2180 4.1.3).
  expect(told(await client.ok('FETCH 2 BODY.PEEK[]'))[0]?.[1]).toBe(String(three[1]));
  expect(asked()).toBeGreaterThan(before);
  await client.ok('NOOP');
  expect(told(await client.ok('FETCH 2 BODY.PEEK[]'))[0]?.[1]).toBe(String(three[2]));
});

test('an account is never told what another one keeps', async () => {
  const { imap, client } = await filled(three);
  await using _ = imap;
  const bert = await imap.login('bert');
  await bert.ok('APPEND INBOX', message('of bert', 'Something else'));
  await bert.ok('SELECT INBOX');
  for (let round = 0; round < 2; round++) {
    expect(told(await client.ok('FETCH 1 BODY.PEEK[]'))[0]?.[1]).toBe(String(three[0]));
    expect(told(await bert.ok('FETCH 1 BODY.PEEK[]'))[0]?.[1]).toBe(String(message('of bert', 'Something else')));
  }
});

test('a mailbox that is fetched as a whole and a long message are not kept', async () => {
  const many = Array.from({ length: KEPT_MESSAGES_AT_ONCE }, (_, n) => message(`number ${n}`));
  const { imap, client, asked } = await filled([...many, message('long', 'x '.repeat(KEPT_MESSAGE_BYTES / 2))]);
  await using _ = imap;
  const twice = async (command: string) => {
    const before = asked();
    expect(told(await client.ok(command))).toEqual(told(await client.ok(command)));
    return asked() - before;
  };
  expect(await twice('FETCH 1:* BODY.PEEK[]')).toBe(2);
  expect(await twice('FETCH * BODY.PEEK[]')).toBe(2);
  expect(await twice(`FETCH 1:${KEPT_MESSAGES_AT_ONCE} BODY.PEEK[]`)).toBe(1);
});

test('whatever is kept, what is found is what was kept, and the newest that fit are found', () => {
  const size = 1_000;
  const wrong: string[] = [];
  for (let seed = 1; seed <= 20; seed++) {
    const random = seeded(seed);
    const cache = new MessageCache(size);
    const kept: Buffer[] = [];
    for (let n = 0; n < 200; n++) {
      const length = between(random, 0, n % 7 === 0 ? size + 100 : size / 5);
      const text = Buffer.alloc(length, `${n} of ${seed},`);
      const half = Math.floor(length / 2);
      cache.keep('a', n, [text.subarray(0, half), text.subarray(half)]);
      kept.push(length === 0 || length > size ? Buffer.alloc(0) : text);
      // Of the newest all that take half of it, since as much may be lost where the ring begins anew; none twice as old.
      let newer = 0;
      for (let old = n; old >= Math.max(0, n - 40); old--) {
        const text = kept[old] ?? Buffer.alloc(0);
        newer += text.length;
        const found = cache.get('a', old);
        if (found?.equals(text) === false) wrong.push(`seed ${seed}: ${old} is another at ${n}`);
        const isNew = text.length > 0 && newer <= size / 2;
        if (isNew && found === undefined) wrong.push(`seed ${seed}: ${old} is missing at ${n}`);
        if (newer > 2 * size && found !== undefined) wrong.push(`seed ${seed}: ${old} is still there at ${n}`);
      }
      if (cache.get('b', n) !== undefined) wrong.push(`seed ${seed}: ${n} is another account's`);
    }
  }
  expect(wrong).toEqual([]);
});

test('what nobody asks for is forgotten', () => {
  vi.useFakeTimers();
  const cache = new MessageCache();
  cache.keep('a', 1, [Buffer.from('one')]);
  vi.advanceTimersByTime(LINES_MS - 1);
  expect(String(cache.get('a', 1))).toBe('one');
  vi.advanceTimersByTime(LINES_MS - 1);
  expect(String(cache.get('a', 1))).toBe('one');
  vi.advanceTimersByTime(LINES_MS);
  expect(cache.get('a', 1)).toBeUndefined();
});
