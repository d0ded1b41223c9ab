// What an operator may switch off, for all and for one account, and LITERAL-.
import { expect, test } from 'vitest';
import { message, PASSWORD, startImap } from '#test/support/imap-server.ts';

const texts = (result: { untagged: readonly { text: string }[] }) => result.untagged.map(({ text }) => text);
const offered = (text: string) => /CAPABILITY ([^\]]+)/.exec(text)?.[1]?.split(' ') ?? [];

test('a capability that is off for all is not told, not enabled, and its commands are unknown', async () => {
  await using imap = await startImap({ off: ['QRESYNC', 'COMPRESS=DEFLATE', 'AUTH=LOGIN', 'APPENDLIMIT'] });
  const client = await imap.connect();
  expect(offered(client.greeting)).toContain('AUTH=PLAIN');
  expect(offered(client.greeting)).not.toContain('AUTH=LOGIN');
  expect((await client.command('AUTHENTICATE LOGIN')).status).toBe('NO');
  const after = offered((await client.ok(`LOGIN anna "${PASSWORD}"`)).text);
  expect(after).toContain('CONDSTORE');
  for (const name of ['QRESYNC', 'COMPRESS=DEFLATE', 'APPENDLIMIT=52428800']) expect(after).not.toContain(name);
  expect(texts(await client.ok('ENABLE QRESYNC CONDSTORE'))[0]).toBe('* ENABLED CONDSTORE');
  expect(await client.command('COMPRESS DEFLATE')).toMatchObject({ status: 'BAD', text: 'Unknown command' });
});

test('a capability that is off for an account is so from its next login on, and for nobody else', async () => {
  await using imap = await startImap();
  const { directory } = imap.store;
  await directory.setSetting(imap.anna.id, 'imap-off', ['compress=deflate', 'MOVE']);
  const [anna, bert] = [await imap.login(), await imap.login('bert')];
  const told = async (client: typeof anna) => offered(texts(await client.ok('CAPABILITY'))[0] ?? '');
  expect(await told(anna)).not.toContain('COMPRESS=DEFLATE');
  expect(await told(bert)).toContain('COMPRESS=DEFLATE');
  await anna.ok('SELECT INBOX');
  expect((await anna.command('UID MOVE 1 Trash')).status).toBe('BAD');
  await directory.setSetting(imap.anna.id, 'imap-off', []);
  await anna.ok('UNAUTHENTICATE');
  await anna.login('anna', PASSWORD);
  expect(await told(anna)).toContain('MOVE');
  await anna.ok('COMPRESS DEFLATE');
});

test('the syntax of what is off is unknown too, except where it is a part of IMAP4rev2 and that is enabled', async () => {
  const syntax: Record<string, string[]> = {
    'ANNOTATE-EXPERIMENT-1': [
      ...['FETCH 1 ANNOTATION (/comment value)', 'STORE 1 ANNOTATION (/comment (value.priv "x"))'],
      ...['SEARCH ANNOTATION /comment value x', 'SELECT INBOX (ANNOTATE)'],
    ],
    BINARY: ['FETCH 1 BINARY.SIZE[1]', 'FETCH 1 (FLAGS BINARY.PEEK[1])'],
    CATENATE: ['APPEND INBOX CATENATE (URL "/INBOX/;UID=1")'],
    CONDSTORE: [
      ...['FETCH 1 MODSEQ', 'FETCH 1 FLAGS (CHANGEDSINCE 1)', 'SEARCH MODSEQ 1', 'STATUS INBOX (HIGHESTMODSEQ)'],
      ...['STORE 1 (UNCHANGEDSINCE 1) +FLAGS (\\Seen)', 'SELECT INBOX (CONDSTORE)'],
    ],
    'CONTEXT=SEARCH': ['SEARCH RETURN (CONTEXT COUNT) ALL', 'SEARCH RETURN (UPDATE) ALL'],
    'CREATE-SPECIAL-USE': ['CREATE x (USE (\\All))'],
    ESEARCH: ['SEARCH RETURN (COUNT) ALL'],
    ESORT: ['SORT RETURN (COUNT) (SIZE) UTF-8 ALL'],
    'LIST-EXTENDED': ['LIST "" ("a" "b")', 'LIST (SUBSCRIBED) "" *', 'LIST "" * RETURN (CHILDREN)'],
    'LIST-METADATA': ['LIST "" * RETURN (METADATA ("/private/comment"))'],
    'LIST-STATUS': ['LIST "" * RETURN (STATUS (MESSAGES))'],
    MULTIAPPEND: ['APPEND INBOX {4+}\r\na: b {4+}\r\na: b'],
    OBJECTID: ['FETCH 1 EMAILID', 'SEARCH THREADID x', 'STATUS INBOX (MAILBOXID)'],
    PARTIAL: ['SEARCH RETURN (PARTIAL 1:2) ALL', 'FETCH 1:* UID (PARTIAL 1:2)'],
    PREVIEW: ['FETCH 1 PREVIEW', 'FETCH 1 PREVIEW (LAZY)'],
    QRESYNC: ['UID FETCH 1 FLAGS (CHANGEDSINCE 1 VANISHED)', 'SELECT INBOX (QRESYNC (1 1))'],
    SAVEDATE: ['FETCH 1 SAVEDATE', 'SEARCH SAVEDON 1-Jan-2026', 'SEARCH SAVEDATESUPPORTED'],
    'SEARCH=FUZZY': ['SEARCH FUZZY TEXT x', 'SORT (RELEVANCY) UTF-8 FUZZY TEXT x'],
    SEARCHRES: ['SEARCH RETURN (SAVE) ALL', 'FETCH $ UID', 'SEARCH $'],
    'SORT=DISPLAY': ['SORT (DISPLAYFROM) UTF-8 ALL'],
    'SPECIAL-USE': ['LIST (SPECIAL-USE) "" *', 'LIST "" * RETURN (SPECIAL-USE)'],
    'STATUS=SIZE': ['STATUS INBOX (SIZE)'],
    'THREAD=REFERENCES': ['THREAD REFERENCES UTF-8 ALL'],
    WITHIN: ['SEARCH YOUNGER 10'],
  };
  await using imap = await startImap({ off: Object.keys(syntax), trusted: () => true });
  const client = await imap.login();
  await client.ok('APPEND INBOX', message('one'));
  await client.ok('SELECT INBOX');
  for (const commands of Object.values(syntax)) {
    for (const command of commands) expect((await client.command(command)).status, command).toBe('BAD');
  }
  await client.ok('ENABLE IMAP4rev2');
  for (const part of ['ESEARCH', 'SEARCHRES', 'LIST-EXTENDED', 'LIST-STATUS', 'STATUS=SIZE', 'SPECIAL-USE', 'BINARY']) {
    for (const command of syntax[part] ?? []) await client.ok(command);
  }
  expect((await client.command('SEARCH YOUNGER 10')).status).toBe('BAD');
});

test('LITERAL-: small literals come without being asked for, larger ones are BAD, and the next command is understood', async () => {
  await using imap = await startImap({ literals: 'minus' });
  const client = await imap.connect();
  expect(offered(client.greeting)).toContain('LITERAL-');
  expect(offered(client.greeting)).not.toContain('LITERAL+');
  client.wire.send(`a LOGIN {4+}\r\nanna {${PASSWORD.length}+}\r\n${PASSWORD}\r\n`);
  expect((await client.result('a')).status).toBe('OK');
  const large = message('large', 'x'.repeat(5_000));
  client.wire.send(`b APPEND INBOX {${large.length}+}\r\n`);
  client.wire.send(large);
  client.wire.send('\r\nc NOOP\r\n');
  expect((await client.result('b')).status).toBe('BAD');
  expect((await client.result('c')).status).toBe('OK');
  await client.ok('APPEND INBOX', large);
  client.wire.send(`d APPEND INBOX {10+}\r\nA: b\r\n\r\nxx\r\n`);
  expect((await client.result('d')).status).toBe('OK');
});
