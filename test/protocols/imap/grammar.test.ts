// The parsers of IMAP's arguments, each exact in what it takes and what it refuses.
import { expect, test } from 'vitest';
import { dateTime, searchDate, writeDateTime } from '#protocols/imap/grammar/date-time.ts';
import { BadCommand, Refusal } from '#protocols/imap/grammar/errors.ts';
import { fetchItems } from '#protocols/imap/grammar/fetch-att.ts';
import { flagList, SYSTEM_FLAG_TEXT, storeFlags } from '#protocols/imap/grammar/flags.ts';
import { idParameters } from '#protocols/imap/grammar/id.ts';
import { ListPattern } from '#protocols/imap/grammar/list-pattern.ts';
import { mailboxPath, mailboxReply } from '#protocols/imap/grammar/mailbox-name.ts';
import { isAstring, isAtom, Scanner } from '#protocols/imap/grammar/scanner.ts';
import { search } from '#protocols/imap/grammar/search-key.ts';
import { formatSet, inRanges, resolveSet, sequenceSet } from '#protocols/imap/grammar/sequence-set.ts';
import { decodeMailbox, encodeMailbox } from '#protocols/imap/grammar/utf7.ts';
import { SEARCH_DEPTH } from '#protocols/imap/limits.ts';
import { charsetDecoder } from '#protocols/imap/search/text.ts';
import { between, seeded } from '#test/support/random.ts';
import { written } from '#test/support/written.ts';

function scanner(text: string, ...literals: string[]): Scanner {
  const texts = text.split('|');
  return new Scanner(
    texts.map((piece, index) => ({
      text: piece,
      literal: literals[index] === undefined ? null : Buffer.from(literals[index], 'latin1'),
    })),
  );
}

function parsed<T>(text: string, read: (scanner: Scanner) => T): T {
  const from = scanner(text);
  const value = read(from);
  from.end();
  return value;
}

// ------------------------------------------------------------------------------------------------- strings and atoms

test('an astring is an atom, a quoted string or a literal', () => {
  expect(scanner('INBOX').astring()).toBe('INBOX');
  expect(scanner('a]b').astring()).toBe('a]b');
  expect(scanner('"a \\"b\\" \\\\ c"').astring()).toBe('a "b" \\ c');
  expect(scanner('{3}|', 'a"b').astring()).toBe('a"b');
  expect(scanner('{3+}| x', 'a"b').astring()).toBe('a"b');
  expect(scanner('""').astring()).toBe('');
});

test('what is no astring is refused', () => {
  for (const text of ['', '(', ')', '"open', '"bad \\n escape"', '{3}', '%', '*', '\\x', '"nul \0"']) {
    expect(() => scanner(text).astring(), text).toThrow(BadCommand);
  }
});

test('NIL is no string and no atom that stands unquoted for a string', () => {
  expect(scanner('NIL').nstring()).toBeNull();
  expect(scanner('nil').nstring()).toBeNull();
  expect(scanner('"NIL"').nstring()).toBe('NIL');
  expect(isAstring('NIL')).toBe(false);
  expect(isAtom('a]')).toBe(false);
  expect(isAstring('a]')).toBe(true);
  // As an astring it is three letters: LIST "" NIL, SEARCH SUBJECT NIL.
  expect(scanner('NIL').astring()).toBe('NIL');
});

test('numbers end at 2^32 - 1', () => {
  expect(scanner('4294967295').number()).toBe(4_294_967_295);
  expect(() => scanner('4294967296').number()).toThrow(BadCommand);
  expect(() => scanner('99999999999999999999').number()).toThrow(BadCommand);
  expect(() => scanner('x').number()).toThrow(BadCommand);
});

test('spaces at the end of a line are forgiven, other text is not', () => {
  expect(() => scanner('  ').end()).not.toThrow();
  expect(() => scanner(' x').end()).toThrow(BadCommand);
});

// ------------------------------------------------------------------------------------------------------ sequence sets

test('a sequence set is read, put in order and merged', () => {
  const set = parsed('5:3,1,7,8,10:*', sequenceSet);
  expect(resolveSet(set, 12)).toEqual([
    [1, 1],
    [3, 5],
    [7, 8],
    [10, 12],
  ]);
});

test('a range with a star always holds the largest number', () => {
  expect(resolveSet(parsed('6:*', sequenceSet), 5)).toEqual([[5, 6]]);
  expect(resolveSet(parsed('*:6', sequenceSet), 5)).toEqual([[5, 6]]);
  expect(resolveSet(parsed('*', sequenceSet), 5)).toEqual([[5, 5]]);
  expect(resolveSet(parsed('*:*', sequenceSet), 5)).toEqual([[5, 5]]);
  expect(resolveSet(parsed('*,1', sequenceSet), 0)).toEqual([[1, 1]]);
});

test('a list of following numbers takes no more room than a range', () => {
  const many = Array.from({ length: 25_000 }, (_, index) => index + 1).join(',');
  expect(parsed(many, sequenceSet).pairs).toEqual([[1, 25_000]]);
});

test('what is no sequence set is refused', () => {
  for (const text of ['0', '1:0', '1,,2', '', ',1', '1,', '1:2:3', '-1', '4294967296', '$1', '$$', '1:x']) {
    expect(() => parsed(text, sequenceSet), text).toThrow(BadCommand);
  }
  const scattered = Array.from({ length: 30_000 }, (_, index) => index * 2 + 1).join(',');
  expect(() => parsed(scattered, sequenceSet)).toThrow(/ranges/);
});

test('a set is written in its shortest form', () => {
  expect(formatSet([1, 2, 3, 7, 9, 10])).toBe('1:3,7,9:10');
  expect(formatSet([4])).toBe('4');
  expect(
    inRanges(
      [
        [1, 3],
        [7, 7],
      ],
      7,
    ),
  ).toBe(true);
  expect(
    inRanges(
      [
        [1, 3],
        [7, 7],
      ],
      5,
    ),
  ).toBe(false);
  expect(inRanges([], 5)).toBe(false);
});

// ------------------------------------------------------------------------------------------------------ mailbox names

test('modified UTF-7 is exact both ways', () => {
  const pairs: [string, string][] = [
    ['INBOX', 'INBOX'],
    ['&', '&-'],
    ['A&B', 'A&-B'],
    ['~peter/mail/台北/日本語', '~peter/mail/&U,BTFw-/&ZeVnLIqe-'],
    ['Entwürfe', 'Entw&APw-rfe'],
    ['ü&ö', '&APw-&-&APY-'],
    ['Envoyés', 'Envoy&AOk-s'],
    ['😀', '&2D3eAA-'],
    ['a\u007fb', 'a&AH8-b'],
  ];
  for (const [name, wire] of pairs) {
    expect(encodeMailbox(name)).toBe(wire);
    expect(decodeMailbox(wire)).toBe(name);
  }
});

test('every name survives the way to the wire and back', () => {
  const random = seeded(7);
  for (let round = 0; round < 5_000; round++) {
    const name = Array.from({ length: between(random, 0, 12) }, () => {
      const kind = between(random, 0, 3);
      if (kind === 0) return String.fromCodePoint(between(random, 0x20, 0x7e));
      if (kind === 1) return '&';
      if (kind === 2) return String.fromCodePoint(between(random, 0xa0, 0xd7ff));
      return String.fromCodePoint(between(random, 0x10000, 0x1ffff));
    }).join('');
    const wire = encodeMailbox(name);
    expect(wire).toMatch(/^[\x20-\x7e]*$/);
    expect(decodeMailbox(wire)).toBe(name);
  }
});

test('what is not modified UTF-7 is refused', () => {
  const wrong = [
    '&',
    'a&b',
    '&AGE-',
    '&APw',
    '&APw-&APY-',
    '&AP-',
    '&APx-',
    '&2D0-',
    '&AP/8-',
    '&====-',
    '\xfc',
    '\t',
    '&!-',
  ];
  for (const wire of wrong) expect(decodeMailbox(wire), wire).toBeNull();
  expect(() => mailboxPath('&AGE-')).toThrow(Refusal);
  expect(() => mailboxPath('x'.repeat(5_000))).toThrow(BadCommand);
});

test('INBOX is the same in any case, alone and as a parent', () => {
  expect(mailboxPath('iNbOx')).toBe('INBOX');
  expect(mailboxPath('inbox/Work')).toBe('INBOX/Work');
  expect(mailboxPath('inboxes')).toBe('inboxes');
  expect(mailboxReply('a "b" \\c', false)).toBe('"a \\"b\\" \\\\c"');
});

test('list patterns match as RFC 3501 6.3.8 says', () => {
  const matches = (pattern: string, path: string) => ListPattern.of('', pattern)?.matches(path);
  expect(matches('*', 'a/b/c')).toBe(true);
  expect(matches('%', 'a')).toBe(true);
  expect(matches('%', 'a/b')).toBe(false);
  expect(matches('a/%', 'a/b')).toBe(true);
  expect(matches('a/%', 'a/b/c')).toBe(false);
  expect(matches('%/%', 'a/b')).toBe(true);
  expect(matches('a%c', 'abc')).toBe(true);
  expect(matches('a*c', 'a/b/c')).toBe(true);
  expect(matches('%t*4', 'box/test3/test4')).toBe(false);
  expect(matches('box/%t*4', 'box/test3/test4')).toBe(true);
  expect(matches('inb%', 'INBOX')).toBe(true);
  expect(matches('iNBOX', 'INBOX')).toBe(true);
  expect(matches('inbox/%', 'INBOX/x')).toBe(true);
  expect(matches('sent', 'Sent')).toBe(false);
  expect(matches('&APw-%', 'über')).toBe(true);
  expect(matches('', 'a')).toBe(false);
  expect(ListPattern.of('a/', '%')?.matches('a/b')).toBe(true);
  expect(ListPattern.of('', '&bad')).toBeNull();
});

test('a pattern full of wildcards takes no longer than others', () => {
  const pattern = ListPattern.of('', `${'*a%'.repeat(500)}b`);
  expect(pattern?.matches('a'.repeat(1_000))).toBe(false);
  expect(ListPattern.of('', '*%'.repeat(1_500))?.matches('a/'.repeat(700))).toBe(true);
});

// -------------------------------------------------------------------------------------------------------------- flags

test('flags are read in any case', () => {
  expect(parsed('(\\SEEN \\flagged $Forwarded work)', flagList)).toMatchObject({
    flags: 5,
    keywords: ['$Forwarded', 'work'],
  });
  expect(parsed('()', flagList)).toMatchObject({ flags: 0, keywords: [] });
  expect(parsed('\\Deleted \\Draft x', storeFlags)).toMatchObject({ flags: 24, keywords: ['x'] });
});

test('what is no flag is refused', () => {
  for (const text of [
    '(\\Nonsense)',
    '(\\Recent)',
    '(\\*)',
    '("quoted")',
    '( )',
    '(a  b)',
    '(a',
    `(${'k'.repeat(101)})`,
  ]) {
    expect(() => parsed(text, flagList), text).toThrow(BadCommand);
  }
  expect(() => parsed(`(${'a '.repeat(200)}b)`, flagList)).toThrow(BadCommand);
});

test('each combination of system flags has its text', () => {
  expect(SYSTEM_FLAG_TEXT[0]).toBe('');
  expect(SYSTEM_FLAG_TEXT[31]).toBe('\\Answered \\Flagged \\Deleted \\Seen \\Draft');
  expect(new Set(SYSTEM_FLAG_TEXT).size).toBe(32);
});

// -------------------------------------------------------------------------------------------------------------- dates

test('a date-time keeps its zone', () => {
  const read = (text: string) => parsed(text, dateTime);
  expect(read('"17-Jul-1996 02:44:25 -0700"')).toEqual({ seconds: 837_596_665, offsetMinutes: -420 });
  expect(read('" 1-Jan-1970 00:00:00 +0000"')).toEqual({ seconds: 0, offsetMinutes: 0 });
  expect(read('"1-jan-1970 00:00:00 -0000"')).toEqual({ seconds: 0, offsetMinutes: 0 });
  for (const text of ['"17-Jul-1996 02:44:25 -0700"', '" 5-Mar-2026 23:59:59 +0545"', '"29-Feb-2024 00:00:00 +0000"']) {
    const { seconds, offsetMinutes } = read(text);
    expect(written((out) => writeDateTime(out, seconds, offsetMinutes))).toBe(text);
  }
});

test('every day is written as the calendar has it', () => {
  const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
  for (let day = -719_000; day < 300_000; day += 1) {
    const date = new Date(day * 86_400_000);
    const expected = `"${String(date.getUTCDate()).padStart(2)}-${months[date.getUTCMonth()]}-${String(date.getUTCFullYear()).padStart(4, '0')} 13:01:02 +0000"`;
    const text = written((out) => writeDateTime(out, day * 86_400 + 46_862, 0));
    if (text !== expected) expect(text).toBe(expected);
  }
  expect(written((out) => writeDateTime(out, -1, 0))).toBe('"31-Dec-1969 23:59:59 +0000"');
});

test('impossible dates are refused', () => {
  for (const date of ['31-Feb-2026', '00-Jan-2026', '30-Feb-2024', '29-Feb-2025', '1-Foo-2026']) {
    expect(() => parsed(`"${date} 00:00:00 +0000"`, dateTime), date).toThrow(BadCommand);
    expect(() => parsed(date, searchDate), date).toThrow(BadCommand);
  }
  for (const time of [
    '24:00:00 +0000',
    '00:60:00 +0000',
    '00:00:61 +0000',
    '00:00:00 +0060',
    '00:00:00',
    '0:0:0 +0000',
  ]) {
    expect(() => parsed(`"01-Jan-2026 ${time}"`, dateTime), time).toThrow(BadCommand);
  }
  expect(parsed('1-Jan-1970', searchDate)).toBe(0);
  expect(parsed('"24-mar-2007"', searchDate)).toBe(13_596);
});

// -------------------------------------------------------------------------------------------------------------- FETCH

test('FETCH items and macros are read', () => {
  const kinds = (text: string) => parsed(text, fetchItems).map((item) => item.kind);
  expect(kinds('ALL')).toEqual(['flags', 'internaldate', 'size', 'envelope']);
  expect(kinds('FAST')).toEqual(['flags', 'internaldate', 'size']);
  expect(kinds('FULL')).toEqual(['flags', 'internaldate', 'size', 'envelope', 'body']);
  expect(kinds('(uid flags UID BODYSTRUCTURE BODY)')).toEqual(['uid', 'flags', 'bodystructure', 'body']);
  expect(kinds('rfc822.size')).toEqual(['size']);
});

test('sections are read with their reply name', () => {
  const section = (text: string) => {
    const [item] = parsed(text, fetchItems);
    return item?.kind === 'section' ? item : undefined;
  };
  const labels: [string, string][] = [
    ['BODY[]', 'BODY[]'],
    ['body.peek[header]', 'BODY[HEADER]'],
    ['BODY[1.2.TEXT]<5.10>', 'BODY[1.2.TEXT]<5>'],
    ['BODY[3.MIME]', 'BODY[3.MIME]'],
    ['BODY[2]', 'BODY[2]'],
    ['BODY.PEEK[Header.Fields (From "Sub]ject" X-a)]', 'BODY[HEADER.FIELDS (From Sub]ject X-a)]'],
    ['BODY[1.HEADER.FIELDS.NOT (Date)]', 'BODY[1.HEADER.FIELDS.NOT (Date)]'],
    ['RFC822', 'RFC822'],
    ['RFC822.HEADER', 'RFC822.HEADER'],
    ['RFC822.TEXT', 'RFC822.TEXT'],
  ];
  for (const [text, label] of labels) expect(section(text)?.label, text).toBe(label);
  expect(section('BODY[]')?.peek).toBe(false);
  expect(section('BODY.PEEK[]')?.peek).toBe(true);
  expect(section('RFC822.HEADER')?.peek).toBe(true);
  expect(section('BODY[1.2.TEXT]<5.10>')).toMatchObject({
    part: [1, 2],
    text: 'TEXT',
    partial: { offset: 5, length: 10 },
  });
});

test('what is no FETCH item is refused', () => {
  const wrong = [
    ...[
      '()',
      '(FLAGS ALL)',
      'BODY[',
      'BODY[0]',
      'BODY[1.]',
      'BODY[.1]',
      'BODY[MIME]',
      'BODY[1.2',
      'BODY[TEXT',
      'BODY[1TEXT]',
    ],
    ...['BODY.PEEK', 'BODY[]<0.0>', 'BODY[]<1>', 'BODY[]<-1.5>', 'BODY[HEADER.FIELDS]', 'BODY[HEADER.FIELDS ()]'],
    ...['BODY[HEADER.FIELDS ("a b")]', 'BODY[HEADER.FIELDS ("a:b")]', 'BODY[TEXT.HEADER]', 'NONSENSE', '', 'FLAGS UID'],
    ...[
      'BODY[1.TEXT.1]',
      `BODY[${'1.'.repeat(200)}1]`,
      '(FLAGS  UID)',
      'BODY[99999999999]',
      'BODY[HEADER.FIELDS ("")]',
    ],
  ];
  for (const text of wrong) expect(() => parsed(text, fetchItems), text).toThrow(BadCommand);
});

// ------------------------------------------------------------------------------------------------------------- SEARCH

function key(text: string, ...literals: string[]) {
  return search(scanner(text, ...literals), charsetDecoder).key;
}

test('SEARCH keys become a tree', () => {
  expect(key('ALL')).toEqual({ kind: 'all' });
  expect(key('SEEN UNDELETED')).toEqual({
    kind: 'and',
    keys: [
      { kind: 'flag', bit: 1, set: true },
      { kind: 'flag', bit: 8, set: false },
    ],
  });
  expect(key('OR FROM anna NOT (LARGER 5 SMALLER 9)')).toEqual({
    kind: 'or',
    first: { kind: 'header', field: 'from', text: 'anna' },
    second: {
      kind: 'not',
      key: {
        kind: 'and',
        keys: [
          { kind: 'larger', size: 5 },
          { kind: 'smaller', size: 9 },
        ],
      },
    },
  });
  expect(key('1:* NOT DELETED')).toMatchObject({ kind: 'and', keys: [{ kind: 'sequence' }, { kind: 'not' }] });
  expect(key('HEADER X-Foo ""')).toEqual({ kind: 'header', field: 'x-foo', text: '' });
  expect(key('SINCE "1-Jan-1970" SENTON 2-Jan-1970')).toMatchObject({
    keys: [
      { kind: 'received', relation: 'since', day: 0 },
      { kind: 'sent', relation: 'on', day: 1 },
    ],
  });
});

test('SEARCH strings are taken in their charset', () => {
  expect(key('CHARSET UTF-8 SUBJECT {4}|', '\xc3\xbcx')).toEqual({ kind: 'header', field: 'subject', text: 'üx' });
  expect(key('CHARSET ISO-8859-1 BODY {1}|', '\xfc')).toEqual({ kind: 'body', text: 'ü' });
  expect(key('CHARSET windows-1251 TEXT {1}|', '\xe6')).toEqual({ kind: 'text', text: 'ж' });
  expect(key('SUBJECT {2}|', '\xc3\xbc')).toEqual({ kind: 'header', field: 'subject', text: 'ü' });
  expect(() => key('CHARSET X-NONSENSE ALL')).toThrow(Refusal);
});

test('what is no search key is refused, however deep or long', () => {
  for (const text of [
    '',
    'NONSENSE',
    '()',
    '(SEEN',
    'SEEN)',
    'NOT',
    'OR SEEN',
    'FROM',
    'LARGER x',
    'SINCE x',
    'UID x',
    'KEYWORD "a b"',
  ]) {
    expect(() => key(text), text).toThrow(BadCommand);
  }
  expect(() => key(`${'('.repeat(10_000)}ALL${')'.repeat(10_000)}`)).toThrow(/deep/);
  expect(() => key(`${'NOT '.repeat(10_000)}ALL`)).toThrow(/deep/);
  expect(() => key(`${'OR ALL '.repeat(10_000)}ALL`)).toThrow(/deep/);
  expect(() => key('SEEN '.repeat(5_000))).toThrow(/many/);
  expect(() => key('TEXT a '.repeat(60))).toThrow(/many/);
  expect(key(`${'('.repeat(SEARCH_DEPTH)}ALL${')'.repeat(SEARCH_DEPTH)}`)).toEqual({ kind: 'all' });
});

test('ID parameters are read and made fit for a log', () => {
  expect([...parsed('("name" "Mail\u00001" "version" NIL)'.replace('\0', ' '), idParameters)]).toEqual([
    ['name', 'Mail 1'],
    ['version', ''],
  ]);
  expect(parsed('NIL', idParameters).size).toBe(0);
  expect(() => parsed(`("name" "${'x'.repeat(2_000)}")`, idParameters)).toThrow(BadCommand);
});
