// Every MUST that RFC 9051 puts on a server, by section, with the test that holds us to it; those that had none are
// tested here. What concerns clients, or services that we do not have (UIDNOTSTICKY, PREAUTH, remote mailboxes, limits
// on saved results), is left out.
import { expect, test } from 'vitest';
import { IDLE_MS } from '#protocols/imap/limits.ts';
import { message, startImap } from '#test/support/imap-server.ts';
import { type Must, untested } from '#test/support/musts.ts';

const texts = (result: { untagged: readonly { text: string }[] }) => result.untagged.map(({ text }) => text);

const C = 'conformance/imap';
const P = 'protocols/imap';

const MUSTS: readonly Must[] = [
  ['2.2.1', 'a command is answered once, with its tag', 'fuzz/imap.test.ts', 'every damaged command is answered once'],
  ['2.3.1.1', 'a UID refers to no other message, ever', 'stress/imap.test.ts', 'are each told a consistent story'],
  ['2.3.1.1', 'UIDs ascend as messages are added', 'stress/imap.test.ts', 'are each told a consistent story'],
  [
    '2.3.1.1',
    'UIDs do not change during a session',
    'stress/imap.test.ts',
    'what one session was told binds the others',
  ],
  ['2.3.1.1', 'UIDNEXT is above every UID, UIDVALIDITY rises', `${P}/mailboxes.test.ts`, 'has other UIDs'],
  [
    '2.3.1.1',
    'UIDNEXT changes with new messages only, and with each',
    `${C}/server-rules.test.ts`,
    'UIDNEXT changes when messages are added',
  ],
  ['2.3.1.2', 'sequence numbers are in the order of UIDs', `${C}/server-rules.test.ts`, 'are in the order of the UIDs'],
  ['2.3.2', '\\Recent is not sent in IMAP4rev2', `${C}/imap4rev2.test.ts`, '\\\\Recent is shown nowhere'],
  ['3.4', 'LOGOUT: BYE, then OK', `${C}/mailboxes.test.ts`, 'LOGOUT says BYE'],
  ['4.3', 'no literal+ from the server', 'fuzz/imap.test.ts', 'every damaged command is answered once'],
  ['4.3.1', 'UTF-8 in quoted strings is accepted', `${C}/utf8.test.ts`, 'quoted strings take UTF-8'],
  ['5.1', 'names that are no Net-Unicode are refused', `${C}/imap4rev2.test.ts`, 'mailbox names are UTF-8'],
  ['5.1', 'denormalized names are taken in every command', `${C}/imap4rev2.test.ts`, 'composed differently in every'],
  ['5.1.1', 'one hierarchy separator, left to right', `${C}/mailboxes.test.ts`, 'list: the hierarchy'],
  ['5.1.2', 'INBOX is in the personal namespace', `${P}/capabilities.test.ts`, 'NAMESPACE: the personal one'],
  ['5.2', 'changes of the size are told in any command', 'stress/imap.test.ts', 'are each told a consistent story'],
  ['5.2', 'EXISTS never lowers the number', 'stress/imap.test.ts', 'a reply that breaks a rule is seen'],
  ['5.3', 'flow control of what nobody asked for', `${P}/fetch.test.ts`, 'stops reading a FETCH'],
  ['5.4', 'no autologout before 30 minutes', `${C}/rfc9051.test.ts`, 'half an hour'],
  ['5.4', 'BYE at an autologout', `${P}/bad-input.test.ts`, 'is told BYE and cut off'],
  ['5.5', 'ambiguous commands run in their order', `${P}/session.test.ts`, 'pipelined commands run in order'],
  ['6.1.1', 'CAPABILITY has IMAP4rev2', `${C}/imap4rev2.test.ts`, 'it is advertised beside IMAP4rev1'],
  ['6.1.1', 'STARTTLS and LOGINDISABLED', `${P}/capabilities.test.ts`, 'LOGINDISABLED: told while'],
  ['6.1.1', 'AUTH=PLAIN', `${P}/capabilities.test.ts`, 'AUTH=PLAIN: with a continuation'],
  ['6.1.3', 'LOGOUT closes the connection', `${P}/session.test.ts`, 'fetch, store, expunge, logout'],
  ['6.2.1', 'STARTTLS under TLS is BAD', `${C}/rfc9051.test.ts`, 'under TLS'],
  ['6.2.1', 'what follows STARTTLS in the clear is not run', `${P}/session.test.ts`, 'pipelined in plaintext behind'],
  ['6.2.2', 'a star or wrong base64 is BAD', `${P}/session.test.ts`, 'cancelled by a star, BAD for what is no'],
  ['6.2.2', 'an initial response that is no base64 is BAD', `${C}/rfc9051.test.ts`, 'initial response'],
  ['6.2.2', 'no plaintext without TLS can be had', `${P}/session.test.ts`, 'without TLS and without permission'],
  [
    '6.3.1',
    'ENABLE ignores what it does not know',
    `${P}/capabilities.test.ts`,
    'ENABLE: what is not known is ignored',
  ],
  ['6.3.1', 'ENABLE changes no capabilities; ENABLED is always sent', `${C}/rfc9051.test.ts`, 'ENABLE changes no'],
  [
    '6.3.1',
    'what is known and not enabled by ENABLE is ignored',
    `${C}/server-rules.test.ts`,
    'is not enabled by ENABLE is ignored',
  ],
  [
    '6.3.2',
    'LIST with OLDNAME where the name given is another',
    `${C}/imap4rev2.test.ts`,
    'composed differently in every',
  ],
  ['6.3.2', 'what SELECT tells', `${C}/imap4rev2.test.ts`, 'SELECT tells FLAGS, EXISTS, LIST'],
  ['6.3.2', 'CLOSED when another is left', `${C}/qresync.test.ts`, 'CLOSED parts the mailbox'],
  ['6.3.2', 'READ-ONLY', `${P}/mailboxes.test.ts`, 'EXAMINE changes nothing'],
  ['6.3.3', 'EXAMINE answers READ-ONLY and changes nothing', `${P}/mailboxes.test.ts`, 'EXAMINE changes nothing'],
  ['6.3.4, 6.3.5, 6.3.6', 'a name used again has other UIDs', `${P}/mailboxes.test.ts`, 'has other UIDs'],
  ['6.3.4', 'a separator at the end is ignored', `${P}/mailboxes.test.ts`, 'takes a separator at the end'],
  ['6.3.5', 'DELETE leaves what is below', `${P}/mailboxes.test.ts`, 'DELETE takes ordinary mailboxes only'],
  ['6.3.6', 'RENAME takes what is below along', `${C}/mailboxes.test.ts`, 'uidvalidity-rename'],
  ['6.3.9', 'a pattern that matches nothing is OK', `${C}/mailboxes.test.ts`, 'list: the hierarchy'],
  [
    '6.3.9',
    'a pattern that is not taken is ignored; return options tell of no other names',
    `${C}/server-rules.test.ts`,
    'no return option tells of other names',
  ],
  ['6.3.9', 'every option that the document has is taken', `${P}/list.test.ts`, 'LIST (REMOTE) ""'],
  ['6.3.9', 'unknown options are BAD, repeated ones count once', `${C}/list-extended.test.ts`, 'refused with BAD'],
  ['6.3.9.1', 'SUBSCRIBED lists just the subscribed names', `${C}/list-extended.test.ts`, 'SUBSCRIBED lists names'],
  ['6.3.9.1', 'RECURSIVEMATCH alone is BAD', `${C}/list-extended.test.ts`, 'RECURSIVEMATCH is BAD alone'],
  ['6.3.9.2', 'STATUS follows its LIST', `${P}/list.test.ts`, 'LIST-STATUS: each STATUS follows'],
  ['6.3.9.2', 'no STATUS of what can not be selected', `${C}/list-extended.test.ts`, 'no STATUS for a name'],
  ['6.3.9.5', 'HasChildren and HasNoChildren', `${P}/capabilities.test.ts`, 'CHILDREN: LIST says'],
  ['6.3.9.6', 'CHILDINFO only with RECURSIVEMATCH', `${C}/list-extended.test.ts`, 'only then asked'],
  ['6.3.11', 'STATUS of the selected mailbox; SIZE', `${P}/list.test.ts`, 'STATUS=SIZE: the sum'],
  ['6.3.12', 'APPEND is whole or nothing', `${P}/append.test.ts`, 'a connection cut in the middle'],
  ['6.3.12', 'TRYCREATE, and nothing is made', `${P}/append.test.ts`, 'told with TRYCREATE'],
  [
    '6.3.12',
    'no APPENDUID of what may not be selected',
    `${C}/server-rules.test.ts`,
    'may be added to and not selected',
  ],
  ['6.3.13', 'in IDLE every FETCH has UID', `${C}/rfc9051.test.ts`, 'has its UID'],
  ['6.3.13', 'DONE ends IDLE at once', `${P}/lessons.test.ts`, 'bytes after DONE'],
  ['6.4.1', 'CLOSE tells no EXPUNGE', `${P}/changes.test.ts`, 'CLOSE expunges and tells nothing'],
  [
    '6.4.4',
    'ESEARCH is always sent, without MIN, MAX and ALL if empty',
    `${C}/esearch.test.ts`,
    'nothing found: ESEARCH',
  ],
  ['6.4.4', 'unknown result options are BAD', `${C}/esearch.test.ts`, 'what is not in the grammar is refused'],
  ['6.4.4', 'COUNT is always told', `${C}/esearch.test.ts`, 'MIN COUNT'],
  [
    '6.4.4.2',
    'a saved result is there for the next command, also pipelined',
    `${P}/extended-search.test.ts`,
    'SEARCHRES: what a search saved',
  ],
  ['6.4.4', 'encodings and encoded words are undone', `${C}/search-keys.test.ts`, 'search-body: decoded text'],
  ['6.4.4', 'UTF-8 without CHARSET; an unknown one is NO', `${C}/search-keys.test.ts`, 'search-header: values decoded'],
  ['6.4.4.1', 'what does not change the saved result', `${C}/esearch.test.ts`, 'what $ stands for depends on'],
  [
    '6.4.4.1',
    '$ is a set in every command, also an empty one',
    `${C}/esearch.test.ts`,
    'every command that takes a set',
  ],
  ['6.4.5', 'static items never change', 'stress/imap.test.ts', 'what one session was told binds the others'],
  ['6.4.5.1', 'part numbers of nested parts', `${C}/fetch-sections.test.ts`, 'fetch-body-message-rfc822-x2'],
  [
    '6.4.7',
    'COPY to what is not there: TRYCREATE, and none is made',
    `${C}/messages.test.ts`,
    'copy, move and uidplus',
  ],
  ['6.4.7', 'COPY is whole or nothing', `${C}/rfc9051.test.ts`, 'COPY that can not be whole'],
  [
    '6.4.7, 6.4.8',
    'no COPYUID of what may not be selected',
    `${C}/server-rules.test.ts`,
    'may be added to and not selected',
  ],
  ['6.4.8', 'MOVE sets no \\Deleted; TRYCREATE', `${C}/server-rules.test.ts`, 'a MOVE sets no'],
  [
    '6.4.8',
    'MOVE: each message is in one place; COPYUID first',
    `${P}/capabilities.test.ts`,
    'MOVE: COPYUID comes before',
  ],
  ['6.4.9', 'UID in every FETCH of a UID command', `${C}/rfc9051.test.ts`, 'has its UID'],
  ['6.4.9', 'UID SEARCH has the UID indicator', `${C}/esearch.test.ts`, 'one ESEARCH instead of SEARCH'],
  [
    '6.5',
    'nothing of an extension that was not asked for',
    `${P}/capabilities.test.ts`,
    'nothing is told that it took away',
  ],
  ['7.1', 'one message: APPENDUID is one number', `${C}/messages.test.ts`, 'append: flags, dates, keywords'],
  [
    '7.1',
    'PERMANENTFLAGS without \\* at the limit of keywords',
    `${C}/server-rules.test.ts`,
    'when no more keywords can be made',
  ],
  ['7.2.2', 'RFC 3501 until something is enabled', `${C}/imap4rev2.test.ts`, 'only ENABLE makes the difference'],
  ['7.3.1', 'names of LIST are valid in SELECT', `${P}/mailboxes.test.ts`, 'modified UTF-7'],
  [
    '7.3.1',
    'at most one of \\Marked, \\Unmarked, \\Noselect; not both of the attributes of children',
    `${C}/server-rules.test.ts`,
    'no name is told as more than one',
  ],
  [
    '7.5.1',
    'no EXPUNGE while a literal is asked for, nor between commands',
    `${C}/server-rules.test.ts`,
    'while a literal is asked for',
  ],
  [
    '7.5.1',
    'no EXPUNGE during FETCH, STORE, SEARCH or no command',
    `${C}/messages.test.ts`,
    'expunge: numbers are right',
  ],
  ['7.5.2', 'BINARY: unknown encodings are NO [UNKNOWN-CTE]', `${C}/binary.test.ts`, 'UNKNOWN-CTE'],
  ['7.5.2', 'BINARY.SIZE is the size of BINARY', `${C}/binary.test.ts`, 'is exactly the size of BINARY'],
  ['7.5.2', 'an origin only where it was asked for', `${C}/fetch-sections.test.ts`, 'fetch-body: partial ranges'],
  ['7.5.2', 'extension data in its order', `${C}/fetch-structure.test.ts`, 'fetch-bodystructure'],
  ['9', 'a range with a star has the last message', `${P}/fetch.test.ts`, 'n:* always has the last'],
  ['9', 'a sequence number above the last is BAD', `${P}/fetch.test.ts`, 'is BAD in every command but SEARCH'],
  ['9', 'words in any case, one space, no NUL, no + in a tag', `${C}/server-rules.test.ts`, 'words in any case'],
  ['9', 'INBOX in any case', `${C}/server-rules.test.ts`, 'words in any case'],
  ['11.1', 'TLS 1.2 or newer', 'src/certificates.test.ts', 'TLSv1.1'],
  [
    '11.2',
    'implicit TLS, and STARTTLS on a port without',
    `${P}/capabilities.test.ts`,
    'STARTTLS: the session goes on',
  ],
  ['11.5', 'nobody is listed who has shared nothing', `${P}/acl.test.ts`, 'is like one that is not there'],
];

test('every rule names a test that is there', () => {
  expect(untested(MUSTS)).toEqual([]);
});

test('5.4: the time without a command after which a session ends is longer than half an hour', () => {
  expect(IDLE_MS).toBeGreaterThanOrEqual(30 * 60_000);
});

test('6.2.1, 6.2.2: STARTTLS under TLS, and an initial response that is no base64 or not wanted, are BAD', async () => {
  await using imap = await startImap();
  const client = await imap.connect({ secure: true });
  expect((await client.command('STARTTLS')).status).toBe('BAD');
  for (const response of ['=AAA', 'AAA=BBB', '"QUFB"']) {
    const { status } = await client.command(`AUTHENTICATE PLAIN ${response}`);
    expect([response, status]).toEqual([response, 'BAD']);
  }
});

test('6.3.1: ENABLE changes no capabilities, and ENABLED is sent also when nothing was enabled', async () => {
  await using imap = await startImap();
  const client = await imap.login();
  const before = texts(await client.ok('CAPABILITY'));
  expect(texts(await client.ok('ENABLE IMAP4rev2 CONDSTORE X-NONE'))).toEqual(['* ENABLED IMAP4rev2 CONDSTORE']);
  expect(texts(await client.ok('CAPABILITY'))).toEqual(before);
  expect(texts(await client.ok('ENABLE X-NONE'))).toEqual(['* ENABLED']);
});

test('6.3.13, 6.4.9: a FETCH that nobody asked for, or that a UID command asked for, has its UID', async () => {
  await using imap = await startImap();
  const [client, other] = [await imap.login(), await imap.login()];
  await client.ok('APPEND INBOX', message('one'));
  await client.ok('SELECT INBOX');
  await other.ok('SELECT INBOX');
  expect(texts(await client.ok('UID STORE 1 +FLAGS (\\Seen)'))[0]).toMatch(/^\* 1 FETCH \(UID 1 /);
  expect(texts(await client.ok('UID FETCH 1 FLAGS'))[0]).toMatch(/^\* 1 FETCH \(UID 1 /);
  await other.ok('NOOP');
  other.wire.send('i IDLE\r\n');
  expect((await other.response()).text).toMatch(/^\+ /);
  await client.ok('STORE 1 +FLAGS (\\Flagged)');
  expect((await other.response()).text).toMatch(/^\* 1 FETCH \(UID 1 /);
});

test('6.4.7: a COPY that can not be whole copies nothing', async () => {
  await using imap = await startImap({ quota: 2_500 });
  const client = await imap.login();
  for (const subject of ['a', 'b']) await client.ok('APPEND INBOX', message(subject, 'x'.repeat(800)));
  await client.ok('SELECT INBOX');
  expect(await client.command('COPY 1:2 Archive')).toMatchObject({
    status: 'NO',
    text: expect.stringMatching(/^\[OVERQUOTA\]/),
  });
  expect(texts(await client.ok('STATUS Archive (MESSAGES)'))).toEqual(['* STATUS "Archive" (MESSAGES 0)']);
});
