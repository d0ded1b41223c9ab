// OBJECTID, SAVEDATE and PREVIEW, over a socket.
import { expect, test } from 'vitest';
import { message, startImap } from '#test/support/imap-server.ts';

type Result = { readonly untagged: readonly { readonly text: string; readonly literals: readonly Buffer[] }[] };
const texts = (result: Result) => result.untagged.map(({ text }) => text);
const found = (pattern: RegExp, result: Result) => texts(result).flatMap((text) => pattern.exec(text)?.[1] ?? []);

test('OBJECTID: a mailbox keeps its id through RENAME; CREATE, SELECT and STATUS tell it', async () => {
  await using imap = await startImap();
  const client = await imap.login();
  const created = /^\[MAILBOXID \((F[\w-]+)\)\]/.exec((await client.ok('CREATE one')).text)?.[1];
  expect(created).toBeDefined();
  await client.ok('RENAME one other');
  expect(found(/MAILBOXID \((.*?)\)/, await client.ok('SELECT other'))).toEqual([created]);
  expect(found(/MAILBOXID \((.*?)\)/, await client.ok('STATUS other (MAILBOXID)'))).toEqual([created]);
  const all = found(/MAILBOXID \((.*?)\)/, await client.ok('LIST "" * RETURN (STATUS (MAILBOXID))'));
  expect(new Set(all).size).toBe(all.length);
  expect((await client.ok('CREATE "Sent Items"')).text).toMatch(/^\[MAILBOXID \(F/);
});

test('OBJECTID: a message keeps its id through COPY and MOVE, and threads are found', async () => {
  await using imap = await startImap();
  const client = await imap.login();
  await client.ok('APPEND INBOX', message('first', 'x', ['Message-ID: <a@x>']));
  await client.ok('APPEND INBOX', message('Re: first', 'y', ['Message-ID: <b@x>', 'References: <a@x>']));
  await client.ok('APPEND INBOX', message('other', 'z', ['Message-ID: <c@x>']));
  await client.ok('SELECT INBOX');
  const emails = found(/EMAILID \((M[\w-]+)\)/, await client.ok('FETCH 1:* EMAILID'));
  const threads = found(/THREADID \((T[\w-]+)\)/, await client.ok('FETCH 1:* (UID THREADID)'));
  expect(new Set(emails).size).toBe(3);
  expect(threads[1]).toBe(threads[0]);
  expect(threads[2]).not.toBe(threads[0]);
  expect(texts(await client.ok(`SEARCH EMAILID ${emails[1]}`))).toEqual(['* SEARCH 2']);
  expect(texts(await client.ok(`SEARCH THREADID ${threads[0]}`))).toEqual(['* SEARCH 1 2']);
  expect(texts(await client.ok(`SEARCH NOT THREADID ${threads[0]}`))).toEqual(['* SEARCH 3']);
  expect(texts(await client.ok('SEARCH OR EMAILID nonsense THREADID Mx-1'))).toEqual(['* SEARCH']);
  await client.ok('COPY 2 Archive');
  await client.ok('MOVE 3 Archive');
  await client.ok('SELECT Archive');
  expect(found(/EMAILID \((.*?)\)/, await client.ok('FETCH 1:* EMAILID'))).toEqual([emails[1], emails[2]]);
});

test('SAVEDATE: when a message came into the mailbox, whatever its own date', async () => {
  await using imap = await startImap();
  const client = await imap.login();
  client.wire.send('a APPEND INBOX "17-Jul-1996 02:44:25 -0700" {5+}\r\nA: b\n\r\n');
  expect((await client.result('a')).status).toBe('OK');
  await client.ok('SELECT INBOX');
  const saved = new Date(imap.store.clock.now).toISOString();
  const [date] = found(/SAVEDATE "(.*?)"/, await client.ok('FETCH 1 SAVEDATE'));
  expect(new Date(`${date}`).toISOString().slice(0, 19)).toBe(saved.slice(0, 19));
  const day = `${date}`.trim().split(' ')[0];
  expect(texts(await client.ok(`SEARCH SAVEDON ${day}`))).toEqual(['* SEARCH 1']);
  expect(texts(await client.ok(`SEARCH SAVEDSINCE ${day} SAVEDATESUPPORTED`))).toEqual(['* SEARCH 1']);
  expect(texts(await client.ok(`SEARCH SAVEDBEFORE ${day}`))).toEqual(['* SEARCH']);
  expect((await client.command('SEARCH SAVEDON x')).status).toBe('BAD');
});

test('PREVIEW: the first characters of the text, in UTF-8, with and without LAZY', async () => {
  await using imap = await startImap();
  const client = await imap.login();
  const plain = ['Content-Type: text/plain; charset=utf-8'];
  await client.ok('APPEND INBOX', message('plain', 'Just  a\r\ntext.'));
  await client.ok('APPEND INBOX', message('accents', 'Café "olé"', plain));
  await client.ok('APPEND INBOX', message('long', 'é'.repeat(1_000), plain));
  await client.ok('APPEND INBOX', Buffer.from('Subject: empty\r\n\r\n'));
  await client.ok('SELECT INBOX');
  const { untagged } = await client.ok('FETCH 1:4 (PREVIEW (LAZY))');
  expect(untagged[0]?.text).toBe('* 1 FETCH (PREVIEW "Just a text.")');
  expect(untagged[1]?.literals[0]?.toString('utf8')).toBe('Café "olé"');
  expect([...(untagged[2]?.literals[0]?.toString('utf8') ?? '')].length).toBeLessThanOrEqual(256);
  expect(untagged[3]?.text).toBe('* 4 FETCH (PREVIEW "")');
  expect(texts(await client.ok('FETCH 1 (PREVIEW UID)'))).toEqual(['* 1 FETCH (UID 1 PREVIEW "Just a text.")']);
  expect(texts(await client.ok('FETCH 1 FLAGS'))).toEqual(['* 1 FETCH (FLAGS (\\Recent))']);
  expect((await client.command('FETCH 1 (PREVIEW (EAGER))')).status).toBe('BAD');
});
