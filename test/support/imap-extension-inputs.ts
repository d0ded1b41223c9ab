// Commands of IMAP's extensions for mailboxes and messages, for fuzzing; see imap-inputs.ts.
import { between, pick, type Random } from './random.ts';

function some(random: Random, most: number, from: readonly string[]): string {
  return Array.from({ length: between(random, 0, most) }, () => pick(random, from)).join(' ');
}

const PATTERNS = ['*', '%', 'a/%', 'INBOX', '""', '"Sent Items"', 'x*'];
const SELECT = ['SUBSCRIBED', 'REMOTE', 'RECURSIVEMATCH', 'SPECIAL-USE', 'subscribed', 'NONSENSE'];
const STATUS = [
  'DELETED',
  'DELETED-STORAGE',
  'MESSAGES',
  'SIZE',
  'MAILBOXID',
  'APPENDLIMIT',
  'UNSEEN',
  'UIDNEXT',
  'UIDVALIDITY',
  'RECENT',
  'HIGHESTMODSEQ',
  'NONSENSE',
];
const RETURN = [
  'SUBSCRIBED',
  'CHILDREN',
  'SPECIAL-USE',
  'STATUS (MESSAGES)',
  'STATUS (SIZE UNSEEN)',
  'STATUS ()',
  'METADATA (/private/a)',
  'X',
];
const ITEMS = [
  'BINARY.PEEK[1]',
  'BINARY[]<0.3>',
  'BINARY.SIZE[1.2]',
  'BINARY.PEEK[TEXT]<1>',
  'EMAILID',
  'THREADID',
  'SAVEDATE',
  'PREVIEW',
  'PREVIEW (LAZY)',
  'PREVIEW (X)',
  'FLAGS',
];
const KEYS = [
  'EMAILID Mx-1',
  'THREADID x',
  'SAVEDON 1-Jan-2026',
  'SAVEDBEFORE x',
  'SAVEDATESUPPORTED',
  'ALL',
  'NOT SEEN',
];
const ENTRIES = [
  '/private/comment',
  '/shared/comment',
  '/PRIVATE/vendor/x',
  '/private',
  'x',
  '/private/a/*',
  '(/shared /private/a)',
];
const USES = ['\\Sent', '\\Drafts', '\\All', '\\sent', '\\Junk', 'Sent', '\\'];

const NOTES = [
  '/comment (value.priv "x")',
  '/comment (value.priv NIL value.shared {1+}\r\nx)',
  '/comment (value.priv "x") /vendor/x/y (value.shared "y")',
  ...['/comment (size.priv "1")', 'comment (value.priv "x")', '/comment ()', '/a b (value.priv ~{1+}\r\n\0)'],
];
const NOTED = ['/comment', '(/comment /x)', '*', '/%', '/*t', '()', 'x', '"/comment"'];
const URLS = [
  ...['', ':internal:', ':internal:01', ':internal:zz', ':x:00'].map(
    (end) => `imap://anna@example.test/INBOX/;uid=1;urlauth=anonymous${end}`,
  ),
  'imap://anna@example.test/INBOX;uidvalidity=1/;uid=2/;section=1.2.MIME/;partial=1.2;urlauth=user+anna',
  'imap://anna%40example.test@mail.example.test/x/;uid=1;expire=2000-01-01T00:00:00Z;urlauth=submit+x',
  ...['imap://bert@example.test/INBOX/;uid=1;urlauth=authuser', '/INBOX/;uid=1', 'x', 'imap:///;uid=1;urlauth=%zz'],
];

const IDENTIFIERS = [
  ...['anyone', '-anyone', 'anna@example.test', 'bert@example.test', '-bert@example.test', 'group:x@example.test'],
  ...['""', '-', '"a b"', 'nobody', '{4+}\r\n\xff\xff@x', '{17+}\r\nbert@example.test', '"BERT@Example.TEST"'],
];
const RIGHTS = ['lrswipkxtea', 'lr', '+cd', '-a', '""', '+', '-', 'lrq', 'L', '0', '++l', '"l r"', '{2+}\r\nlr'];
const PLACES = [
  ...['"Other Users/anna@example.test/INBOX"', '"Other Users/bert@example.test/x/y"', '"Other Users"', 'Shared/x'],
  ...['"Other Users/"', '"Other Users//x"', 'shared/x@y/INBOX', '"Other Users/anna@example.test"', '"Shared/%/*"'],
];

/** A command of ACL, or another with a name among those of others. */
function shared(random: Random, mailbox: () => string): string {
  const name = random() < 0.5 ? mailbox() : pick(random, PLACES);
  const identifier = pick(random, IDENTIFIERS);
  return pick(random, [
    `SETACL ${name} ${identifier} ${pick(random, RIGHTS)}`,
    `DELETEACL ${name} ${identifier}`,
    `LISTRIGHTS ${name} ${identifier}`,
    `GETACL ${name}`,
    `MYRIGHTS ${name}`,
    `LIST "" ${name} RETURN (MYRIGHTS SUBSCRIBED)`,
    `${pick(random, ['SELECT', 'CREATE', 'DELETE', 'SUBSCRIBE', 'UNSUBSCRIBE', 'GETQUOTAROOT'])} ${name}`,
    `RENAME ${name} ${pick(random, PLACES)}`,
    `${pick(random, ['COPY', 'MOVE'])} 1:* ${name}`,
  ]);
}

/** The arguments of LIST, from the space on. */
export function listArguments(random: Random): string {
  const select = random() < 0.5 ? '' : ` (${some(random, 3, SELECT)})`;
  const patterns = random() < 0.5 ? pick(random, PATTERNS) : `(${some(random, 4, PATTERNS)})`;
  const returns = random() < 0.5 ? '' : ` RETURN (${some(random, 3, RETURN)})`;
  return `${select} ${pick(random, ['""', 'a/', '"x"'])} ${patterns}${returns}`;
}

/** One message of APPEND, from the space on. */
function appended(random: Random): string {
  if (random() < 0.3)
    return ` CATENATE (${Array.from({ length: between(random, 0, 3) }, () => catenated(random)).join(' ')})`;
  const head = pick(random, [
    '',
    '(\\Seen) ',
    '"17-Jul-1996 02:44:25 -0700" ',
    '(k) " 1-Jan-2026 00:00:00 +0000" ',
    '() ',
  ]);
  const text = pick(random, ['Subject: x\r\n\r\nx\r\n', '', 'x', '\0']);
  const wrap = pick(random, ['', '', '', 'UTF8 (']);
  return ` ${head}${wrap}${wrap === '' ? '' : '~'}{${text.length}+}\r\n${text}${wrap === '' ? '' : ')'}`;
}

/** A part of CATENATE. */
function catenated(random: Random): string {
  const urls = [
    '"/INBOX/;UID=1"',
    '"/INBOX;UIDVALIDITY=1/;UID=2/;SECTION=1.MIME"',
    '"/;UID=3/;PARTIAL=1.2"',
    '"x"',
    '/a/;uid=1',
  ];
  return pick(random, ['TEXT {1+}\r\nx', 'TEXT {0+}\r\n', ...urls.map((url) => `URL ${url}`), 'NONSENSE']);
}

/** A command without its tag and without its line end. */
export function extensionCommand(random: Random, mailbox: () => string): string {
  return pick(random, [
    () => `LIST${listArguments(random)}`,
    () => `APPEND ${mailbox()}${Array.from({ length: between(random, 1, 3) }, () => appended(random)).join('')}`,
    () => `FETCH 1:* (${pick(random, ITEMS)} ${pick(random, ITEMS)})`,
    () => `${pick(random, ['', 'UID '])}SEARCH ${pick(random, KEYS)} ${pick(random, KEYS)}`,
    () =>
      `${pick(random, ['', 'UID '])}REPLACE ${pick(random, ['1', '*', '2', '1:2', '0'])} ${mailbox()}${appended(random)}`,
    () => `${pick(random, ['GETQUOTA ""', 'GETQUOTA x', `GETQUOTAROOT ${mailbox()}`, 'SETQUOTA "" (STORAGE 1)'])}`,
    () =>
      `GETMETADATA ${pick(random, ['', '(DEPTH 1) ', '(MAXSIZE 5 DEPTH infinity) ', '(X 1) '])}${pick(random, ['""', mailbox()])} ${pick(random, ENTRIES)}`,
    () =>
      `SETMETADATA ${pick(random, ['""', mailbox()])} (${pick(random, ENTRIES)} ${pick(random, ['NIL', '"x"', '~{1+}\r\n\0', '{0+}\r\n'])})`,
    () => `GENURLAUTH "${pick(random, URLS)}" ${pick(random, ['INTERNAL', 'internal', 'X'])}`,
    () =>
      `URLFETCH ${pick(random, [`"${pick(random, URLS)}"`, `("${pick(random, URLS)}" BODYPARTSTRUCTURE BINARY)`, '(BODY)'])}`,
    () => `RESETKEY${pick(random, ['', ` ${mailbox()}`, ` ${mailbox()} INTERNAL`, ' INBOX X'])}`,
    () => `${pick(random, ['', 'UID '])}STORE ${pick(random, ['1', '1:*', '9'])} ANNOTATION (${pick(random, NOTES)})`,
    () =>
      `FETCH 1:* ANNOTATION (${pick(random, NOTED)} ${pick(random, ['value', '(value.priv size.shared)', '*', 'x', '%.priv'])})`,
    () =>
      `SEARCH ANNOTATION ${pick(random, NOTED)} value${pick(random, ['', '.priv', '.shared'])} ${pick(random, ['"x"', 'NIL', 'x'])}`,
    () => `APPEND ${mailbox()} ANNOTATION (${pick(random, NOTES)}) {9+}\r\na: b\r\n\r\nc`,
    () => `SELECT INBOX (ANNOTATE)`,
    () => `UIDBATCHES ${pick(random, ['500', '1', '0', '500 1:2', '4294967295 2:1', '501 1:*'])}`,
    () => shared(random, mailbox),
    () => shared(random, mailbox),
    () => `XLIST "" ${pick(random, PATTERNS)}`,
    () => `STATUS ${mailbox()} (${some(random, 4, STATUS)})`,
    () => `CREATE ${mailbox()} (USE (${some(random, 2, USES)}))`,
  ])();
}
