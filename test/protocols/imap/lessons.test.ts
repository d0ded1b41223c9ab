// What broke other servers under real clients, each as a test (the threads are named in the comments).
import { expect, test } from 'vitest';
import { message, PASSWORD, startImap } from '#test/support/imap-server.ts';
import { type Must, untested } from '#test/support/musts.ts';

const texts = (result: { untagged: readonly { text: string }[] }) => result.untagged.map(({ text }) => text);

const C = 'conformance/imap';
const P = 'protocols/imap';

/** What other servers have learned, and where it is tested: here, or with what it is about. */
const LESSONS: readonly Must[] = [
  ['1', 'what follows DONE is a command', `${P}/lessons.test.ts`, 'bytes after DONE in the same packet'],
  ['1', 'a command may come where DONE is due', `${P}/lessons.test.ts`, 'a command where DONE is due'],
  ['2', 'DEFLATE is flushed with each reply', `${P}/compress.test.ts`, 'every reply is flushed'],
  ['2', 'what it unpacks is bounded', `${P}/compress.test.ts`, 'a bomb grows nothing'],
  ['3', 'special uses are in plain LIST', `${P}/capabilities.test.ts`, 'SPECIAL-USE: plain LIST has'],
  ['3', 'and in XLIST', `${P}/list.test.ts`, 'XLIST: the special folders'],
  ['3', "programs' own names lead to them", `${P}/list.test.ts`, 'F175: the names that mail programs have'],
  ['4', 'EXPUNGE of nothing says nothing', `${P}/lessons.test.ts`, 'an EXPUNGE that removes nothing'],
  ['4', 'EXISTS before FETCH', `${P}/lessons.test.ts`, 'EXISTS comes before any FETCH'],
  ['5', 'COPY and MOVE of what is gone are OK', `${P}/changes.test.ts`, 'COPY and MOVE of messages that are not there'],
  ['5', 'a copy may be where the message is', `${C}/messages.test.ts`, 'copy, move and uidplus'],
  ['6', 'a capability can be switched off', `${P}/settings.test.ts`, 'a capability that is off for an account'],
  ['6', 'the tag of ESEARCH is a quoted string', `${P}/extended-search.test.ts`, 'ESEARCH: counts, first, last'],
  ['7', 'names are modified UTF-7', `${P}/mailboxes.test.ts`, 'names go both ways in modified UTF-7'],
  ['7', 'no UTF-8 for who has not asked', `${P}/utf8.test.ts`, 'UTF8=ACCEPT: ENVELOPE and BODYSTRUCTURE'],
  ['7', 'UTF8 (~{n} of Thunderbird', `${P}/utf8.test.ts`, 'UTF8=ACCEPT: messages come in UTF8'],
  ['8', 'BODYSTRUCTURE is full', `${P}/lessons.test.ts`, 'BODYSTRUCTURE has its extension data'],
  ['8', 'UID comes first', `${P}/lessons.test.ts`, 'UID comes first also where'],
  ['8', 'a short last piece is exact', `${P}/fetch.test.ts`, 'a partial fetch gives exactly'],
  ['8', 'ENVELOPE without From', `${C}/fetch-structure.test.ts`, 'what is empty and what is missing'],
  ['9', 'n:* has the last message', `${P}/fetch.test.ts`, 'n:* always has the last message'],
  ['9', 'SEARCH always answers', `${P}/lessons.test.ts`, 'UID SEARCH 1:* NOT DELETED is answered'],
  ['9', 'a continuation is "+ "', `${P}/lessons.test.ts`, 'a continuation is a plus and a space'],
  ['9', 'CHANGEDSINCE 0', `${P}/lessons.test.ts`, 'CHANGEDSINCE 0 is every message'],
  ['9', 'empty lines', `${P}/session.test.ts`, 'empty lines between commands are ignored'],
  ['9', 'STATUS follows its LIST', `${P}/list.test.ts`, 'LIST-STATUS: each STATUS follows its LIST'],
  ['9', 'no STATUS in NOOP', `${P}/lessons.test.ts`, 'NOOP tells of the selected mailbox'],
  ['9', 'lines of 8,000 bytes and more', `${P}/lessons.test.ts`, 'a quoted string of 20,000 bytes'],
  ['9', 'strange literals', `${P}/session.test.ts`, 'negative, zero and strange literals'],
  ['10', 'STORE and EXPUNGE in their order', `${P}/lessons.test.ts`, 'STORE and EXPUNGE in one packet'],
  ['10', 'changes are queued', `${P}/lessons.test.ts`, 'changes by many sessions at once'],
  ['10', 'what is expunged stays until it was told', `${P}/fetch.test.ts`, 'what another session has expunged'],
  ['10', 'mail can be read beside a writer', `${P}/fetch.test.ts`, 'mail can be read when nothing can be written'],
  ['10', 'SELECT brings up to date', `${P}/changes.test.ts`, 'is told when it selects again'],
  ['10', 'a failed literal ends its command', `${P}/lessons.test.ts`, 'after a literal that was refused'],
  ['10', 'half an hour of silence, and not exactly', `${C}/rfc9051.test.ts`, 'is longer than half an hour'],
  ['10', 'UIDs stay', 'stress/imap.test.ts', 'what one session was told binds the others'],
];

test('every lesson names a test that is there', () => {
  expect(untested(LESSONS)).toEqual([]);
  expect(new Set(LESSONS.map(([lesson]) => lesson)).size).toBe(10);
});

// modern-email/defects #29: the iPhone asks so, though a mod-sequence is above 0.
test('CHANGEDSINCE 0 is every message', async () => {
  await using imap = await startImap();
  const client = await imap.login();
  for (const subject of ['one', 'two']) await client.ok('APPEND INBOX', message(subject));
  await client.ok('SELECT INBOX');
  const told = texts(await client.ok('UID FETCH 1:* (FLAGS) (CHANGEDSINCE 0)'));
  expect(told.filter((line) => line.includes('FETCH'))).toHaveLength(2);
});

// stalwartlabs/stalwart #2039: arguments of 8,000 bytes and more.
test('a quoted string of 20,000 bytes is taken like any other, and so is a set of 2,000 numbers', async () => {
  await using imap = await startImap();
  const client = await imap.login();
  const text = 'long '.repeat(4_000);
  await client.ok('APPEND INBOX', message('long', text));
  await client.ok('SELECT INBOX');
  expect(texts(await client.ok(`SEARCH BODY "${text.trim()}"`))).toEqual(['* SEARCH 1']);
  const uids = Array.from({ length: 2_000 }, (_, at) => at * 2 + 1).join();
  expect(texts(await client.ok(`UID FETCH ${uids} UID`))).toEqual(['* 1 FETCH (UID 1)']);
});

// stalwartlabs/stalwart #765: iOS 18 sends the next command in the packet with DONE.
test('bytes after DONE in the same packet are the next command', async () => {
  await using imap = await startImap();
  const client = await imap.login();
  await client.ok('SELECT INBOX');
  client.wire.send('a IDLE\r\nDONE\r\nb NOOP\r\nc IDLE\r\n');
  expect(texts(await client.result('a'))).toEqual(['+ idling']);
  expect((await client.result('b')).status).toBe('OK');
  expect((await client.response()).text).toBe('+ idling');
  for (const piece of ['DO', 'NE\r', '\nd SELECT INBOX\r\n']) {
    client.wire.send(piece);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  expect((await client.result('c')).status).toBe('OK');
  expect((await client.result('d')).status).toBe('OK');
});

// Seen with Thunderbird 153: a line that comes together with the continuation is not looked at before the next one comes.
test('what has changed before IDLE is told before its continuation', async () => {
  await using imap = await startImap();
  const [client, other] = [await imap.login(), await imap.login()];
  await client.ok('SELECT INBOX');
  await other.ok('APPEND INBOX', message('before'));
  client.wire.send('a IDLE\r\n');
  expect(await client.wire.line()).toBe('* 1 EXISTS');
  expect(await client.wire.line()).toBe('* 1 RECENT');
  expect(await client.wire.line()).toBe('+ idling');
});

test('every session in IDLE is told, though only one of an account reads the changes', async () => {
  await using imap = await startImap();
  const other = await imap.login();
  const idling = [await imap.login(), await imap.login(), await imap.login()];
  for (const client of idling) {
    await client.ok('SELECT INBOX');
    client.wire.send('a IDLE\r\n');
    expect((await client.response()).text).toBe('+ idling');
  }
  for (let count = 1; count <= 5; count++) {
    await other.ok('APPEND INBOX', message(`number ${count}`));
    for (const client of idling) expect((await client.response()).text).toBe(`* ${count} EXISTS`);
    for (const client of idling) expect((await client.response()).text).toMatch(/RECENT$/);
  }
});

// zone-eu/wildduck #684: iOS starts a new IDLE where DONE is due.
test('a command where DONE is due ends IDLE with BAD and is run', async () => {
  await using imap = await startImap();
  const client = await imap.login();
  client.wire.send('a IDLE\r\nb IDLE\r\n');
  expect(texts(await client.result('a'))).toEqual(['+ idling']);
  expect((await client.response()).text).toBe('+ idling');
  client.wire.send('done\r\n');
  expect((await client.result('b')).status).toBe('OK');
});

// zone-eu/wildduck #850, #241: `* 0 EXISTS` after an EXPUNGE that removed nothing sends Apple Mail into a loop.
test('an EXPUNGE that removes nothing says nothing', async () => {
  await using imap = await startImap();
  const client = await imap.login();
  await client.ok('SELECT INBOX');
  expect(texts(await client.ok('EXPUNGE'))).toEqual([]);
  expect(texts(await client.ok('UID EXPUNGE 1:*'))).toEqual([]);
  await client.ok('APPEND INBOX', message('one'));
  expect(texts(await client.ok('EXPUNGE'))).toEqual([]);
});

// cyrus-imapd #1967: a FETCH for a number before its EXISTS breaks a KDE client.
test('EXISTS comes before any FETCH of the new number', async () => {
  await using imap = await startImap();
  const [client, other] = [await imap.login(), await imap.login()];
  await client.ok('SELECT INBOX');
  await other.ok('APPEND INBOX', message('one'));
  await other.ok('SELECT INBOX');
  await other.ok('STORE 1 +FLAGS (\\Flagged)');
  await other.ok('APPEND INBOX', message('two'));
  await other.ok('STORE 2 +FLAGS (\\Flagged)');
  const lines = texts(await client.ok('NOOP'));
  expect(lines[0]).toBe('* 2 EXISTS');
  expect(lines.filter((line) => line.includes('EXISTS')).length).toBe(1);
});

// stalwart #1201, #670: NO to a COPY or MOVE leaves ghosts in Apple Mail.
test('MOVE of what another session has moved already answers OK', async () => {
  await using imap = await startImap();
  const [one, other] = [await imap.login(), await imap.login()];
  await one.ok('APPEND INBOX', message('one'));
  await one.ok('SELECT INBOX');
  await other.ok('SELECT INBOX');
  await other.ok('UID MOVE 1 Trash');
  expect(await one.command('UID MOVE 1 Trash')).toMatchObject({ status: 'OK' });
  expect(texts(await one.ok('STATUS Trash (MESSAGES)'))).toEqual(['* STATUS "Trash" (MESSAGES 1)']);
});

// emersion/go-imap and mox cc4ecf2: the Gmail app could not save to Sent without a space after the plus.
test('a continuation is a plus and a space', async () => {
  await using imap = await startImap();
  const client = await imap.login();
  client.wire.send('a APPEND Sent {5}\r\n');
  expect((await client.response()).text).toMatch(/^\+ /);
  client.wire.send('hello\r\n');
  expect((await client.result('a')).status).toBe('OK');
});

// ProtonMail/proton-bridge #204: Thunderbird takes the text for another message when UID does not come first.
test('UID comes first also where it was asked for last', async () => {
  await using imap = await startImap();
  const client = await imap.login();
  await client.ok('APPEND INBOX', message('one'));
  await client.ok('SELECT INBOX');
  expect(
    texts(await client.ok('UID FETCH 1 (RFC822.SIZE FLAGS BODY.PEEK[HEADER.FIELDS (From To Subject)] UID)'))[0],
  ).toMatch(
    /^\* 1 FETCH \(UID 1 RFC822\.SIZE \d+ FLAGS \(\\Recent\) BODY\[HEADER\.FIELDS \(From To Subject\)\] \{\d+\}\)$/,
  );
});

// ProtonMail/proton-bridge #239 and mox bc62aae.
test('UID SEARCH 1:* NOT DELETED is answered, also with nothing found', async () => {
  await using imap = await startImap();
  const client = await imap.login();
  await client.ok('SELECT INBOX');
  expect(texts(await client.ok('UID SEARCH 1:* NOT DELETED'))).toEqual(['* SEARCH']);
});

// stalwart #234: an unsolicited STATUS in NOOP makes Thunderbird duplicate drafts.
test('NOOP tells of the selected mailbox and of no other', async () => {
  await using imap = await startImap();
  const [client, other] = [await imap.login(), await imap.login()];
  await client.ok('SELECT INBOX');
  await other.ok('APPEND Drafts', message('draft'));
  expect(texts(await client.ok('NOOP'))).toEqual([]);
});

// zone-eu/wildduck f2c8545: after a literal that failed, Outlook's IDLE was taken for its rest.
test('after a literal that was refused the next command is a command', async () => {
  await using imap = await startImap({ messageSize: 1_000 });
  const client = await imap.login();
  expect((await client.command('APPEND INBOX', Buffer.alloc(2_000))).status).toBe('NO');
  client.wire.send('a IDLE\r\n');
  expect((await client.response()).text).toBe('+ idling');
  client.wire.send('DONE\r\n');
  expect((await client.result('a')).status).toBe('OK');
});

// stalwart 0.16.14: pipelined STORE and EXPUNGE ran out of order.
test('STORE and EXPUNGE in one packet run in their order', async () => {
  await using imap = await startImap();
  const client = await imap.login();
  for (let count = 0; count < 20; count++) await client.ok('APPEND INBOX', message(`${count}`));
  await client.ok('SELECT INBOX');
  for (let count = 20; count > 0; count -= 2) {
    client.wire.send('a STORE 1:2 +FLAGS.SILENT (\\Deleted)\r\nb EXPUNGE\r\n');
    await client.result('a');
    expect(texts(await client.result('b'))).toEqual(['* 2 EXPUNGE', '* 1 EXPUNGE', `* ${count - 2} RECENT`]);
  }
});

// mox 0753325, MailKit #1393: NIL and "" are not the same, and parameters are NIL, not (NIL).
test('BODYSTRUCTURE has its extension data and no empty parameter lists', async () => {
  await using imap = await startImap();
  const client = await imap.login();
  const text = [
    'From: a@b',
    'MIME-Version: 1.0',
    'Content-Type: multipart/mixed; boundary=x',
    '',
    '--x',
    'Content-Type: text/plain',
    '',
    'hello',
    '--x',
    'Content-Type: image/png; name="p.png"',
    'Content-Disposition: attachment; filename="p.png"',
    'Content-Transfer-Encoding: base64',
    '',
    'AAAA',
    '--x--',
    '',
  ].join('\r\n');
  await client.ok('APPEND INBOX', Buffer.from(text));
  await client.ok('SELECT INBOX');
  const [line = ''] = texts(await client.ok('FETCH 1 BODYSTRUCTURE'));
  expect(line.toLowerCase()).toContain('("attachment" ("filename" "p.png"))');
  expect(line.toLowerCase()).toContain('"mixed" ("boundary" "x") nil nil nil)');
  expect(line).not.toContain('(NIL)');
});

// zone-eu/wildduck 459bdae: a lock around changes lost them; here each session has its own view of one queue.
test('changes by many sessions at once are all told', async () => {
  await using imap = await startImap();
  const watcher = await imap.login();
  await watcher.ok('SELECT INBOX');
  const others = await Promise.all(Array.from({ length: 8 }, () => imap.login()));
  await Promise.all(
    others.map(async (client, at) => {
      for (let count = 0; count < 10; count++) await client.ok('APPEND INBOX', message(`${at} ${count}`));
    }),
  );
  expect(texts(await watcher.ok('NOOP'))[0]).toBe('* 80 EXISTS');
});

test('a login name is taken in every form', async () => {
  await using imap = await startImap();
  for (const name of ['anna', 'ANNA@EXAMPLE.TEST', 'EXAMPLE.TEST\\\\anna', 'example.test/anna']) {
    await (await imap.connect()).login(name, PASSWORD);
  }
});
