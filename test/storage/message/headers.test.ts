// Header blocks: fields with their exact bytes, encoded words, addresses, dates, parameters.
import { expect, test } from 'vitest';
import { parseAddresses } from '#storage/message/address.ts';
import { formatDate, formatInternalDate, parseDate } from '#storage/message/date.ts';
import { fields, fieldValue } from '#storage/message/headers.ts';
import { decodedParameter, parseParameters } from '#storage/message/parameters.ts';
import { decodeWords, encodeWord, toAscii } from '#storage/message/words.ts';

const raw = (unicode: string) => Buffer.from(unicode, 'utf8').toString('latin1');

test('a field is told with its folded lines, byte for byte', () => {
  const block = 'From: a@b\r\nSubject: one\r\n\ttwo\r\n  three\r\nX-Empty:\r\n\r\nbody: no\r\n';
  expect(fields(block).map((field) => block.slice(field.start, field.end))).toEqual([
    'From: a@b\r\n',
    'Subject: one\r\n\ttwo\r\n  three\r\n',
    'X-Empty:\r\n',
  ]);
  expect(fields(block).map((field) => fieldValue(block, field))).toEqual(['a@b', 'one\ttwo  three', '']);
});

test('bare LF ends a line, bare CR does not, and what is no field keeps its bytes', () => {
  const block = 'From x Mon Jan 1\nA: 1\rB: 2\nno field here\n folded\nC : 3\n\xff\xfe: 4\n';
  expect(fields(block).map(({ name }) => name)).toEqual(['', 'a', '', 'c', '']);
  expect(
    fields(block)
      .map((field) => block.slice(field.start, field.end))
      .join(''),
  ).toBe(block);
});

test.each([
  ['=?utf-8?Q?J=C3=BCri_Tamm?=', 'Jüri Tamm'],
  ['=?UTF-8?B?SsO8cmk=?= =?utf-8?q?_Tamm?= x', 'Jüri Tamm x'],
  ['=?utf-8?B?ww==?= =?utf-8?B?vA==?=', 'ü'],
  ['a=?utf-8?Q?b?=c', 'abc'],
  ['=?iso-8859-1*de?Q?M=FCller?=', 'Müller'],
  ['=?iso-2022-jp?B?GyRCRnxLXBsoQg==?= =?iso-2022-jp?B?GyRCOGwbKEI=?=', '日本語'],
  ['=?koi8-r?Q?=F0=D2=C9=D7=C5=D4?=', 'Привет'],
  ['=?x-nonsense?Q?caf=E9?=', 'café'],
  ['=?utf-8?Q?never closed', '=?utf-8?Q?never closed'],
  ['=?utf-8?X?abc?=', '=?utf-8?X?abc?='],
  [raw('Grüße 日本'), 'Grüße 日本'],
  ['Gr\xfc\xdfe', 'Grüße'],
])('%s reads %s', (text, expected) => {
  expect(decodeWords(text)).toBe(expected);
});

test('what is encoded reads the same, in words of at most 75 characters with whole characters', () => {
  const text = 'Übersicht 山田太郎 \u{1f600} '.repeat(20);
  const words = encodeWord(text).split(' ');
  expect(words.every((word) => word.length <= 75 && decodeWords(word).includes('\ufffd') === false)).toBe(true);
  expect(decodeWords(encodeWord(text))).toBe(text);
});

test.each([
  'plain words',
  raw('Änderung: plan'),
  raw('a über b'),
  `=?utf-8?Q?=C3=BC?= ${raw('é x')}`,
  `${raw('é')} =?utf-8?Q?=C3=BC?= x`,
  'in latin1 \xe4\xf6\xfc too',
])('8-bit header text in ASCII reads the same: %s', (text) => {
  const ascii = toAscii(text, '');
  expect(ascii).toMatch(/^[\x20-\x7e]*$/);
  expect(decodeWords(ascii)).toBe(decodeWords(text));
});

/** An address in short: name|route|mailbox|host, [group] and [/]. */
function short(text: string): string[] {
  return parseAddresses(text).map((one) =>
    one.group === 'start'
      ? `[${one.name}]`
      : one.group === 'end'
        ? '[/]'
        : [one.name, one.route, one.mailbox, one.host].join('|'),
  );
}

test.each([
  ['a@b.test', ['||a|b.test']],
  ['Ann Other <a@b.test>', ['Ann Other||a|b.test']],
  ['"Other, Ann" <a@b.test>, <c@d>', ['Other, Ann||a|b.test', '||c|d']],
  ['a@b (Ann (the other) One)', ['Ann (the other) One||a|b']],
  ['"a \\"b\\" \\\\c" <x@y>', ['a "b" \\c||x|y']],
  ['"john doe"@host', ['||john doe|host']],
  ['<@r1,@r2:a@b>', ['|@r1,@r2|a|b']],
  ['Team: a@b, Ann <c@d>; , e@f', ['[Team]', '||a|b', 'Ann||c|d', '[/]', '||e|f']],
  ['undisclosed-recipients:;', ['[undisclosed-recipients]', '[/]']],
  ['Team: a@b', ['[Team]', '||a|b', '[/]']],
  ['a@[192.0.2.1]', ['||a|[192.0.2.1]']],
  ['=?utf-8?Q?Kask,_Anna?= <a@b>', ['=?utf-8?Q?Kask,_Anna?=||a|b']],
  ['root', ['||root|']],
  ['<>', []],
  ['', []],
  [' , ;, ', []],
  ['a@b c@d', ['||a|b', '||c|d']],
  ['a@b; c@d', ['||a|b', '||c|d']],
  ['<a@b>Ann, <c@d> Bob', ['Ann||a|b', 'Bob||c|d']],
  ['Ann <a@b> junk, c@d', ['Ann||a|b', '||c|d']],
  ['Ann <a@b> Bob <c@d>', ['Ann||a|b', 'Bob||c|d']],
  ['Ann <a@b, Bob <c@d>', ['Ann||a|b', 'Bob||c|d']],
  ['Ann a@b', ['Ann||a|b']],
  ['a@b <a@b>', ['a@b||a|b']],
  ['a@b@c', ['||a@b|c']],
  ['"unclosed <a@b>', ['"unclosed||a|b']],
  ['(unclosed <a@b>', ['(unclosed||a|b']],
  ['a . b @ c . d', ['a .||b|c.d']],
  ['<Undisclosed:;@x.test>', ['||Undisclosed:;|x.test']],
  ['Ann <a(comment)@(another)b>', ['Ann||a|b']],
  ['>>a@b<<', ['||a|b']],
])('the address list %s', (text, expected) => {
  expect(short(text)).toEqual(expected);
});

test.each([
  ['Thu, 22 Aug 2002 18:26:25 +0700', '2002-08-22T11:26:25Z', 420],
  ['22 Aug 2002 18:26 -0330', '2002-08-22T21:56:00Z', -210],
  ['Thu, 22 Aug 02 18:26:25 EDT', '2002-08-22T22:26:25Z', -240],
  ['Thu, 22 Aug 102 18:26:25 GMT', '2002-08-22T18:26:25Z', 0],
  ['Fri, 1 Jan 49 00:00:00 GMT', '2049-01-01T00:00:00Z', 0],
  ['Fri, 1 Jan 50 00:00:00 GMT', '1950-01-01T00:00:00Z', 0],
  ['Thu, 22 Aug 2002 18:26:25 +0200 (CEST)', '2002-08-22T16:26:25Z', 120],
  ['Thu (comment), 22 Aug 2002 (x) 18:26:25 Z', '2002-08-22T18:26:25Z', 0],
  ['Thu, 22 Aug 2002 18:26:25', '2002-08-22T18:26:25Z', 0],
  ['Thu Aug 22 18:26:25 2002', '2002-08-22T18:26:25Z', 0],
  ['Thu Aug 22 18:26:25 PDT 2002', '2002-08-23T01:26:25Z', -420],
  ['2002-08-22T18:26:25.123+02:00', '2002-08-22T16:26:25Z', 120],
  ['22-Aug-2002 18:26:25 +0000', '2002-08-22T18:26:25Z', 0],
  ['Thu, 22 August 2002 06:26:25 PM GMT', '2002-08-22T18:26:25Z', 0],
  ['Thu, 22 Aug 2002 18:26:60 +0000', '2002-08-22T18:27:00Z', 0],
])('the date %s', (text, iso, offset) => {
  expect(parseDate(text)).toEqual({ seconds: Date.parse(iso) / 1000, offsetMinutes: offset });
});

test.each([
  '',
  'yesterday',
  'Thu, 32 Aug 2002 10:00:00 +0000',
  '29 Feb 2001 10:00 +0000',
  'Thu, 22 Foo 2002 1:2:3',
  '22 Aug 2002 29:00',
])('no date: %s', (text) => {
  expect(parseDate(text)).toBeNull();
});

test('dates are written in their own zone', () => {
  const date = { seconds: Date.parse('2002-08-02T22:26:05Z') / 1000, offsetMinutes: 330 };
  expect(formatDate(date)).toBe('Sat, 03 Aug 2002 03:56:05 +0530');
  expect(formatInternalDate(date)).toBe(' 3-Aug-2002 03:56:05 +0530');
  expect(formatInternalDate({ ...date, offsetMinutes: -210 })).toBe(' 2-Aug-2002 18:56:05 -0330');
  expect(parseDate(formatDate(date))).toEqual(date);
});

test.each([
  ['text/plain; charset=utf-8; format=flowed', 'text/plain', { charset: 'utf-8', format: 'flowed' }],
  ['Text/HTML (a comment); Charset="ISO-8859-1" (another)', 'text/html', { charset: 'ISO-8859-1' }],
  ['audio/x; (a comment) a=b (c); (d)c="e"', 'audio/x', { a: 'b', c: 'e' }],
  ['multipart/mixed; boundary="a;b\\"c"; x', 'multipart/mixed', { boundary: 'a;b"c' }],
  ['text/plain charset=us-ascii', 'text/plain', { charset: 'us-ascii' }],
  ['text/plain; charset=us-ascii (Plain text)', 'text/plain', { charset: 'us-ascii' }],
  ['attachment; filename=my report (1).pdf', 'attachment', { filename: 'my report (1).pdf' }],
  ['a/b; name="never closed; x=y', 'a/b', { name: 'never closed; x=y' }],
  ['a/b;;; =x; y=; z="";', 'a/b', { y: '', z: '' }],
  ['', '', {}],
])('the value %s', (text, value, expected) => {
  const read = parseParameters(text);
  expect(read.value).toBe(value);
  expect(Object.fromEntries(read.parameters.map((one) => [one.name, one.value]))).toEqual(expected);
});

test.each([
  ["x; filename*=utf-8''%C3%9Cbersicht%20a.pdf", 'Übersicht a.pdf'],
  ['x; filename*0*=utf-8\'\'%C3%9Cbersicht%20;\tfilename*1*=%E5%B1%B1; filename*2="田.pdf"', 'Übersicht 山田.pdf'],
  ['x; filename*1=b.pdf; filename*0=a', 'ab.pdf'],
  ["x; filename*=iso-8859-1'de'M%FCller.txt; filename=no", 'Müller.txt'],
  ['x; filename="=?utf-8?Q?=C3=9C.pdf?="', 'Ü.pdf'],
  ['x; filename="\xdc.pdf"', 'Ü.pdf'],
  ['x; filename=plain.pdf', 'plain.pdf'],
  ['x; name=other', undefined],
])('the file name of %s', (text, expected) => {
  expect(
    decodedParameter(parseParameters(/[\u0100-\uffff]/.test(text) ? raw(text) : text).parameters, 'filename', ''),
  ).toBe(expected);
});
