// The MUSTs of RFC 5258 (LIST-EXTENDED), RFC 5819 (LIST-STATUS) and RFC 6154 (SPECIAL-USE), each by its section.
import { expect, test } from 'vitest';
import { startImap } from '#test/support/imap-server.ts';
import type { ImapWire } from '#test/support/wire.ts';

const texts = (result: { untagged: readonly { text: string }[] }) => result.untagged.map(({ text }) => text);

/** anna with foo, foo/bar, foo/bar/deep, baz/one; subscribed as named. */
async function prepared(client: ImapWire, subscribed: readonly string[]): Promise<ImapWire> {
  for (const text of texts(await client.ok('LSUB "" *'))) await client.ok(`UNSUBSCRIBE ${text.split('"/" ')[1]}`);
  for (const name of ['foo/bar/deep', 'baz/one']) await client.ok(`CREATE ${name}`);
  for (const name of subscribed) await client.ok(`SUBSCRIBE ${name}`);
  return client;
}

test('RFC 5258 3: a mailbox that matches several patterns is returned once', async () => {
  await using imap = await startImap();
  const client = await prepared(await imap.login(), []);
  expect(texts(await client.ok('LIST "" (foo f% *foo)'))).toEqual(['* LIST (\\HasChildren) "/" "foo"']);
});

test('RFC 5258 3: options that are not known are refused with BAD', async () => {
  await using imap = await startImap();
  const client = await imap.login();
  expect((await client.command('LIST (VENDOR.X) "" *')).status).toBe('BAD');
  expect((await client.command('LIST "" * RETURN (VENDOR.X)')).status).toBe('BAD');
});

test('RFC 5258 3: an empty pattern has no special meaning in the extended form', async () => {
  await using imap = await startImap();
  const client = await imap.login();
  expect(texts(await client.ok('LIST "" ""'))).toEqual(['* LIST (\\Noselect) "/" ""']);
  expect(texts(await client.ok('LIST () "" ""'))).toEqual([]);
  expect(texts(await client.ok('LIST "" ("")'))).toEqual([]);
});

test('RFC 5258 3.1: SUBSCRIBED lists names that do not exist, as \\NonExistent', async () => {
  await using imap = await startImap();
  const client = await prepared(await imap.login(), ['foo', 'vanished/below']);
  expect(texts(await client.ok('LIST (SUBSCRIBED) "" *'))).toEqual([
    '* LIST (\\HasChildren \\Subscribed) "/" "foo"',
    '* LIST (\\NonExistent \\HasNoChildren \\Subscribed) "/" "vanished/below"',
  ]);
});

test('RFC 5258 3.1: RECURSIVEMATCH is BAD alone and with REMOTE alone', async () => {
  await using imap = await startImap();
  const client = await imap.login();
  expect((await client.command('LIST (RECURSIVEMATCH) "" *')).status).toBe('BAD');
  expect((await client.command('LIST (REMOTE RECURSIVEMATCH) "" *')).status).toBe('BAD');
  expect((await client.command('LIST (RECURSIVEMATCH SUBSCRIBED) "" *')).status).toBe('OK');
});

test('RFC 5258 3.2: the SUBSCRIBED return option tells of every mailbox whether it is subscribed', async () => {
  await using imap = await startImap();
  const client = await prepared(await imap.login(), ['foo/bar', 'vanished']);
  expect(texts(await client.ok('LIST "" (foo* vanished) RETURN (SUBSCRIBED)'))).toEqual([
    '* LIST (\\HasChildren) "/" "foo"',
    '* LIST (\\HasChildren \\Subscribed) "/" "foo/bar"',
    '* LIST (\\HasNoChildren) "/" "foo/bar/deep"',
  ]);
});

test('RFC 5258 4: CHILDINFO is told of a parent whose matching descendants the pattern leaves out, and only then asked', async () => {
  await using imap = await startImap();
  const client = await prepared(await imap.login(), ['foo/bar/deep', 'vanished/below']);
  expect(texts(await client.ok('LIST (SUBSCRIBED RECURSIVEMATCH) "" %'))).toEqual([
    '* LIST (\\HasChildren) "/" "foo" ("CHILDINFO" ("SUBSCRIBED"))',
    '* LIST (\\NonExistent \\HasNoChildren) "/" "vanished" ("CHILDINFO" ("SUBSCRIBED"))',
  ]);
  expect(texts(await client.ok('LIST (SUBSCRIBED) "" %'))).toEqual([]);
});

test('RFC 5258 4: a parent whose wanted descendants are all listed themselves has no CHILDINFO', async () => {
  await using imap = await startImap();
  const client = await prepared(await imap.login(), ['foo/bar']);
  expect(texts(await client.ok('LIST (SUBSCRIBED RECURSIVEMATCH) "" (foo foo/bar)'))).toEqual([
    '* LIST (\\HasChildren \\Subscribed) "/" "foo/bar"',
  ]);
});

test('RFC 5819 2: no STATUS for a name that is no mailbox; bad items are BAD', async () => {
  await using imap = await startImap();
  const client = await prepared(await imap.login(), ['vanished']);
  expect(texts(await client.ok('LIST (SUBSCRIBED) "" * RETURN (STATUS (MESSAGES))'))).toEqual([
    '* LIST (\\NonExistent \\HasNoChildren \\Subscribed) "/" "vanished"',
  ]);
  expect((await client.command('LIST "" * RETURN (STATUS (VENDOR.X))')).status).toBe('BAD');
  expect((await client.command('LIST "" * RETURN (STATUS)')).status).toBe('BAD');
});

test('RFC 6154 2: with the SPECIAL-USE selection option only mailboxes with a use are returned', async () => {
  await using imap = await startImap();
  const client = await prepared(await imap.login(), []);
  const lines = texts(await client.ok('LIST (SPECIAL-USE) "" *'));
  expect(lines.length).toBe(5);
  expect(lines.every((line) => /\\(Archive|Drafts|Junk|Sent|Trash)/.test(line))).toBe(true);
});

test('RFC 6154 3: a use that can not be given makes no mailbox', async () => {
  await using imap = await startImap();
  const client = await imap.login();
  expect((await client.command('CREATE x (USE (\\Junk))')).text).toMatch(/^\[USEATTR\]/);
  expect((await client.command('SELECT x')).text).toMatch(/^\[NONEXISTENT\]/);
});
