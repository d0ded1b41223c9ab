// FETCH over a socket: every item, sections and partials byte for byte, \Seen, faults.
import { expect, test } from 'vitest';
import { missingContent } from '#storage/blobs/content.ts';
import { StoreError } from '#storage/errors.ts';
import { type ImapServer, message, startImap } from '#test/support/imap-server.ts';
import type { ImapWire } from '#test/support/wire.ts';

const texts = (result: { untagged: readonly { text: string }[] }) => result.untagged.map(({ text }) => text);
const crlf = (text: string) => text.replace(/\n/g, '\r\n');

const NESTED = crlf(`From: user@domain.org
Date: Sat, 24 Mar 2007 23:00:00 +0200
Mime-Version: 1.0
Content-Type: multipart/mixed; boundary="foo
 bar"

Root MIME prologue

--foo bar
Content-Type: text/x-myown; charset=us-ascii

hello

--foo bar
Content-Type: message/rfc822

From: sub@domain.org
Date: Sun, 12 Aug 2012 12:34:56 +0300
Subject: submsg
Content-Type: multipart/alternative; boundary="sub1"

Sub MIME prologue
--sub1
Content-Type: text/html

<p>Hello world</p>

--sub1
Content-Type: text/plain

Hello another world

--sub1--
Sub MIME epilogue

--foo bar--
Root MIME epilogue
`);

const SUB_HEADER = crlf(`From: sub@domain.org
Date: Sun, 12 Aug 2012 12:34:56 +0300
Subject: submsg
Content-Type: multipart/alternative; boundary="sub1"

`);
const SUB_TEXT = crlf(`Sub MIME prologue
--sub1
Content-Type: text/html

<p>Hello world</p>

--sub1
Content-Type: text/plain

Hello another world

--sub1--
Sub MIME epilogue
`);

async function open(imap: ImapServer, ...messages: (string | Buffer)[]): Promise<ImapWire> {
  const client = await imap.login();
  for (const one of messages) await client.ok('APPEND INBOX', Buffer.from(one));
  await client.ok('SELECT INBOX');
  return client;
}

/** The one section asked for, as text; null for NIL. */
async function section(client: ImapWire, item: string): Promise<string | null> {
  const result = await client.ok(`FETCH 1 ${item}`);
  const [reply] = result.untagged;
  if (reply?.text.endsWith(' NIL)')) return null;
  expect(reply?.literals.length).toBe(1);
  return reply?.literals[0]?.toString('latin1') ?? null;
}

test('every section of a nested message is its exact bytes', async () => {
  await using imap = await startImap();
  const client = await open(imap, NESTED);
  const header = NESTED.slice(0, NESTED.indexOf('\r\n\r\n') + 4);
  const sections: [string, string | null][] = [
    ['', NESTED],
    ['HEADER', header],
    ['TEXT', NESTED.slice(header.length)],
    ['1', 'hello\r\n'],
    ['1.MIME', 'Content-Type: text/x-myown; charset=us-ascii\r\n\r\n'],
    ['2', SUB_HEADER + SUB_TEXT],
    ['2.MIME', 'Content-Type: message/rfc822\r\n\r\n'],
    ['2.HEADER', SUB_HEADER],
    ['2.TEXT', SUB_TEXT],
    ['2.1', '<p>Hello world</p>\r\n'],
    ['2.1.MIME', 'Content-Type: text/html\r\n\r\n'],
    ['2.2', 'Hello another world\r\n'],
    ['2.HEADER.FIELDS (from subject X-foo)', 'From: sub@domain.org\r\nSubject: submsg\r\n\r\n'],
    [
      '2.HEADER.FIELDS.NOT (from subject X-foo)',
      'Date: Sun, 12 Aug 2012 12:34:56 +0300\r\nContent-Type: multipart/alternative; boundary="sub1"\r\n\r\n',
    ],
    ['HEADER.FIELDS (Content-Type)', 'Content-Type: multipart/mixed; boundary="foo\r\n bar"\r\n\r\n'],
    ['HEADER.FIELDS (None)', '\r\n'],
    ['3', null],
    ['1.1', null],
    ['1.HEADER', null],
    ['2.3.MIME', null],
  ];
  for (const [spec, expected] of sections) {
    expect(await section(client, `BODY.PEEK[${spec}]`), spec).toBe(expected);
  }
  expect(texts(await client.ok('FETCH 1 BODY.PEEK[2.HEADER.FIELDS (from)]'))[0]).toMatch(
    /^\* 1 FETCH \(BODY\[2\.HEADER\.FIELDS \(from\)\] \{24\}\)$/,
  );
});

test('RFC 3501 names for sections give the same bytes', async () => {
  await using imap = await startImap();
  const client = await open(imap, message('old'));
  const whole = message('old').toString();
  const split = whole.indexOf('\r\n\r\n') + 4;
  expect(await section(client, 'RFC822.HEADER')).toBe(whole.slice(0, split));
  expect(texts(await client.ok('FETCH 1 FLAGS'))).toEqual(['* 1 FETCH (FLAGS (\\Recent))']);
  const text = await client.ok('FETCH 1 RFC822.TEXT');
  expect(text.untagged[0]?.text).toMatch(/^\* 1 FETCH \(RFC822\.TEXT \{\d+\} FLAGS \(\\Seen \\Recent\)\)$/);
  expect(text.untagged[0]?.literals[0]?.toString()).toBe(whole.slice(split));
  expect(await section(client, 'RFC822')).toBe(whole);
});

test('a partial fetch gives exactly the bytes there are, also at the end and past it', async () => {
  await using imap = await startImap();
  const body = 'body33\r\n';
  const client = await open(imap, crlf('From: a@b\n\n') + body);
  const pieces: [string, string][] = [
    ['0.3', 'bod'],
    ['5.1', '3'],
    ['5.2', '3\r'],
    ['5.3', '3\r\n'],
    ['6.100', '\r\n'],
    ['8.1', ''],
    ['4000000000.10', ''],
    ['0.4294967295', body],
  ];
  for (const [range, expected] of pieces) {
    const result = await client.ok(`FETCH 1 BODY.PEEK[TEXT]<${range}>`);
    const [offset] = range.split('.');
    expect(result.untagged[0]?.text).toBe(`* 1 FETCH (BODY[TEXT]<${offset}> {${expected.length}})`);
    expect(result.untagged[0]?.literals[0]?.toString()).toBe(expected);
  }
  expect(await section(client, 'BODY.PEEK[HEADER.FIELDS (From)]<2.5>')).toBe('om: a');
});

test('a large message is the same in pieces and whole, over every boundary', async () => {
  await using imap = await startImap();
  const large = Buffer.concat([message('large'), Buffer.alloc(1_500_000, 'abcdefghijklmnopqrstuvwxyz0123456789\r\n')]);
  const client = await open(imap, large);
  const whole = await client.ok('UID FETCH 1 (RFC822.SIZE BODY.PEEK[])');
  expect(whole.untagged[0]?.text).toBe(`* 1 FETCH (UID 1 RFC822.SIZE ${large.length} BODY[] {${large.length}})`);
  expect(whole.untagged[0]?.literals[0]?.equals(large)).toBe(true);
  const pieces: Buffer[] = [];
  for (let offset = 0; offset < large.length; offset += 393_216) {
    const result = await client.ok(`FETCH 1 BODY.PEEK[]<${offset}.393216>`);
    pieces.push(result.untagged[0]?.literals[0] ?? Buffer.alloc(0));
  }
  expect(Buffer.concat(pieces).equals(large)).toBe(true);
});

test('UID comes first in every reply that has it', async () => {
  await using imap = await startImap();
  const client = await open(imap, message('one'));
  for (const command of [
    'FETCH 1 (FLAGS UID)',
    'UID FETCH 1 (RFC822.SIZE BODY.PEEK[])',
    'UID FETCH 1 (ENVELOPE UID)',
    'UID FETCH 1 FLAGS',
    'UID STORE 1 +FLAGS x',
  ]) {
    expect(texts(await client.ok(command)).at(-1), command).toMatch(/^\* 1 FETCH \(UID 1 /);
  }
  expect(texts(await client.ok('FETCH 1 UID'))).toEqual(['* 1 FETCH (UID 1)']);
  expect(texts(await client.ok('FETCH 1 FLAGS'))).toEqual(['* 1 FETCH (FLAGS (\\Recent x))']);
});

test('the macros fetch what they stand for', async () => {
  await using imap = await startImap();
  const client = await open(imap, message('one'));
  expect(texts(await client.ok('FETCH 1 FAST'))[0]).toMatch(
    /^\* 1 FETCH \(FLAGS \(.*\) INTERNALDATE "[^"]+" RFC822\.SIZE \d+\)$/,
  );
  expect(texts(await client.ok('FETCH 1 ALL'))[0]).toMatch(/ ENVELOPE \(/);
  expect(texts(await client.ok('FETCH 1 FULL'))[0]).toMatch(/ BODY \("text" "plain"/i);
});

test('what is not peeked at becomes \\Seen, told with the reply and only once', async () => {
  await using imap = await startImap();
  const client = await open(imap, message('one'), message('two'));
  const other = await imap.login();
  await other.ok('SELECT INBOX');
  expect(texts(await client.ok('FETCH 1:2 BODY[HEADER]'))).toEqual([
    expect.stringMatching(/^\* 1 FETCH \(BODY\[HEADER\] \{\d+\} FLAGS \(\\Seen \\Recent\)\)$/),
    expect.stringMatching(/^\* 2 FETCH \(BODY\[HEADER\] \{\d+\} FLAGS \(\\Seen \\Recent\)\)$/),
  ]);
  expect(texts(await client.ok('FETCH 1 BODY[]'))).toEqual([
    expect.stringMatching(/^\* 1 FETCH \(BODY\[\] \{\d+\}\)$/),
  ]);
  expect(texts(await other.ok('NOOP'))).toEqual([
    '* 1 FETCH (UID 1 FLAGS (\\Seen))',
    '* 2 FETCH (UID 2 FLAGS (\\Seen))',
  ]);
});

test('mail can be read when nothing can be written', async () => {
  let full = false;
  await using imap = await startImap({
    wrap: (store) => ({
      stage: (options) => store.stage(options),
      mail: (id) =>
        new Proxy(store.mail(id), {
          get(target, name) {
            if (name === 'setFlags' && full) return () => Promise.reject(new StoreError('no-space', 'disk full'));
            const value = Reflect.get(target, name, target);
            return typeof value === 'function' ? value.bind(target) : value;
          },
        }),
    }),
  });
  const client = await open(imap, message('one'));
  full = true;
  expect(await section(client, 'BODY[]')).toBe(message('one').toString());
  expect(await client.command('STORE 1 +FLAGS \\Seen')).toMatchObject({
    status: 'NO',
    text: expect.stringContaining('[UNAVAILABLE]'),
  });
});

test('a message that can not be read is left out and told with NO, the others are there', async () => {
  const damaged = missingContent(1, 10);
  await using imap = await startImap({
    wrap: (store) => ({
      stage: (options) => store.stage(options),
      mail: (id) =>
        new Proxy(store.mail(id), {
          get(target, name) {
            const value = Reflect.get(target, name, target);
            if (name !== 'listing') return typeof value === 'function' ? value.bind(target) : value;
            return async function* (...args: Parameters<typeof target.listing>) {
              for await (const page of target.listing(...args)) {
                yield page.map((row) => (row.uid % 3 === 0 ? { ...row, content: damaged } : row));
              }
            };
          },
        }),
    }),
  });
  const client = await open(imap, ...Array.from({ length: 6 }, (_, index) => message(`${index}`)));
  for (const what of ['(UID BODY.PEEK[])', '(BODY.PEEK[HEADER] BODY.PEEK[TEXT])', 'BODY.PEEK[1]']) {
    const result = await client.command(`FETCH 1:* ${what}`);
    expect(result).toMatchObject({ status: 'NO', text: expect.stringContaining('[UNAVAILABLE]') });
    expect(result.untagged.length).toBe(4);
  }
});

test('what another session has expunged is answered from memory, else told with EXPUNGEISSUED', async () => {
  await using imap = await startImap();
  const client = await open(imap, message('one'), message('two'), message('three'));
  const other = await imap.login();
  await other.ok('SELECT INBOX');
  await other.ok('STORE 2 +FLAGS.SILENT (\\Deleted)');
  await other.ok('EXPUNGE');
  expect(texts(await client.ok('FETCH 1:3 (UID FLAGS)')).length).toBe(3);
  const envelopes = await client.command('FETCH 1:3 ENVELOPE');
  expect(envelopes).toMatchObject({
    status: 'NO',
    text: '[EXPUNGEISSUED] Some of the requested messages no longer exist',
  });
  expect(envelopes.untagged.length).toBe(2);
  // Its text is still kept for undelete.
  expect(await client.ok('FETCH 2 BODY.PEEK[]')).toMatchObject({ status: 'OK' });
  expect(texts(await client.ok('NOOP'))).toEqual(['* 2 EXPUNGE', '* 2 RECENT']);
  expect(texts(await client.ok('FETCH 1:* UID'))).toEqual(['* 1 FETCH (UID 1)', '* 2 FETCH (UID 3)']);
});

test('UIDs that are not there are no error, and n:* always has the last message', async () => {
  await using imap = await startImap();
  const client = await open(imap);
  expect(texts(await client.ok('UID FETCH 1:* FLAGS'))).toEqual([]);
  for (const name of ['one', 'two']) await client.ok('APPEND INBOX', message(name));
  expect(texts(await client.ok('UID FETCH 100:* FLAGS'))).toEqual(['* 2 FETCH (UID 2 FLAGS (\\Recent))']);
  expect(texts(await client.ok('UID FETCH *:100 UID'))).toEqual(['* 2 FETCH (UID 2)']);
  expect(texts(await client.ok('FETCH 2,1:1 UID'))).toEqual(['* 1 FETCH (UID 1)', '* 2 FETCH (UID 2)']);
  expect(texts(await client.ok('UID FETCH 3:5 UID'))).toEqual([]);
});

test('a sequence number that is not there is BAD in every command but SEARCH, and changes nothing', async () => {
  await using imap = await startImap();
  const client = await open(imap);
  expect((await client.command('FETCH 1 FLAGS')).status).toBe('BAD');
  // Of an empty mailbox '*' is nothing: programs that copy mail ask so for what is there already.
  for (const set of ['*', '1:*']) expect(texts(await client.ok(`FETCH ${set} FLAGS`))).toEqual([]);
  expect(texts(await client.ok('SEARCH 1:*'))).toEqual(['* SEARCH']);
  for (const name of ['one', 'two']) await client.ok('APPEND INBOX', message(name));
  const commands = [
    'FETCH 3 FLAGS',
    'FETCH 2:3 FLAGS',
    'STORE 1,3 +FLAGS (\\Seen)',
    'COPY 1:3 Archive',
    'MOVE 3:1 Archive',
  ];
  for (const command of commands) expect((await client.command(command)).status, command).toBe('BAD');
  expect(texts(await client.ok('SEARCH 2:3'))).toEqual(['* SEARCH 2']);
  expect(texts(await client.ok('FETCH 9:* UID'))).toEqual(['* 2 FETCH (UID 2)']);
  expect(texts(await client.ok('FETCH 1:* FLAGS'))).toEqual([
    '* 1 FETCH (FLAGS (\\Recent))',
    '* 2 FETCH (FLAGS (\\Recent))',
  ]);
  expect(texts(await client.ok('STATUS Archive (MESSAGES)'))).toEqual(['* STATUS "Archive" (MESSAGES 0)']);
});

test('a client that stops reading a FETCH of 48 MB does not grow the process by it, and gets it when it goes on', async () => {
  await using imap = await startImap();
  const large = Buffer.concat([message('large'), Buffer.alloc(8_000_000, 'abcdefghijklmnopqrstuvwxyz0123456789\r\n')]);
  const client = await open(imap, large);
  for (let count = 0; count < 5; count++) await client.ok('COPY 1 INBOX');
  const before = process.memoryUsage().rss;
  client.wire.socket.pause();
  client.wire.send('a FETCH 1:* BODY.PEEK[]\r\n');
  let most = 0;
  for (let count = 0; count < 10; count++) {
    await new Promise((resolve) => setTimeout(resolve, 50));
    most = Math.max(most, process.memoryUsage().rss - before);
  }
  expect(most).toBeLessThan(40 * 1024 * 1024);
  client.wire.socket.resume();
  const { status, untagged } = await client.result('a');
  expect(status).toBe('OK');
  expect(untagged.filter(({ literals }) => literals[0]?.equals(large)).length).toBe(6);
});

test('what is asked for again is answered as the first time, whoever asks in whatever state', async () => {
  await using imap = await startImap();
  const client = await imap.login();
  await client.ok('APPEND INBOX', message('one', 'first'));
  await client.ok('APPEND INBOX', message('two', 'second'));
  await client.ok('SELECT INBOX');
  // As a UID FETCH, as a FETCH, then with mod-sequences switched on: three plans of one text.
  const header = '(FLAGS BODY.PEEK[HEADER.FIELDS (SUBJECT)])';
  for (let round = 0; round < 2; round++) {
    expect(texts(await client.ok(`FETCH 1 ${header}`))[0]).toMatch(/^\* 1 FETCH \(FLAGS \(.*\) BODY\[HEADER/);
    expect(texts(await client.ok(`UID FETCH 2 ${header}`))[0]).toMatch(/^\* 2 FETCH \(UID 2 FLAGS \(.*\) BODY\[HEADER/);
  }
  expect(texts(await client.ok('FETCH 1 BODY[TEXT]'))[0]).not.toContain('MODSEQ');
  expect(texts(await client.ok('FETCH 1 MODSEQ')).at(-1)).toMatch(/^\* 1 FETCH \(MODSEQ \(\d+\)\)$/);
  expect(texts(await client.ok('FETCH 2 BODY[TEXT]'))[0]).toMatch(/^\* 2 FETCH \(UID 2 MODSEQ \(\d+\) BODY\[TEXT\]/);
  // Asking for mod-sequences switches them on for each session that does.
  const other = await imap.login();
  await other.ok('SELECT INBOX');
  await other.ok('FETCH 1 MODSEQ');
  await client.ok('STORE 1 +FLAGS (\\Flagged)');
  expect(texts(await other.ok('NOOP')).find((text) => text.includes('Flagged'))).toContain('MODSEQ');
  // Wrong is wrong each time, and so is what an account is not offered.
  for (let round = 0; round < 2; round++) expect((await client.command('FETCH 1 (FLAGS')).status).toBe('BAD');
  await client.ok('FETCH 1 PREVIEW');
  await imap.store.directory.setSetting(imap.anna.id, 'imap-off', ['PREVIEW']);
  const third = await imap.login();
  await third.ok('SELECT INBOX');
  for (let round = 0; round < 2; round++) expect((await third.command('FETCH 1 PREVIEW')).status).toBe('BAD');
  // More different ones than are kept.
  for (let n = 0; n < 120; n++) {
    const [reply] = (await client.ok(`FETCH 2 BODY.PEEK[TEXT]<${n % 7}.${1 + n}>`)).untagged;
    expect(reply?.literals.map(String) ?? []).toEqual(['second\r\n'.slice(n % 7, (n % 7) + 1 + n)]);
  }
});
