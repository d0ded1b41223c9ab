// IMAP commands for fuzzing: made from the grammar, then damaged. Everything comes from one seed.
import { extensionCommand } from './imap-extension-inputs.ts';
import { between, pick, type Random } from './random.ts';

const PLAIN = ['INBOX', 'INBOX', 'INBOX', 'Sent', 'Archive', 'x', 'a]b', 'NIL', 'Work', '$Junk', 'a/b', '&APw-', '&-'];
const ATOMS = [...PLAIN, ...PLAIN, '&bad', '*', '%', '(', '{', '}', '"', '\\', '\0', '\xff'];
const ITEMS = [
  'FLAGS',
  'UID',
  'ENVELOPE',
  'BODY',
  'BODYSTRUCTURE',
  'INTERNALDATE',
  'RFC822',
  'RFC822.SIZE',
  'RFC822.HEADER',
  'MODSEQ',
  'ALL',
  'FULL',
  'FAST',
];
const KEYS = ['ALL', 'SEEN', 'UNSEEN', 'NEW', 'OLD', 'RECENT', 'DELETED', 'FLAGGED', 'UNDRAFT'];
const GOOD_FLAGS = ['\\Seen', '\\Deleted', '\\Flagged', '\\Answered', '\\Draft', '\\Recent', 'Work', '$Forwarded', 'k'];
const FLAGS = [...GOOD_FLAGS, ...GOOD_FLAGS, '\\*', '\\Nonsense'];
const DATES = [
  '1-Jan-2026',
  '1-Jan-2026',
  '24-mar-2007',
  '"24-mar-2007"',
  '2-Feb-2026',
  '31-Feb-2026',
  '0-Jan-2026',
  '1-Foo-2026',
];
const DATE_TIMES = [
  '" 1-Jan-2026 00:00:00 +0000"',
  '"17-Jul-1996 02:44:25 -0700"',
  '"31-Feb-2026 00:00:00 +0000"',
  '"x"',
];

function many(random: Random, most: number, one: () => string, separator = ' '): string {
  return Array.from({ length: between(random, 1, most) }, one).join(separator);
}

function number(random: Random): string {
  return String(
    pick(random, [
      1,
      1,
      1,
      2,
      2,
      3,
      3,
      4,
      5,
      between(random, 0, 30),
      between(random, 1, 30),
      4_294_967_295,
      4_294_967_296,
      9_007_199_254_740_993n,
    ]),
  );
}

export function set(random: Random): string {
  if (random() < 0.1) return '$';
  const end = () => pick(random, ['*', number(random), number(random)]);
  return many(random, 4, () => (random() < 0.5 ? end() : `${end()}:${end()}`), ',');
}

export function astring(random: Random): string {
  const text = random() < 0.7 ? pick(random, ATOMS) : many(random, 3, () => pick(random, ATOMS), '');
  const kind = random();
  if (kind < 0.5) return random() < 0.1 ? text : pick(random, PLAIN);
  if (kind < 0.85) return `"${text.replace(/["\\]/g, '\\$&')}"`;
  return `{${text.length}+}\r\n${text}`;
}

function section(random: Random): string {
  const part = random() < 0.5 ? '' : many(random, 4, () => number(random), '.');
  const text = pick(random, [
    '',
    'HEADER',
    'TEXT',
    'MIME',
    `HEADER.FIELDS (${many(random, 3, () => astring(random))})`,
    'HEADER.FIELDS.NOT (From)',
  ]);
  const partial = random() < 0.7 ? '' : `<${number(random)}.${number(random)}>`;
  return `${random() < 0.8 ? 'BODY' : 'BINARY'}${random() < 0.5 ? '.PEEK' : ''}[${part}${part !== '' && text !== '' ? '.' : ''}${text}]${partial}`;
}

export function fetchItems(random: Random): string {
  const one = () => (random() < 0.5 ? pick(random, ITEMS) : section(random));
  return random() < 0.3 ? one() : `(${many(random, 5, one)})`;
}

export function searchKeys(random: Random, depth = 0): string {
  const inner = () => searchKeys(random, depth + 1);
  const one = () => {
    const kind = between(random, 0, depth > 4 ? 7 : 10);
    switch (kind) {
      case 0:
        return pick(random, KEYS);
      case 1:
        return set(random);
      case 2:
        return `UID ${set(random)}`;
      case 3:
        return `${pick(random, ['FROM', 'TO', 'SUBJECT', 'TEXT', 'BODY'])} ${astring(random)}`;
      case 4:
        return `${pick(random, ['BEFORE', 'ON', 'SENTSINCE'])} ${pick(random, DATES)}`;
      case 5:
        if (random() < 0.3) return `MODSEQ ${random() < 0.5 ? `${astring(random)} all ` : ''}${number(random)}`;
        return `${pick(random, ['LARGER', 'SMALLER', 'OLDER', 'YOUNGER'])} ${number(random)}`;
      case 6:
        return `${pick(random, ['KEYWORD', 'UNKEYWORD'])} ${pick(random, FLAGS)}`;
      case 7:
        return `HEADER ${astring(random)} ${astring(random)}`;
      case 8:
        return `${pick(random, ['NOT', 'NOT', 'FUZZY'])} ${inner()}`;
      case 9:
        return `OR ${inner()} ${inner()}`;
      default:
        return `(${inner()})`;
    }
  };
  return random() < 0.6 ? one() : many(random, 3, one);
}

export function flagList(random: Random): string {
  return random() < 0.1 ? '()' : `(${many(random, 4, () => pick(random, FLAGS))})`;
}

export function dateTime(random: Random): string {
  return pick(random, DATE_TIMES);
}

function message(random: Random): string {
  const text = pick(random, [
    'Subject: x\r\n\r\nbody\r\n',
    'no header',
    '\r\n',
    'From: a@b\nTo: c\n\n\0\xff',
    'Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nx\r\n--b--\r\n',
  ]);
  return `{${text.length}+}\r\n${text}`;
}

function partialRange(random: Random): string {
  const sign = pick(random, ['', '-']);
  return `${sign}${between(random, 0, 20)}:${random() < 0.9 ? sign : ''}${between(random, 1, 40)}`;
}

/** With the space after them. */
export function searchReturn(random: Random): string {
  if (random() < 0.3) return '';
  const one = () =>
    pick(random, [
      'MIN',
      'MAX',
      'ALL',
      'COUNT',
      'RELEVANCY',
      'SAVE',
      'UPDATE',
      'UPDATE (UID)',
      'CONTEXT',
      `PARTIAL ${partialRange(random)}`,
      'X',
    ]);
  return `RETURN (${random() < 0.1 ? '' : many(random, 3, one)}) `;
}

export function mailboxFilter(random: Random): string {
  const named = () => `${pick(random, ['subtree', 'subtree-one', 'mailboxes'])} ${astring(random)}`;
  const several = () => `mailboxes (${many(random, 3, () => astring(random))})`;
  const kinds = ['selected', 'selected-delayed', 'inboxes', 'personal', 'subscribed', named(), named(), several(), 'x'];
  return pick(random, kinds);
}

const EVENTS = [
  'MessageNew',
  'MessageExpunge',
  'FlagChange',
  'AnnotationChange',
  'MailboxMetadataChange',
  'ServerMetadataChange',
  'MailboxName',
  'SubscriptionChange',
  'Nonsense',
];

export function notifyArguments(random: Random): string {
  if (random() < 0.1) return 'NONE';
  const messages = () => `(MessageNew${random() < 0.5 ? ` (${fetchItems(random)})` : ''} MessageExpunge FlagChange)`;
  const events = () =>
    pick(random, ['NONE', messages(), messages(), `(${many(random, 3, () => pick(random, EVENTS))})`]);
  return `SET ${random() < 0.3 ? 'STATUS ' : ''}${many(random, 3, () => `(${mailboxFilter(random)} ${events()})`)}`;
}

/** With the space after them. */
export function searchSources(random: Random): string {
  return random() < 0.3 ? '' : `IN (${many(random, 3, () => mailboxFilter(random))}) `;
}

const CRITERIA = [
  'ARRIVAL',
  'CC',
  'DATE',
  'FROM',
  'SIZE',
  'SUBJECT',
  'TO',
  'DISPLAYFROM',
  'DISPLAYTO',
  'RELEVANCY',
  'X',
];

export function sortCriteria(random: Random): string {
  return `(${many(random, 3, () => `${random() < 0.3 ? 'REVERSE ' : ''}${pick(random, CRITERIA)}`)})`;
}

/** With the space before them. */
export function fetchModifiers(random: Random): string {
  if (random() < 0.3) return '';
  const changed = () => `CHANGEDSINCE ${number(random)}`;
  const one = () => pick(random, [changed(), changed(), 'VANISHED', `PARTIAL ${partialRange(random)}`]);
  return ` (${many(random, 2, one)})`;
}

/** With the space before them. */
export function selectParameters(random: Random): string {
  const known = random() < 0.5 ? ` ${set(random)}` : '';
  const match = random() < 0.5 ? ` (${set(random)} ${set(random)})` : '';
  const one = () => pick(random, ['CONDSTORE', `QRESYNC (${number(random)} ${number(random)}${known}${match})`]);
  return ` (${many(random, 2, one)})`;
}

/** A command without its tag and without its line end. */
export function command(random: Random): string {
  const mailbox = () => astring(random);
  const uid = random() < 0.4 ? 'UID ' : '';
  const verbs: (() => string)[] = [
    () =>
      pick(random, [
        'NOOP',
        'CHECK',
        'CAPABILITY',
        'NAMESPACE',
        'CLOSE',
        'UNSELECT',
        'EXPUNGE',
        'IDLE',
        'STARTTLS X',
        'UID',
      ]),
    () =>
      `${pick(random, ['SELECT', 'SELECT', 'EXAMINE', 'CREATE', 'DELETE', 'SUBSCRIBE', 'UNSUBSCRIBE'])} ${mailbox()}`,
    () => `${pick(random, ['SELECT', 'EXAMINE'])} INBOX${selectParameters(random)}`,
    () => `RENAME ${mailbox()} ${mailbox()}`,
    () => `${pick(random, ['LIST', 'LSUB'])} ${astring(random)} ${astring(random)}`,
    () =>
      `STATUS ${mailbox()} (${many(random, 4, () => pick(random, ['MESSAGES', 'RECENT', 'UIDNEXT', 'UNSEEN', 'UIDVALIDITY']))})`,
    () =>
      `APPEND ${mailbox()} ${random() < 0.5 ? `${flagList(random)} ` : ''}${random() < 0.5 ? `${dateTime(random)} ` : ''}${message(random)}`,
    () => `${uid}FETCH ${set(random)} ${fetchItems(random)}${fetchModifiers(random)}`,
    () => `${uid}FETCH ${set(random)} ${fetchItems(random)}`,
    () =>
      `${uid}STORE ${set(random)} ${random() < 0.2 ? `(UNCHANGEDSINCE ${number(random)}) ` : ''}${pick(random, ['', '+', '-'])}FLAGS${pick(random, ['', '.SILENT'])} ${flagList(random)}`,
    () =>
      `${uid}SEARCH ${searchReturn(random)}${random() < 0.2 ? `CHARSET ${pick(random, ['UTF-8', 'ISO-8859-1', 'X-NO'])} ` : ''}${searchKeys(random)}`,
    () =>
      `${uid}SORT ${searchReturn(random)}${sortCriteria(random)} ${pick(random, ['UTF-8', 'US-ASCII', 'X-NO'])} ${searchKeys(random)}`,
    () => `${uid}THREAD ${pick(random, ['REFERENCES', 'ORDEREDSUBJECT', 'REFS'])} UTF-8 ${searchKeys(random)}`,
    () => `${uid}${pick(random, ['COPY', 'MOVE'])} ${set(random)} ${mailbox()}`,
    () => `UID EXPUNGE ${set(random)}`,
    () => `NOTIFY ${notifyArguments(random)}`,
    () => `ESEARCH ${searchSources(random)}${searchReturn(random)}${searchKeys(random)}`,
    () => `ID (${many(random, 4, () => astring(random))})`,
    () => extensionCommand(random, mailbox),
    () => `ENABLE ${many(random, 3, () => pick(random, [...ATOMS, 'CONDSTORE', 'QRESYNC', 'IMAP4rev2']))}`,
  ];
  return pick(random, verbs)();
}

const SPLICES = [
  '(',
  ')',
  '"',
  '\\',
  '{',
  '}',
  '{3}',
  '{0+}',
  ' ',
  '  ',
  '*',
  ',',
  ':',
  '.',
  '[',
  ']',
  '<',
  '>',
  '\0',
  '\r',
  '\x7f',
  '\xe9',
  'NIL',
  '99999999999',
];

/** The text with a few characters removed, doubled, exchanged or put in. */
export function damaged(random: Random, text: string): string {
  let result = text;
  for (let count = between(random, 0, 3); count > 0; count--) {
    const at = between(random, 0, result.length);
    const length = between(random, 0, 4);
    const kind = between(random, 0, 3);
    if (kind === 0) result = result.slice(0, at) + result.slice(at + length);
    else if (kind === 1) result = result.slice(0, at + length) + result.slice(at);
    else if (kind === 2) result = result.slice(0, at) + pick(random, SPLICES) + result.slice(at);
    else result = result.slice(0, at) + String.fromCharCode(between(random, 0, 255)) + result.slice(at + 1);
  }
  return result;
}

/**
 * What must follow a text for it to end where a command ends: the bytes that its last literal lacks, and a line end.
 * Written from RFC 9051 4.3 alone: a line whose end announces a literal, outside of quotes, goes on after that literal.
 */
export function completion(text: string): string {
  let at = 0;
  for (;;) {
    const end = text.indexOf('\n', at);
    const line = (end === -1 ? text.slice(at) : text.slice(at, end)).replace(/\r$/, '');
    const literal = /\{(\d{1,20})\+?\}$/.exec(line);
    if (literal === null || openQuote(line)) {
      if (end === -1) return '\r\n';
      // The command ended inside the text; the rest is another.
      at = end + 1;
      if (at >= text.length) return '';
      continue;
    }
    // No server reads on after such a one (RFC 7888 4): the connection ends.
    if (Number(literal[1]) > 300_000_000) return '\r\n';
    if (end === -1) return `\r\n${'x'.repeat(Number(literal[1]))}\r\n`;
    at = end + 1 + Number(literal[1]);
    if (at > text.length) return `${'x'.repeat(at - text.length)}\r\n`;
  }
}

function openQuote(line: string): boolean {
  return (
    (line.replace(/\\./g, (pair, offset: number) => (quotesBefore(line, offset) % 2 === 1 ? '' : pair)).match(/"/g)
      ?.length ?? 0) %
      2 ===
    1
  );
}

function quotesBefore(line: string, offset: number): number {
  let count = 0;
  for (let at = 0; at < offset; at++) {
    if (line[at] === '\\' && count % 2 === 1) at++;
    else if (line[at] === '"') count++;
  }
  return count;
}
