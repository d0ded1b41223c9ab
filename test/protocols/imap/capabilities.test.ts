// Everything that is advertised, used over a socket: each title begins with the name that CAPABILITY shows.
import { expect, test } from 'vitest';
import { message, PASSWORD, startImap } from '#test/support/imap-server.ts';

const texts = (result: { untagged: readonly { text: string }[] }) => result.untagged.map(({ text }) => text);
const advertised = (text: string) => /CAPABILITY ([^\]]+)/.exec(text)?.[1]?.split(' ') ?? [];

test('what is advertised depends on the state, and is told without being asked for', async () => {
  await using imap = await startImap();
  const client = await imap.connect();
  const before = [
    'IMAP4rev1',
    'IMAP4rev2',
    'SASL-IR',
    'LITERAL+',
    'ID',
    'ENABLE',
    'IDLE',
    'STARTTLS',
    'AUTH=PLAIN',
    'AUTH=LOGIN',
    'AUTH=SCRAM-SHA-256',
  ];
  expect(advertised(client.greeting)).toEqual(before);
  expect(advertised(texts(await client.ok('CAPABILITY'))[0] ?? '')).toEqual(before);
  const login = await client.ok(`LOGIN anna@example.test "${PASSWORD}"`);
  const after = [
    ...['IMAP4rev1', 'IMAP4rev2', 'SASL-IR', 'LITERAL+', 'ID', 'ENABLE', 'IDLE'],
    ...['NAMESPACE', 'CHILDREN', 'UNSELECT', 'UIDPLUS', 'MOVE', 'SPECIAL-USE'],
    ...[
      'COMPRESS=DEFLATE',
      'UNAUTHENTICATE',
      'MULTIAPPEND',
      'BINARY',
      'CATENATE',
      'URLAUTH',
      'URLAUTH=BINARY',
      'REPLACE',
      'UTF8=ACCEPT',
    ],
    ...['OBJECTID', 'SAVEDATE', 'PREVIEW'],
    ...['QUOTA', 'QUOTA=RES-STORAGE', 'QUOTA=RES-MESSAGE', 'METADATA', 'LIST-METADATA', 'ANNOTATE-EXPERIMENT-1'],
    ...['CREATE-SPECIAL-USE', 'XLIST', 'LIST-EXTENDED', 'LIST-STATUS', 'LIST-MYRIGHTS', 'STATUS=SIZE'],
    ...['ACL', 'RIGHTS=kxten'],
    ...[
      'CONDSTORE',
      'QRESYNC',
      'ESEARCH',
      'SEARCHRES',
      'WITHIN',
      'PARTIAL',
      'SEARCH=FUZZY',
      'UIDBATCHES',
      'MULTISEARCH',
      'CONTEXT=SEARCH',
      'NOTIFY',
      'INPROGRESS',
    ],
    ...['SORT', 'SORT=DISPLAY', 'ESORT', 'THREAD=REFERENCES', 'THREAD=ORDEREDSUBJECT', 'I18NLEVEL=1'],
    ...['APPENDLIMIT=52428800'],
  ];
  expect(advertised(login.text)).toEqual(after);
  expect(advertised(texts(await client.ok('CAPABILITY'))[0] ?? '')).toEqual(after);
});

test('IMAP4rev1: SELECT, FETCH, SEARCH, STORE and EXPUNGE', async () => {
  await using imap = await startImap();
  const client = await imap.login();
  await client.ok('APPEND INBOX', message('one'));
  await client.ok('SELECT INBOX');
  await client.ok('FETCH 1 ALL');
  expect(texts(await client.ok('SEARCH SUBJECT one'))).toEqual(['* SEARCH 1']);
  await client.ok('STORE 1 +FLAGS (\\Deleted)');
  expect(texts(await client.ok('EXPUNGE'))).toEqual(['* 1 EXPUNGE', '* 0 RECENT']);
});

test('IMAP4rev2: once it is enabled nothing is told that it took away', async () => {
  await using imap = await startImap();
  const client = await imap.login();
  await client.ok('APPEND INBOX', message('one'));
  expect(texts(await client.ok('ENABLE IMAP4rev2'))).toEqual(['* ENABLED IMAP4rev2']);
  const selected = texts(await client.ok('SELECT INBOX'));
  expect(selected).toContain('* LIST () "/" "INBOX"');
  expect(selected.filter((line) => /RECENT|UNSEEN/.test(line))).toEqual([]);
  expect(texts(await client.ok('SEARCH ALL'))[0]).toMatch(/^\* ESEARCH \(TAG "[^"]+"\) ALL 1$/);
});

test('STARTTLS: the session goes on under TLS, from the start', async () => {
  await using imap = await startImap({ plaintext: false });
  const client = await imap.connect();
  await client.startTls();
  expect(advertised(texts(await client.ok('CAPABILITY'))[0] ?? '')).not.toContain('STARTTLS');
  await client.login('anna@example.test', PASSWORD);
  expect(await client.command('STARTTLS')).toMatchObject({ status: 'BAD' });
});

test('LOGINDISABLED: told while no password is taken, and not after STARTTLS', async () => {
  await using imap = await startImap({ plaintext: false });
  const client = await imap.connect();
  expect(advertised(client.greeting)).toContain('LOGINDISABLED');
  expect((await client.command(`LOGIN anna "${PASSWORD}"`)).status).toBe('NO');
  await client.startTls();
  expect(advertised(texts(await client.ok('CAPABILITY'))[0] ?? '')).not.toContain('LOGINDISABLED');
});

test('AUTH=PLAIN: with a continuation', async () => {
  await using imap = await startImap();
  const client = await imap.connect();
  client.wire.send('a AUTHENTICATE PLAIN\r\n');
  expect((await client.response()).text).toBe('+ ');
  client.wire.send(`${Buffer.from(`\0anna@example.test\0${PASSWORD}`).toString('base64')}\r\n`);
  expect(advertised((await client.result('a')).text)).toContain('MOVE');
});

test('AUTH=LOGIN: name and password asked for', async () => {
  await using imap = await startImap();
  const client = await imap.connect();
  client.wire.send('a authenticate login\r\n');
  expect((await client.response()).text).toBe(`+ ${Buffer.from('Username:').toString('base64')}`);
  client.wire.send(`${Buffer.from('anna@example.test').toString('base64')}\r\n`);
  expect((await client.response()).text).toBe(`+ ${Buffer.from('Password:').toString('base64')}`);
  client.wire.send(`${Buffer.from(PASSWORD).toString('base64')}\r\n`);
  expect((await client.result('a')).status).toBe('OK');
});

test('SASL-IR: the first response comes with the command', async () => {
  await using imap = await startImap();
  const client = await imap.connect();
  const response = Buffer.from(`\0bert@example.test\0${PASSWORD}`).toString('base64');
  expect((await client.command(`AUTHENTICATE PLAIN ${response}`)).status).toBe('OK');
  const other = await imap.connect();
  expect((await other.command('AUTHENTICATE PLAIN =')).status).toBe('BAD');
});

test('LITERAL+: literals come without being asked for', async () => {
  await using imap = await startImap();
  const client = await imap.connect();
  client.wire.send(`a LOGIN {17+}\r\nanna@example.test {${PASSWORD.length}+}\r\n${PASSWORD}\r\nb NOOP\r\n`);
  expect(await client.result('a')).toMatchObject({ status: 'OK', untagged: [] });
  expect((await client.result('b')).status).toBe('OK');
});

test('ID: in any state, and the client may say nothing', async () => {
  await using imap = await startImap();
  const client = await imap.connect();
  expect(texts(await client.ok('ID NIL'))).toEqual(['* ID ("name" "Posthuis")']);
  expect(texts(await client.ok('ID ("name" "Thunderbird" "version" NIL)'))).toEqual(['* ID ("name" "Posthuis")']);
  expect((await client.command('ID ("name")')).status).toBe('BAD');
});

test('ENABLE: what is not known is ignored', async () => {
  await using imap = await startImap();
  const client = await imap.login();
  expect(texts(await client.ok('ENABLE X-UNKNOWN IDLE'))).toEqual(['* ENABLED']);
  expect((await client.command('ENABLE')).status).toBe('BAD');
});

test('IDLE: another session\u2019s message is told at once', async () => {
  await using imap = await startImap();
  const [idling, other] = [await imap.login(), await imap.login()];
  await idling.ok('SELECT INBOX');
  idling.wire.send('a IDLE\r\n');
  expect((await idling.response()).text).toMatch(/^\+ /);
  await other.ok('APPEND INBOX', message('new'));
  expect((await idling.response()).text).toBe('* 1 EXISTS');
  expect((await idling.response()).text).toBe('* 1 RECENT');
  await other.ok('SELECT INBOX');
  await other.ok('STORE 1 +FLAGS (\\Deleted)');
  expect((await idling.response()).text).toBe('* 1 FETCH (UID 1 FLAGS (\\Deleted \\Recent))');
  await other.ok('EXPUNGE');
  expect((await idling.response()).text).toBe('* 1 EXPUNGE');
  expect((await idling.response()).text).toBe('* 0 RECENT');
  idling.wire.send('DONE\r\n');
  expect(await idling.result('a')).toMatchObject({ status: 'OK', untagged: [] });
});

test('NAMESPACE: the personal one, that of other users and that of shared accounts, with their separator', async () => {
  await using imap = await startImap();
  const client = await imap.login();
  expect(texts(await client.ok('NAMESPACE'))).toEqual([
    '* NAMESPACE (("" "/")) (("Other Users/" "/")) (("Shared/" "/"))',
  ]);
});

test('CHILDREN: LIST says which mailboxes have some', async () => {
  await using imap = await startImap();
  const client = await imap.login();
  await client.ok('CREATE a/b');
  expect(texts(await client.ok('LIST "" a*'))).toEqual([
    '* LIST (\\HasChildren) "/" "a"',
    '* LIST (\\HasNoChildren) "/" "a/b"',
  ]);
  await client.ok('DELETE a/b');
  expect(texts(await client.ok('LIST "" a*'))).toEqual(['* LIST (\\HasNoChildren) "/" "a"']);
});

test('UNSELECT: leaves the mailbox and expunges nothing', async () => {
  await using imap = await startImap();
  const client = await imap.login();
  await client.ok('APPEND INBOX (\\Deleted)', message('one'));
  await client.ok('SELECT INBOX');
  await client.ok('UNSELECT');
  expect((await client.command('UNSELECT')).status).toBe('BAD');
  expect(texts(await client.ok('STATUS INBOX (MESSAGES)'))).toEqual(['* STATUS "INBOX" (MESSAGES 1)']);
});

test('UIDPLUS: APPEND answers APPENDUID, COPY answers COPYUID, UID EXPUNGE takes only what it names', async () => {
  await using imap = await startImap();
  const client = await imap.login();
  const validity = /UIDVALIDITY (\d+)/.exec(texts(await client.ok('STATUS INBOX (UIDVALIDITY)'))[0] ?? '')?.[1];
  for (let uid = 1; uid <= 5; uid++) {
    expect((await client.ok('APPEND INBOX', message(`${uid}`))).text).toBe(
      `[APPENDUID ${validity} ${uid}] APPEND completed`,
    );
  }
  await client.ok('SELECT INBOX');
  const target = /UIDVALIDITY (\d+)/.exec(texts(await client.ok('STATUS Archive (UIDVALIDITY)'))[0] ?? '')?.[1];
  expect((await client.ok('COPY 1:2,4 Archive')).text).toBe(`[COPYUID ${target} 1:2,4 1:3] COPY completed`);
  expect((await client.ok('UID COPY 5 Archive')).text).toBe(`[COPYUID ${target} 5 4] UID COPY completed`);
  await client.ok('STORE 1:4 +FLAGS.SILENT (\\Deleted)');
  expect(texts(await client.ok('UID EXPUNGE 2:3,5'))).toEqual(['* 3 EXPUNGE', '* 2 EXPUNGE', '* 3 RECENT']);
  expect(texts(await client.ok('UID SEARCH ALL'))).toEqual(['* SEARCH 1 4 5']);
});

test('MOVE: COPYUID comes before the EXPUNGE replies, also within one mailbox', async () => {
  await using imap = await startImap();
  const client = await imap.login();
  for (const name of ['one', 'two', 'three']) await client.ok('APPEND INBOX (\\Seen Work)', message(name));
  await client.ok('SELECT INBOX');
  const [copyuid, ...gone] = texts(await client.ok('MOVE 1:2 Archive'));
  expect(copyuid).toMatch(/^\* OK \[COPYUID \d+ 1:2 1:2\]/);
  expect(gone).toEqual(['* 2 EXPUNGE', '* 1 EXPUNGE', '* 1 RECENT']);
  const within = texts(await client.ok('UID MOVE 3 INBOX'));
  expect(within[0]).toMatch(/^\* OK \[COPYUID \d+ 3 4\]/);
  expect(within.slice(1)).toEqual(['* 1 EXPUNGE', '* 1 EXISTS', '* 1 RECENT']);
  await client.ok('SELECT Archive');
  expect(texts(await client.ok('FETCH 1:2 FLAGS'))).toEqual([
    '* 1 FETCH (FLAGS (\\Seen \\Recent Work))',
    '* 2 FETCH (FLAGS (\\Seen \\Recent Work))',
  ]);
});

test('SPECIAL-USE: plain LIST has the attributes', async () => {
  await using imap = await startImap();
  const client = await imap.login();
  const lines = texts(await client.ok('LIST "" "%"'));
  for (const [attribute, name] of [
    ['\\Drafts', 'Drafts'],
    ['\\Sent', 'Sent'],
    ['\\Junk', 'Junk'],
    ['\\Trash', 'Trash'],
    ['\\Archive', 'Archive'],
  ]) {
    expect(lines).toContain(`* LIST (\\HasNoChildren ${attribute}) "/" "${name}"`);
  }
});
