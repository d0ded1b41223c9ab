// RFC 9051 where it differs from RFC 3501 (appendix E), over a socket. What it took from extensions is in their files.
import { expect, test } from 'vitest';
import { type ImapServer, message, startImap } from '#test/support/imap-server.ts';
import type { ImapWire } from '#test/support/wire.ts';

const texts = (result: { untagged: readonly { text: string }[] }) => result.untagged.map(({ text }) => text);
const utf8 = (line: string) => Buffer.from(line, 'latin1').toString('utf8');

async function rev2(imap: ImapServer): Promise<ImapWire> {
  const client = await imap.login();
  await client.ok('ENABLE IMAP4REV2');
  return client;
}

/** A command in UTF-8. */
async function command(client: ImapWire, text: string) {
  const result = await client.command(text);
  return { ...result, lines: texts(result).map(utf8) };
}

test('6.3.1: it is advertised beside IMAP4rev1, in every state, and only ENABLE makes the difference', async () => {
  await using imap = await startImap();
  const client = await imap.connect();
  expect(client.greeting).toMatch(/\[CAPABILITY IMAP4rev1 IMAP4rev2 /);
  const old = await imap.login();
  expect(texts(await old.ok('SELECT INBOX')).join()).toContain('0 RECENT');
  expect(texts(await old.ok('SEARCH ALL'))).toEqual(['* SEARCH']);
  expect(texts(await old.ok('ENABLE imap4rev2 CONDSTORE'))).toContain('* ENABLED IMAP4rev2 CONDSTORE');
  expect(texts(await old.ok('SEARCH ALL'))).toEqual([expect.stringMatching(/^\* ESEARCH \(TAG "[^"]+"\)$/)]);
});

test('6.3.2: SELECT tells FLAGS, EXISTS, LIST, PERMANENTFLAGS, UIDNEXT and UIDVALIDITY; no RECENT, no UNSEEN', async () => {
  await using imap = await startImap();
  const client = await rev2(imap);
  await client.ok('APPEND INBOX', message('one'));
  for (const verb of ['SELECT', 'EXAMINE']) {
    const lines = texts(await client.ok(`${verb} inbox`));
    for (const part of [
      '* FLAGS (',
      '* 1 EXISTS',
      '* LIST () "/" "INBOX"',
      '[PERMANENTFLAGS',
      '[UIDNEXT 2]',
      '[UIDVALIDITY',
    ]) {
      expect([part, lines.some((line) => line.includes(part))]).toEqual([part, true]);
    }
    expect(lines.filter((line) => /RECENT|UNSEEN/i.test(line))).toEqual([]);
  }
  // 7.1: CLOSED before what belongs to the next one.
  expect(texts(await client.ok('SELECT Sent'))[0]).toMatch(/^\* OK \[CLOSED\]/);
  // 6.3.9.7: the name by which it was asked for, where it has another.
  expect(texts(await client.ok('SELECT "Sent Items"'))).toContain('* LIST () "/" "Sent" ("OLDNAME" ("Sent Items"))');
});

test('2.3.2: \\Recent is shown nowhere, also when mail comes', async () => {
  await using imap = await startImap();
  const client = await rev2(imap);
  const other = await imap.login();
  await client.ok('SELECT INBOX');
  await other.ok('APPEND INBOX (\\Flagged)', message('one'));
  expect(texts(await client.ok('NOOP'))).toEqual(['* 1 EXISTS']);
  expect(texts(await client.ok('FETCH 1 FLAGS'))).toEqual(['* 1 FETCH (FLAGS (\\Flagged))']);
  expect(texts(await client.ok('STORE 1 +FLAGS (\\Seen)'))).toEqual(['* 1 FETCH (FLAGS (\\Flagged \\Seen))']);
});

test('6.4.4: SEARCH is answered by ESEARCH, with UID for UID SEARCH; the charset is UTF-8 if none is named', async () => {
  await using imap = await startImap();
  const client = await rev2(imap);
  await client.ok('APPEND INBOX', message('Grüße'));
  await client.ok('APPEND INBOX', message('other'));
  await client.ok('SELECT INBOX');
  const ask = async (keys: string) =>
    (await command(client, keys)).lines[0]?.replace(/^\* ESEARCH \(TAG "[^"]+"\)/, '');
  expect(await ask('SEARCH SUBJECT "GRÜSSE"')).toBe('');
  expect(await ask('SEARCH SUBJECT "grÜße"')).toBe(' ALL 1');
  expect(await ask('UID SEARCH CHARSET UTF-8 SUBJECT "ü"')).toBe(' UID ALL 1');
  expect(await ask('SEARCH RETURN (COUNT) ALL')).toBe(' COUNT 2');
  expect(await ask('SEARCH RETURN (SAVE) SUBJECT other')).toBeUndefined();
  expect(await ask('SEARCH $')).toBe(' ALL 2');
});

test('5.1: mailbox names are UTF-8, with no modified UTF-7', async () => {
  await using imap = await startImap();
  const client = await rev2(imap);
  expect((await command(client, 'CREATE "Größe & Co"')).status).toBe('OK');
  expect((await command(client, 'LIST "" "Gr*"')).lines).toEqual(['* LIST (\\HasNoChildren) "/" "Größe & Co"']);
  const status = await command(client, 'STATUS "Größe & Co" (MESSAGES SIZE DELETED UNSEEN)');
  expect(status.lines).toEqual(['* STATUS "Größe & Co" (MESSAGES 0 SIZE 0 DELETED 0 UNSEEN 0)']);
  expect((await command(client, 'SELECT "Größe & Co"')).lines).toContain('* LIST () "/" "Größe & Co"');
  const old = await imap.login();
  expect(texts(await old.ok('LIST "" "Gr*"'))).toEqual(['* LIST (\\HasNoChildren) "/" "Gr&APYA3w-e &- Co"']);
});

test('6.3.9, 6.4.5: LIST with RETURN and FETCH of decoded parts are part of it', async () => {
  await using imap = await startImap();
  const client = await rev2(imap);
  await client.ok('APPEND INBOX', message('one', 'aGVsbG8=', ['Content-Transfer-Encoding: base64']));
  await client.ok('SELECT INBOX');
  expect(
    texts(await client.ok('LIST (SUBSCRIBED) "" "*" RETURN (SPECIAL-USE CHILDREN)')).every((line) =>
      line.startsWith('* LIST'),
    ),
  ).toBe(true);
  expect(texts(await client.ok('LIST "" "INBOX" RETURN (STATUS (MESSAGES))'))[1]).toBe('* STATUS "INBOX" (MESSAGES 1)');
  expect(texts(await client.ok('FETCH 1 (BINARY.SIZE[1])'))).toEqual(['* 1 FETCH (BINARY.SIZE[1] 5)']);
});

test('E: what is obsolete is still understood from who asks for it', async () => {
  await using imap = await startImap();
  const client = await rev2(imap);
  await client.ok('APPEND INBOX', message('one'));
  await client.ok('SELECT INBOX');
  for (const obsolete of ['CHECK', 'FETCH 1 RFC822.HEADER', 'LSUB "" "*"', 'SEARCH NEW']) await client.ok(obsolete);
});

test('5.1, 6.3.2: a name may be composed differently in every command; SELECT tells the one that it has', async () => {
  await using imap = await startImap();
  const client = await rev2(imap);
  const name = 'cafe\u0301';
  await command(client, `CREATE "${name}"`);
  for (const verb of ['SUBSCRIBE', 'UNSUBSCRIBE', 'EXAMINE']) {
    expect([verb, (await command(client, `${verb} "${name}"`)).status]).toEqual([verb, 'OK']);
  }
  const { lines } = await command(client, `SELECT "${name}"`);
  expect(lines).toContain(`* LIST () "/" "caf\u00e9" ("OLDNAME" ("${name}"))`);
  expect((await command(client, 'SELECT "caf\u00e9"')).lines).toContain('* LIST () "/" "caf\u00e9"');
  // INBOX has one name in any case.
  expect((await command(client, 'SELECT inbox')).lines).toContain('* LIST () "/" "INBOX"');
  expect((await command(client, `STATUS "${name}" (MESSAGES)`)).lines).toEqual(['* STATUS "caf\u00e9" (MESSAGES 0)']);
  expect((await command(client, `RENAME "${name}" "other"`)).status).toBe('OK');
});
