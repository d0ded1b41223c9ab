// What the standards of the extensions demand of a server, by standard and section, with the test that holds us to it;
// what had none is tested here. What concerns clients, what RFC 9051 says too (rfc9051.test.ts), and what only servers of
// another kind can break (without UIDs or mod-sequences that last) is left out.
import { expect, test } from 'vitest';
import { message, startImap } from '#test/support/imap-server.ts';
import { type Must, untested } from '#test/support/musts.ts';

const texts = (result: { untagged: readonly { text: string }[] }) => result.untagged.map(({ text }) => text);

const C = 'conformance/imap';
const P = 'protocols/imap';

const MUSTS: readonly Must[] = [
  ['RFC 2971 3', 'nobody is refused for what he says of himself', `${P}/capabilities.test.ts`, 'ID: in any state'],
  ['RFC 3502 6.3.11', 'all messages or none', `${C}/append.test.ts`, 'if any message can not be appended, none is'],
  ['RFC 3502 6.3.11', 'an empty literal ends it with NO', `${C}/append.test.ts`, 'an empty literal aborts'],
  ['RFC 3516 4.1', 'NUL only in a literal8', `${C}/binary.test.ts`, 'data with NUL is a literal8'],
  ['RFC 3516 4.2', 'offsets count decoded octets', `${C}/binary.test.ts`, 'partial offsets count decoded octets'],
  ['RFC 3516 4.2', 'BINARY.SIZE is exact', `${C}/binary.test.ts`, 'is exactly the size of BINARY'],
  ['RFC 3516 4.3', 'NO [UNKNOWN-CTE]', `${C}/binary.test.ts`, 'is NO [UNKNOWN-CTE]'],
  ['RFC 3516 4.4', 'what was appended as literal8 comes back', `${P}/binary.test.ts`, 'comes back as it was'],
  ['RFC 3691 2', 'UNSELECT expunges nothing', `${P}/capabilities.test.ts`, 'UNSELECT: leaves the mailbox'],

  ['RFC 4314 2', 'rights that a "-" takes away count last', `${P}/acl.test.ts`, '"-bert@example.test" w'],
  ['RFC 4314 2.1.1', 'c and d are told with k, x, e and t', `${P}/acl.test.ts`, 'with c and d for old clients'],
  [
    'RFC 4314 2.2',
    'RIGHTS= names the new rights, not c and d',
    `${C}/extensions.test.ts`,
    'RIGHTS= has the new rights',
  ],
  ['RFC 4314 3.1', 'an unknown right is BAD and changes nothing', `${P}/acl.test.ts`, 'what is no right'],
  ['RFC 4314 3.7', 'LISTRIGHTS: each right once, the granted first', `${C}/extensions.test.ts`, 'each right once'],
  ['RFC 4314 4', 'the right that each command needs', `${P}/acl.test.ts`, 'each command needs its right'],
  ['RFC 4314 4', 'STORE fails only where nothing is allowed', `${P}/acl.test.ts`, 'fails only where that is nothing'],
  ['RFC 4314 4', 'APPEND and COPY leave flags out', `${P}/acl.test.ts`, 'left out of APPEND and COPY'],
  [
    'RFC 4314 4',
    'a new mailbox has the list of its parent',
    `${P}/shared-mailboxes.test.ts`,
    'has the list of its parent',
  ],
  [
    'RFC 4314 5.1.1',
    'PERMANENTFLAGS is what may be changed',
    `${P}/acl.test.ts`,
    'who may keep other flags now is told so',
  ],
  ['RFC 4314 5.2', 'READ-ONLY where nothing shared may be changed', `${C}/extensions.test.ts`, 'is READ-ONLY'],
  ['RFC 4314 6', 'nothing is told of hidden mailboxes', `${P}/acl.test.ts`, 'is like one that is not there'],

  ['RFC 4315 2.1', 'only what is named and marked', `${C}/messages.test.ts`, 'takes what it names and is marked'],
  [
    'RFC 4315 3',
    'COPYUID in the order of the source',
    `${C}/messages.test.ts`,
    'the UIDs of both sides in their order',
  ],
  ['RFC 4467 6, 8', 'URLs that are not good are NIL', `${P}/url-auth.test.ts`, 'names nothing is answered NIL'],
  ['RFC 4467 8', 'RESETKEY makes URLs worthless', `${P}/url-auth.test.ts`, 'RESETKEY ends the URLs'],
  ['RFC 4467 8', "URLs of others' mail are not authorized", `${P}/url-auth.test.ts`, 'own mail can be authorized'],
  ['RFC 5524 3', 'bytes and structure of a part', `${P}/url-auth.test.ts`, 'URLAUTH=BINARY: the structure'],
  ['RFC 4469 3', 'the limit holds for the whole', `${C}/replace.test.ts`, 'over the limit as a whole'],
  ['RFC 4469 4', 'BADURL names the URL', `${C}/replace.test.ts`, 'is told in BADURL'],
  ['RFC 4731 3.1', 'one ESEARCH, never SEARCH, also if empty', `${C}/esearch.test.ts`, 'one ESEARCH instead of SEARCH'],
  ['RFC 4731 3.1', 'no MIN, MAX and ALL of nothing', `${C}/esearch.test.ts`, 'nothing found: ESEARCH still comes'],
  ['RFC 4731 3.2', 'MODSEQ of what is returned', `${C}/esearch.test.ts`, 'MODSEQ is that of the messages'],
  [
    'RFC 4959 3',
    'the first response comes with the command',
    `${P}/capabilities.test.ts`,
    'SASL-IR: the first response',
  ],
  ['RFC 4978 3', 'the OK is not compressed', `${C}/compress.test.ts`, 'the OK itself is not compressed'],
  ['RFC 4978 3', 'twice is BAD', `${C}/compress.test.ts`, 'a second COMPRESS is BAD'],
  ['RFC 5032 2', 'OLDER and YOUNGER, above 0', `${C}/esearch.test.ts`, 'take a number above 0'],
  ['RFC 5182 2.1', '$ wherever a set may stand', `${C}/esearch.test.ts`, 'every command that takes a set'],
  ['RFC 5182 2.1', 'a failed SAVE empties it, BAD does not', `${C}/esearch.test.ts`, 'what $ stands for depends on'],
  ['RFC 5182 2.1', 'SELECT empties it, EXPUNGE takes out', `${C}/extensions.test.ts`, 'what was saved goes with'],
  ['RFC 5255 4.5', 'i;unicode-casemap', `${P}/sort.test.ts`, 'I18NLEVEL=1: case is ignored'],
  ['RFC 5256 2.1', 'the base subject', `${P}/sort-keys.test.ts`, 'the base that the RFC'],
  ['RFC 5256 3', 'ties are in the order of the mailbox', `${C}/sort.test.ts`, 'equal ones stay in the order'],
  ['RFC 5256 3', 'ORDEREDSUBJECT', `${C}/sort.test.ts`, 'ORDEREDSUBJECT: by base subject'],
  ['RFC 5256 3', 'REFERENCES, step by step', `${C}/sort.test.ts`, 'REFERENCES: each rule by itself'],
  ['RFC 5256 3', 'US-ASCII and UTF-8; another is NO', `${C}/sort.test.ts`, 'an unknown charset by name'],
  ['RFC 5957 2', 'DISPLAYFROM and DISPLAYTO', `${C}/sort-cases.test.ts`, 'sort: every criterion'],
  ['RFC 5257 3.6', 'rights for what all see', `${P}/annotate.test.ts`, 'who has the right n'],
  ['RFC 5257 4.5', 'COPY takes what the client may', `${P}/shared-mailboxes.test.ts`, 'bring notes along'],

  ['RFC 5258 3', 'a name is told once', `${C}/list-extended.test.ts`, 'is returned once'],
  ['RFC 5258 3', 'unknown options are BAD', `${C}/list-extended.test.ts`, 'refused with BAD'],
  ['RFC 5258 3', 'an empty pattern is none', `${C}/list-extended.test.ts`, 'an empty pattern has no special meaning'],
  ['RFC 5258 3.1', 'SUBSCRIBED: names that are not there', `${C}/list-extended.test.ts`, 'as \\\\NonExistent'],
  ['RFC 5258 3.1', 'RECURSIVEMATCH needs company', `${C}/list-extended.test.ts`, 'RECURSIVEMATCH is BAD'],
  ['RFC 5258 3.2', 'SUBSCRIBED tells it of each', `${C}/list-extended.test.ts`, 'tells of every mailbox whether'],
  ['RFC 5258 4', 'CHILDINFO', `${C}/list-extended.test.ts`, 'CHILDINFO is told of a parent'],
  ['RFC 5267 4.2', 'CONTEXT is a hint', `${C}/extensions.test.ts`, 'CONTEXT changes nothing of what is told'],
  ['RFC 5267 4.3', 'numbers mean what they meant', `${C}/context.test.ts`, 'mean what they meant'],
  ['RFC 5267 4.3', 'a tag in use is BAD; NOUPDATE', `${C}/context.test.ts`, 'a tag in use is BAD'],
  ['RFC 5267 4.3.3', 'ADDTO after EXISTS, REMOVEFROM before EXPUNGE', `${C}/context.test.ts`, 'comes after its EXISTS'],
  ['RFC 5267 4.3.5', 'CANCELUPDATE ends it', `${C}/context.test.ts`, 'CANCELUPDATE and leaving'],
  ['RFC 5464 3.1', 'names without case, private or shared', `${C}/metadata.test.ts`, 'names are compared without case'],
  ['RFC 5464 4.2.1', 'MAXSIZE and LONGENTRIES', `${C}/metadata.test.ts`, 'told in LONGENTRIES'],
  ['RFC 5464 4.3', 'all entries or none', `${C}/metadata.test.ts`, 'are set, or none'],
  ['RFC 9590 3', 'METADATA follows its LIST', `${C}/metadata.test.ts`, 'comes after the LIST reply'],
  [
    'RFC 9590 3',
    'METADATA of each, NIL for what is not there',
    `${P}/metadata.test.ts`,
    '"Trash" ("/private/color" NIL)',
  ],
  ['RFC 5465 3.1', 'what has happened is told at once', `${C}/notify.test.ts`, 'tells at once what has happened'],
  ['RFC 5465 3.1', 'STATUS of what is watched', `${C}/notify.test.ts`, 'STATUS of what is watched'],
  ['RFC 5465 5', 'events that do not go together are BAD', `${C}/notify.test.ts`, 'may not stand together'],
  ['RFC 5465 5', 'an event that is not there is BADEVENT', `${C}/notify.test.ts`, 'is NO with BADEVENT'],
  ['RFC 5465 5.1', 'EXISTS, FETCH and EXPUNGE at any time', `${C}/notify.test.ts`, 'while no command runs'],
  ['RFC 5465 5.4', 'names: made, renamed, deleted', `${C}/notify.test.ts`, 'made, renamed and deleted'],
  ['RFC 5465 5.5', 'subscriptions', `${C}/notify.test.ts`, 'subscriptions that change are told'],
  ['RFC 5465 6.1', 'SELECTED-DELAYED', `${C}/notify.test.ts`, 'SELECTED-DELAYED keeps numbers'],
  ['RFC 5819 2', 'no STATUS for what can not be selected', `${C}/list-extended.test.ts`, 'no STATUS for a name'],
  ['RFC 6154 2', 'SPECIAL-USE selects uses only', `${C}/list-extended.test.ts`, 'only mailboxes with a use'],
  ['RFC 6154 3', 'a use that can not be: NO [USEATTR], nothing made', `${C}/list-extended.test.ts`, 'makes no mailbox'],
  ['RFC 6203 4', 'RELEVANCY only of FUZZY', `${P}/fuzzy-search.test.ts`, 'scores without a fuzzy key'],
  ['RFC 6851 3.3', 'COPYUID before EXPUNGE', `${P}/capabilities.test.ts`, 'MOVE: COPYUID comes before'],
  ['RFC 6851 4.4', 'with QRESYNC VANISHED and HIGHESTMODSEQ', `${C}/extensions.test.ts`, 'MOVE tells VANISHED'],
  ['RFC 9755 3', 'nothing is UTF-8 without ENABLE', `${C}/utf8.test.ts`, 'without ENABLE nothing is UTF-8'],
  ['RFC 9755 3', 'SEARCH with a charset is BAD', `${C}/utf8.test.ts`, 'SEARCH with a charset is BAD'],

  ['RFC 7162 3.1', 'each enabling command', `${C}/condstore.test.ts`, 'after each enabling command'],
  ['RFC 7162 3.1', 'HIGHESTMODSEQ when it is enabled late', `${C}/condstore.test.ts`, 'the first enabling command'],
  ['RFC 7162 3.1', 'mod-sequences rise with every change', `${C}/condstore.test.ts`, 'raise the mod-sequence'],
  ['RFC 7162 3.1.2.1', 'HIGHESTMODSEQ in SELECT', `${C}/condstore.test.ts`, 'tell HIGHESTMODSEQ, which STATUS'],
  ['RFC 7162 3.1.3', 'MODIFIED names who failed', `${C}/condstore.test.ts`, 'names the others in MODIFIED'],
  ['RFC 7162 3.1.3', 'UNCHANGEDSINCE 0 fails', `${C}/condstore.test.ts`, 'UNCHANGEDSINCE 0 always fails'],
  ['RFC 7162 3.1.4.1', 'CHANGEDSINCE has MODSEQ', `${C}/condstore.test.ts`, 'CHANGEDSINCE answers'],
  ['RFC 7162 3.1.5', 'SEARCH ends with the highest', `${C}/condstore.test.ts`, 'ends with the highest found'],
  ['RFC 7162 3.2.3', 'QRESYNC only after ENABLE', `${C}/qresync.test.ts`, 'without ENABLE QRESYNC'],
  ['RFC 7162 3.2.5', 'another UIDVALIDITY: nothing', `${C}/qresync.test.ts`, 'with another UIDVALIDITY'],
  ['RFC 7162 3.2.5.1', 'VANISHED (EARLIER) before FETCH', `${C}/qresync.test.ts`, 'SELECT tells what has vanished'],
  ['RFC 7162 3.2.5.2', 'what matches is not told', `${C}/qresync.test.ts`, 'what matches needs no VANISHED'],
  ['RFC 7162 3.2.6', 'UID FETCH with VANISHED', `${C}/qresync.test.ts`, 'UID FETCH with VANISHED'],
  ['RFC 7162 3.2.7', 'EXPUNGE tells UIDs', `${C}/qresync.test.ts`, 'EXPUNGE and UID EXPUNGE tell UIDs'],
  ['RFC 7162 3.2.8', 'CLOSE tells neither', `${C}/qresync.test.ts`, 'CLOSE tells neither'],
  ['RFC 7162 3.2.10.2', 'no VANISHED in FETCH, STORE, SEARCH', `${C}/qresync.test.ts`, 'no VANISHED during FETCH'],
  ['RFC 7162 3.2.11', 'CLOSED', `${C}/qresync.test.ts`, 'CLOSED parts the mailbox'],
  ['RFC 7377 2.1', 'TAG, MAILBOX and UIDVALIDITY; UIDs', `${C}/multisearch.test.ts`, 'one ESEARCH a mailbox'],
  ['RFC 7377 2.2', 'each mailbox once', `${C}/multisearch.test.ts`, 'each mailbox once'],
  ['RFC 7377 2.2', 'SAVE for the selected one only', `${C}/multisearch.test.ts`, 'SAVE is for the selected mailbox'],
  [
    'RFC 7628 3.1',
    'keys that are unknown are ignored',
    'end-to-end/oauth.test.ts',
    'keys that are unknown are ignored',
  ],
  ['RFC 7628 3.2.2', 'JSON with a status', 'end-to-end/oauth.test.ts', 'a refusal says why in JSON'],
  ['RFC 7628 3.2.3', 'after it the exchange fails', 'end-to-end/oauth.test.ts', 'and ends the exchange'],
  ['RFC 7888 4', 'a literal that is refused is read', `${P}/session.test.ts`, 'or read and thrown away'],
  ['RFC 7888 5', 'LITERAL-: more than 4,096 octets are BAD', `${P}/settings.test.ts`, 'LITERAL-: small literals'],
  ['RFC 7889 4', 'TOOBIG before it is sent', `${C}/append.test.ts`, 'with [TOOBIG] before it is sent'],
  ['RFC 8437 2', 'nothing is expunged; BAD before a login', `${C}/compress.test.ts`, 'left without an expunge'],
  ['RFC 8438 3', 'SIZE is the sum of RFC822.SIZE', `${P}/list.test.ts`, 'STATUS=SIZE: the sum'],
  ['RFC 8440 3', 'MYRIGHTS follows its LIST', `${P}/shared-mailboxes.test.ts`, 'LIST-MYRIGHTS: what others share'],
  ['RFC 8474 4', 'another mailbox, another id', `${C}/object-id.test.ts`, 'has another id'],
  ['RFC 8474 4.2', 'MAILBOXID in SELECT and EXAMINE', `${C}/object-id.test.ts`, 'EXAMINE tells MAILBOXID'],
  ['RFC 8474 5', 'EMAILID is the content', `${C}/object-id.test.ts`, 'names immutable content'],
  ['RFC 8508 3.3', 'the old goes only if the new came', `${C}/replace.test.ts`, 'only if the new one came'],
  ['RFC 8508 4.3', 'APPENDUID before EXPUNGE', `${C}/replace.test.ts`, 'APPENDUID is told before EXPUNGE'],
  ['RFC 8514 4', 'COPY has a date of its own', `${C}/object-id.test.ts`, 'COPY sets a new save date'],
  ['RFC 8970 3.1', 'no \\Seen, at most 256 characters', `${C}/object-id.test.ts`, 'PREVIEW does not set'],
  ['RFC 9208 4.1.2', 'QUOTAROOT, and QUOTA of each', `${C}/quota.test.ts`, 'answers QUOTAROOT'],
  ['RFC 9208 4.3', 'OVERQUOTA', `${C}/quota.test.ts`, 'refused with OVERQUOTA'],
  ['RFC 9208 5.1', 'DELETED and DELETED-STORAGE', `${C}/quota.test.ts`, 'come with the resource types'],
  ['RFC 9394 3.1', 'the range that was asked for is told', `${C}/esearch.test.ts`, 'with the range that was asked for'],
  ['RFC 9394 3.2', '$ after PARTIAL', `${C}/esearch.test.ts`, 'what $ stands for after PARTIAL'],
  ['RFC 9394 3.3', 'UID FETCH of a part', `${C}/esearch.test.ts`, 'UID FETCH answers for a range'],
  ['RFC 9585 3', 'INPROGRESS has the tag', `${P}/extended-search.test.ts`, 'INPROGRESS: a search'],
  ['RFC 5802 5.1', "the nonce begins with the client's", `${C}/scram.test.ts`, 'the nonce begins'],
  ['RFC 7677 4', '4,096 iterations', `${C}/scram.test.ts`, 'at least 4,096 iterations'],
  ['RFC 2177 3', 'what comes behind DONE is a command', `${P}/lessons.test.ts`, 'bytes after DONE'],
  [
    'RFC 2342 5',
    'each namespace with its separator, NIL for none',
    `${P}/capabilities.test.ts`,
    'NAMESPACE: the personal one',
  ],
  ['RFC 3348 3', 'children, or none, of each name', `${P}/capabilities.test.ts`, 'CHILDREN: LIST says'],
  [
    'RFC 4315 3',
    'nothing of UIDs in what may not be selected',
    `${C}/server-rules.test.ts`,
    'may be added to and not selected',
  ],
  ['RFC 4467 8', 'an URL is for whom it names', `${P}/url-auth.test.ts`, 'lets those read a message that it is for'],
  [
    'RFC 5161 3.1',
    'what is not known is ignored; ENABLED always',
    `${P}/capabilities.test.ts`,
    'ENABLE: what is not known is ignored',
  ],
  ['RFC 5258 4', 'no CHILDINFO where all that is wanted is listed', `${C}/list-extended.test.ts`, 'has no CHILDINFO'],
  ['RFC 5464 4.2', 'values of any bytes', `${P}/metadata.test.ts`, 'any bytes come back'],
  [
    'RFC 5465 5.6, 5.7',
    'annotations of mailboxes, of the account and of messages',
    `${P}/notify.test.ts`,
    'are told by their entries',
  ],
  ['RFC 7162 3.2.3', 'ENABLE QRESYNC, with CONDSTORE or without', `${C}/qresync.test.ts`, 'alone or with CONDSTORE'],
  ['RFC 7162 3.2.6', 'what is not known any more is told as gone', `${C}/qresync.test.ts`, 'where the log was cut'],
  [
    'RFC 7162 3.2.6',
    'VANISHED without EARLIER for what is still counted',
    `${C}/qresync.test.ts`,
    'by VANISHED without EARLIER',
  ],
  [
    'RFC 7162 3.2.10.2',
    'VANISHED only of what was told',
    `${C}/qresync.test.ts`,
    'names only what the client has been told of',
  ],
  ['RFC 7162 6', 'HIGHESTMODSEQ never above what waits', `${C}/qresync.test.ts`, 'HIGHESTMODSEQ stays below it'],
  ['RFC 7888 6', 'one of LITERAL+ and LITERAL-', `${P}/settings.test.ts`, 'LITERAL-: small literals'],
  [
    'RFC 7889 3.1',
    'the limit of all mailboxes in CAPABILITY',
    `${P}/multiappend.test.ts`,
    'the largest message, for all mailboxes',
  ],
  ['RFC 8437 3', 'compression ends with the reply', `${P}/compress.test.ts`, 'ends compression with its reply'],
  [
    'RFC 8474 4.1, 4.3',
    'MAILBOXID of CREATE and STATUS; RENAME keeps it',
    `${P}/object-id.test.ts`,
    'keeps its id through RENAME',
  ],
  [
    'RFC 8474 5.1, 5.2',
    'EMAILID through COPY and MOVE; THREADID',
    `${P}/object-id.test.ts`,
    'keeps its id through COPY and MOVE',
  ],
  ['RFC 8970 3.2', 'PREVIEW in UTF-8; LAZY', `${P}/object-id.test.ts`, 'with and without LAZY'],
  ['RFC 9755 3', 'ENVELOPE is UTF-8 for those who enabled it only', `${P}/utf8.test.ts`, 'and to nobody else'],
  ['RFC 9755 4', 'APPEND of UTF8 (~{n})', `${P}/utf8.test.ts`, 'messages come in UTF8'],
  [
    'RFC 10022 3.1',
    'batches from the newest on, without a gap',
    `${P}/uid-batches.test.ts`,
    'ranges of so many messages',
  ],
  ['RFC 10022 3.1', 'a range of one UID has both ends', `${P}/uid-batches.test.ts`, 'a range with both ends'],
  ['RFC 10022 3.1', 'a reply also without a batch', `${P}/uid-batches.test.ts`, 'has no batch, and the reply comes'],
  [
    'RFC 10022 3.2',
    'batches that are too small are refused',
    `${P}/uid-batches.test.ts`,
    'small batches, ranges that fall',
  ],
];

test('every rule names a test that is there', () => {
  expect(untested(MUSTS)).toEqual([]);
});

test('RFC 4314 2.2, 3.7: RIGHTS= has the new rights; LISTRIGHTS names each right once, the granted ones first', async () => {
  await using imap = await startImap();
  const client = await imap.login();
  const [, rights = ''] = /RIGHTS=(\S+)/.exec(texts(await client.ok('CAPABILITY')).join()) ?? [];
  for (const right of 'texk') expect(rights).toContain(right);
  expect(rights).not.toMatch(/[cdlrswipa]/);
  const [line = ''] = texts(await client.ok('LISTRIGHTS INBOX bert@example.test'));
  const listed = /^\* LISTRIGHTS "INBOX" "bert@example.test" "" (.*)$/.exec(line)?.[1]?.replaceAll(' ', '') ?? '';
  expect([...new Set(listed)].join('')).toBe(listed);
  for (const right of 'lrswipkxtea') expect(listed).toContain(right);
});

test('RFC 4314 5.2: a mailbox in which somebody may change nothing that others see is READ-ONLY to him', async () => {
  await using imap = await startImap();
  const [anna, bert] = [await imap.login(), await imap.login('bert')];
  await anna.ok('CREATE Projects');
  const selected = async (rights: string) => {
    await anna.ok(`SETACL Projects bert@example.test ${rights}`);
    return (await bert.ok('SELECT "Other Users/anna@example.test/Projects"')).text.slice(0, 12);
  };
  // What he has seen is his own.
  for (const rights of ['lr', 'lrs']) expect(await selected(rights), rights).toMatch(/^\[READ-ONLY\]/);
  for (const right of 'itwe') expect(await selected(`lr${right}`), right).toMatch(/^\[READ-WRITE\]/);
});

test('RFC 5182 2.1: what was saved goes with the mailbox, and loses what is expunged', async () => {
  await using imap = await startImap();
  const client = await imap.login();
  for (const subject of ['one', 'two', 'three']) await client.ok('APPEND INBOX', message(subject));
  await client.ok('SELECT INBOX');
  await client.ok('SEARCH RETURN (SAVE) ALL');
  await client.ok('STORE 2 +FLAGS.SILENT (\\Deleted)');
  await client.ok('EXPUNGE');
  expect(texts(await client.ok('UID SEARCH RETURN (ALL) $'))[0]).toMatch(/ UID ALL 1,3$/);
  await client.ok('SELECT INBOX');
  expect(texts(await client.ok('UID SEARCH RETURN (ALL COUNT) $'))[0]).toMatch(/ UID COUNT 0$/);
});

test('RFC 5267 4.2: CONTEXT changes nothing of what is told', async () => {
  await using imap = await startImap();
  const client = await imap.login();
  for (const subject of ['one', 'two']) await client.ok('APPEND INBOX', message(subject));
  await client.ok('SELECT INBOX');
  expect(texts(await client.ok('SEARCH RETURN (CONTEXT) ALL'))[0]).toMatch(/ ALL 1:2$/);
  expect(texts(await client.ok('SEARCH RETURN (CONTEXT COUNT) ALL'))[0]).toMatch(/\) COUNT 2$/);
});

test('RFC 6851 4.4: with QRESYNC a MOVE tells VANISHED after its COPYUID, and HIGHESTMODSEQ in the tagged OK', async () => {
  await using imap = await startImap();
  const client = await imap.login();
  for (const subject of ['one', 'two']) await client.ok('APPEND INBOX', message(subject));
  await client.ok('ENABLE QRESYNC');
  await client.ok('SELECT INBOX');
  const moved = await client.ok('MOVE 1:2 Archive');
  expect(texts(moved)).toEqual([
    expect.stringMatching(/^\* OK \[COPYUID \d+ 1:2 1:2\]/),
    '* VANISHED 1:2',
    '* 0 RECENT',
  ]);
  expect(moved.text).toMatch(/^\[HIGHESTMODSEQ \d+\]/);
});
