// One scan of a message: envelope, structure, offsets, preview, traits; and what IMAP asks of them afterwards.
import { expect, test } from 'vitest';
import { HEADER_BYTES, PARTS, STRUCTURE_CHARACTERS } from '#storage/message/limits.ts';
import { type ScannedMessage, Trait } from '#storage/message/scanned.ts';
import { MessageScanner } from '#storage/message/scanner.ts';
import { body, bodystructure, fileName, sections, walk } from '#storage/message/structure.ts';
import { checkBody, checkEnvelope, parseImapText } from '#test/support/imap-text.ts';

/** Scans a message given as one character per byte; all chunk sizes must agree. */
function scan(text: string): ScannedMessage {
  const bytes = Buffer.from(text, 'latin1');
  const results = [bytes.length, 1, 2, 3, 17, 100].map((step) => {
    const scanner = new MessageScanner();
    for (let at = 0; at < bytes.length; at += step) scanner.write(bytes.subarray(at, at + step));
    return scanner.end();
  });
  for (const result of results) expect(result).toEqual(results[0]);
  const [scanned] = results;
  if (scanned === undefined) throw new Error('nothing scanned');
  checkEnvelope(parseImapText(scanned.envelope));
  checkBody(parseImapText(bodystructure(scanned.structure)));
  return scanned;
}

/** The envelope of a header. */
const envelope = (header: string) => scan(`${header}\r\n\r\n`).envelope;

/** Each part as `path type [body]`. */
function tree(text: string): string[] {
  const { root } = sections(scan(text).structure);
  return [...walk(root)].map((part) => {
    const content =
      part.children.length > 0 || part.message !== null ? '' : ` [${text.slice(part.body.start, part.body.end)}]`;
    return `${part.path} ${part.type}/${part.subtype}${content}`;
  });
}

// -------------------------------------------------------------------------------------------------------- envelope

test('an envelope has every field, and Sender and Reply-To fall back to From', () => {
  expect(
    envelope(
      'Date: Mon, 7 Feb 1994 21:52:25 -0800\r\nFrom: Fred Foobar <foobar@blurdybloop.example>\r\nSubject: afternoon "meeting"\r\n' +
        'To: mooch@owatagu.siam.edu.example\r\nCc: A: b@c;\r\nBcc:\r\nMessage-Id: <B27397@Blurdybloop.example>\r\nIn-Reply-To:',
    ),
  ).toBe(
    '("Mon, 7 Feb 1994 21:52:25 -0800" "afternoon \\"meeting\\"" (("Fred Foobar" NIL "foobar" "blurdybloop.example")) ' +
      '(("Fred Foobar" NIL "foobar" "blurdybloop.example")) (("Fred Foobar" NIL "foobar" "blurdybloop.example")) ' +
      '((NIL NIL "mooch" "owatagu.siam.edu.example")) ((NIL NIL "A" NIL)(NIL NIL "b" "c")(NIL NIL NIL NIL)) NIL "" ' +
      '"<B27397@Blurdybloop.example>")',
  );
});

test('what is absent is NIL, what is empty is the empty string, and empty address fields are NIL', () => {
  expect(envelope('X: y')).toBe('(NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL)');
  expect(envelope('Subject:\r\nDate: \r\nMessage-ID:\r\nTo: \r\nFrom: <>')).toBe(
    '("" "" NIL NIL NIL NIL NIL NIL NIL "")',
  );
});

test('8-bit header bytes become encoded words, whatever they are in', () => {
  const utf8 = Buffer.from(
    'Subject: Gr\u00fc\u00dfe aus K\u00f6ln\r\nFrom: J\u00fcri <j\u00fcri@k\u00f6ln.test>',
  ).toString('latin1');
  expect(envelope(utf8)).toContain('"=?utf-8?B?R3LDvMOfZQ==?= aus =?utf-8?B?S8O2bG4=?="');
  expect(envelope(utf8)).toContain('(("=?utf-8?B?SsO8cmk=?=" NIL "=?utf-8?B?asO8cmk=?=" "xn--kln-sna.test"))');
  // Not UTF-8: in the charset that the text has.
  const koi8 = 'Subject: \xf0\xd2\xc9\xd7\xc5\xd4\r\nContent-Type: text/plain; charset=koi8-r';
  expect(envelope(koi8)).toContain('"=?utf-8?B?0J/RgNC40LLQtdGC?="');
});

test('folding is undone, and NUL, CR and LF never stand in a string', () => {
  expect(envelope('Subject: one\r\n two\n\tthree\rfour\0five')).toContain('"one two\tthree four five"');
});

test('two To fields are one list; of two Subjects the first counts', () => {
  expect(envelope('To: a@b\r\nSubject: 1\r\nTo: c@d\r\nSubject: 2')).toBe(
    '(NIL "1" NIL NIL NIL ((NIL NIL "a" "b")(NIL NIL "c" "d")) NIL NIL NIL NIL)',
  );
});

test('date, id and references come out ready for threads', () => {
  const scanned = scan(
    'Date: Mon, 7 Feb 1994 21:52:25 -0800\r\nMessage-ID: <1@x> (added)\r\nReferences: <a@b> <c@\r\n d>\r\n <a@b>\r\n' +
      'In-Reply-To: Message from Ann <ann@x> of Monday <e@f>\r\n\r\n',
  );
  expect(scanned).toMatchObject({ sent: 760686745, messageId: '<1@x>', references: ['<a@b>', '<c@d>', '<e@f>'] });
  const many = Array.from({ length: 500 }, (_, index) => `<${index}@x>`);
  const kept = scan(`References: ${many.join(' ')}\r\n\r\n`).references;
  expect(kept).toEqual(['<0@x>', ...many.slice(-99)]);
});

// ------------------------------------------------------------------------------------------------------- structure

test('a message without MIME is one text/plain', () => {
  const scanned = scan('Subject: x\r\n\r\none\r\ntwo\r\n');
  expect(bodystructure(scanned.structure)).toBe(
    '("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 10 2 NIL NIL NIL NIL)',
  );
  expect(scanned).toMatchObject({ headerLength: 14, size: 24, preview: 'one two' });
});

test('BODYSTRUCTURE is full: parameters, id, description, MD5, disposition, language, location', () => {
  const scanned = scan(
    'Content-Type: Text/Enriched; Charset=UTF-8; x="a \\"b\\""\r\nContent-ID: <id@x>\r\nContent-Description: a thing\r\n' +
      'Content-Transfer-Encoding: Quoted-Printable\r\nContent-MD5: Q2hlY2sgSW50ZWdyaXR5IQ==\r\n' +
      "Content-Disposition: Attachment; filename*=utf-8''%C3%9C.txt; size=5\r\nContent-Language: de, en\r\n" +
      'Content-Location: http://x.test/a\r\n\r\nabc\r\n',
  );
  expect(bodystructure(scanned.structure)).toBe(
    '("text" "enriched" ("charset" "UTF-8" "x" "a \\"b\\"") "<id@x>" "a thing" "quoted-printable" 5 1 ' +
      '"Q2hlY2sgSW50ZWdyaXR5IQ==" ("attachment" ("filename*" "utf-8\'\'%C3%9C.txt" "size" "5")) ("de" "en") "http://x.test/a")',
  );
  expect(fileName(sections(scanned.structure).root)).toBe('\u00dc.txt');
});

test('a raw 8-bit file name is told as RFC 2231 has it', () => {
  const { structure } = scan('Content-Type: application/pdf; name="\xc3\x9c 1.pdf"\r\n\r\nx');
  expect(bodystructure(structure)).toContain('("name*" "utf-8\'\'%C3%9C%201.pdf")');
  expect(fileName(sections(structure).root)).toBe('\u00dc 1.pdf');
});

const NESTED = [
  'Content-Type: multipart/mixed; boundary="out er"\r\n\r\npreamble\r\n',
  '--out er\r\n\r\nfirst\r\n',
  '--out er  \r\nContent-Type: message/rfc822\r\n\r\nSubject: inner\r\nContent-Type: multipart/alternative; boundary=in\r\n\r\n',
  '--in\r\n\r\nplain\r\n--in\r\nContent-Type: text/html\r\n\r\n<p>html\r\n--in--\r\n',
  '--out er\r\nContent-Type: message/rfc822\r\n\r\nSubject: flat\r\n\r\ntext\r\n',
  '--out er--\r\nepilogue\r\n',
].join('');

test('sections are numbered as RFC 9051 6.4.5 has it, through nested messages', () => {
  expect(tree(NESTED)).toEqual([
    'TEXT multipart/mixed',
    '1 text/plain [first]',
    '2 message/rfc822',
    '2.TEXT multipart/alternative',
    '2.1 text/plain [plain]',
    '2.2 text/html [<p>html]',
    '3 message/rfc822',
    '3.1 text/plain [text]',
  ]);
  const { range } = sections(scan(NESTED).structure);
  const at = (section: string) => {
    const found = range(section);
    return found === undefined ? undefined : NESTED.slice(found.start, found.end);
  };
  expect(at('')).toBe(NESTED);
  expect(at('HEADER')).toBe('Content-Type: multipart/mixed; boundary="out er"\r\n\r\n');
  expect(`${at('HEADER')}${at('TEXT')}`).toBe(NESTED);
  expect(at('1.MIME')).toBe('\r\n');
  expect(at('2.MIME')).toBe('Content-Type: message/rfc822\r\n\r\n');
  expect(at('2.HEADER')).toBe('Subject: inner\r\nContent-Type: multipart/alternative; boundary=in\r\n\r\n');
  expect(at('2.TEXT')).toBe('--in\r\n\r\nplain\r\n--in\r\nContent-Type: text/html\r\n\r\n<p>html\r\n--in--');
  expect(at('2')).toBe(`${at('2.HEADER')}${at('2.TEXT')}`);
  expect(at('2.2.MIME')).toBe('Content-Type: text/html\r\n\r\n');
  expect(at('3.header')).toBe('Subject: flat\r\n\r\n');
  expect(at('3.1')).toBe('text');
  for (const none of [
    '0',
    '4',
    '1.1',
    '1.HEADER',
    '1.TEXT',
    '3.2',
    '3.1.1',
    '2.3',
    'MIME',
    '1..2',
    '.1',
    '1.',
    'X',
    '1.MIME.TEXT',
  ]) {
    expect(at(none), none).toBeUndefined();
  }
  expect([range('')?.prefix, range('HEADER')?.prefix, range('TEXT')?.prefix, range('2.HEADER')?.prefix]).toEqual([
    true,
    true,
    false,
    false,
  ]);
});

test('part 1 of a message without parts is its text, and its MIME header is its header', () => {
  const text = 'Subject: x\r\n\r\nbody';
  const { range } = sections(scan(text).structure);
  expect(range('1')).toEqual({ start: 14, end: 18, prefix: false });
  expect(range('1.MIME')).toEqual({ start: 0, end: 14, prefix: true });
  expect(range('2')).toBeUndefined();
  expect(range('1.1')).toBeUndefined();
});

test('a message that is a message has its parts below 1', () => {
  expect(tree('Content-Type: message/rfc822\r\n\r\nSubject: in\r\n\r\ntext\r\n')).toEqual([
    '1 message/rfc822',
    '1.1 text/plain [text\r\n]',
  ]);
});

test('message/rfc822 carries its envelope, structure and lines', () => {
  const { structure } = scan('Content-Type: message/rfc822\r\n\r\nSubject: in\r\n\r\na\r\nb\r\n');
  expect(bodystructure(structure)).toBe(
    '("message" "rfc822" NIL NIL NIL "7bit" 21 (NIL "in" NIL NIL NIL NIL NIL NIL NIL NIL) ' +
      '("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 6 2 NIL NIL NIL NIL) 4 NIL NIL NIL NIL)',
  );
});

test('BODY is BODYSTRUCTURE without its extension data', () => {
  expect(body(scan(NESTED).structure)).toBe(
    '(("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 5 0)' +
      '("message" "rfc822" NIL NIL NIL "7bit" 131 (NIL "inner" NIL NIL NIL NIL NIL NIL NIL NIL) ' +
      '(("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 5 0)("text" "html" ("charset" "us-ascii") NIL NIL "7bit" 7 0) "alternative") 10)' +
      '("message" "rfc822" NIL NIL NIL "7bit" 21 (NIL "flat" NIL NIL NIL NIL NIL NIL NIL NIL) ' +
      '("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 4 0) 2) "mixed")',
  );
});

// --------------------------------------------------------------------------------------------------- broken messages

const mixed = (boundary: string) => `Content-Type: multipart/mixed; boundary=${boundary}\r\n\r\n`;

test.each([
  [
    'no boundary parameter: the whole body is one text',
    'Content-Type: multipart/mixed\r\n\r\n--b\r\n\r\nx',
    ['TEXT multipart/mixed', '1 text/plain [--b\r\n\r\nx]'],
  ],
  ['the boundary never comes', `${mixed('b')}just text\r\n`, ['TEXT multipart/mixed', '1 text/plain [just text\r\n]']],
  [
    'no closing boundary',
    `${mixed('b')}--b\r\n\r\nx\r\n--b\r\n\r\ny\r\n`,
    ['TEXT multipart/mixed', '1 text/plain [x]', '2 text/plain [y\r\n]'],
  ],
  [
    'an outer boundary ends inner parts',
    `${mixed('b')}--b\r\n${mixed('c')}--c\r\n\r\nx\r\n--b\r\n\r\ny\r\n--b--`,
    ['TEXT multipart/mixed', '1 multipart/mixed', '1.1 text/plain [x]', '2 text/plain [y]'],
  ],
  [
    'a part whose header never ends',
    `${mixed('b')}--b\r\nContent-Type: text/html\r\n--b\r\n\r\ny\r\n--b--\r\n`,
    ['TEXT multipart/mixed', '1 text/html []', '2 text/plain [y]'],
  ],
  [
    'empty parts',
    `${mixed('b')}--b\r\n\r\n--b\r\n--b\r\n\r\n\r\n--b--\r\n`,
    ['TEXT multipart/mixed', '1 text/plain []', '2 text/plain []', '3 text/plain []'],
  ],
  [
    'parts after the closing boundary are epilogue',
    `${mixed('b')}--b\r\n\r\nx\r\n--b--\r\n--b\r\n\r\ny\r\n`,
    ['TEXT multipart/mixed', '1 text/plain [x]'],
  ],
  [
    'inner parts with the same boundary',
    `${mixed('b')}--b\r\n${mixed('b')}--b\r\n\r\nx\r\n--b--\r\n--b--\r\n`,
    ['TEXT multipart/mixed', '1 multipart/mixed', '1.1 text/plain [x]'],
  ],
  [
    'a boundary that begins another',
    `${mixed('b')}--b\r\n${mixed('bc')}--bc\r\n\r\nx\r\n--bc--\r\n--b\r\n\r\ny\r\n--b--`,
    ['TEXT multipart/mixed', '1 multipart/mixed', '1.1 text/plain [x]', '2 text/plain [y]'],
  ],
  [
    'lines that only look like a boundary',
    `${mixed('b')}--b\r\n\r\n--bb\r\n --b\r\n--b x\r\n-b\r\n--b--`,
    ['TEXT multipart/mixed', '1 text/plain [--bb\r\n --b\r\n--b x\r\n-b]'],
  ],
  [
    'bare LF everywhere',
    `${mixed('b')}--b\r\n\r\nx\ry\r\n--b--`.replaceAll('\r\n', '\n'),
    ['TEXT multipart/mixed', '1 text/plain [x\ry]'],
  ],
  [
    'CRLF and LF mixed',
    `${mixed('b')}--b\n\r\nx\n\r\n--b\n\ny\r\n\n--b--`,
    ['TEXT multipart/mixed', '1 text/plain [x\n]', '2 text/plain [y\r\n]'],
  ],
  [
    'CR CR LF',
    `Content-Type: multipart/mixed; boundary=b\r\r\n\r\r\n--b\r\r\n\r\r\nx\r\r\n--b--\r\r\n`,
    ['TEXT multipart/mixed', '1 text/plain [x\r]'],
  ],
  [
    'a digest of messages',
    `Content-Type: multipart/digest; boundary=b\r\n\r\n--b\r\n\r\nSubject: 1\r\n\r\nx\r\n--b--`,
    ['TEXT multipart/digest', '1 message/rfc822', '1.1 text/plain [x]'],
  ],
  [
    'a message cut in a part header',
    `${mixed('b')}--b\r\nContent-Type: multi`,
    ['TEXT multipart/mixed', '1 text/plain []'],
  ],
  [
    'a nested message cut in its header',
    `${mixed('b')}--b\r\nContent-Type: message/rfc822\r\n--b--`,
    ['TEXT multipart/mixed', '1 message/rfc822', '1.1 text/plain []'],
  ],
  ['an mbox From line on top', 'From x Mon Jan 1\nContent-Type: text/html\n\nx', ['1 text/html [x]']],
  ['a Content-Type that is none', 'Content-Type: nonsense\r\n\r\nx', ['1 text/plain [x]']],
  ['an empty line first', '\r\nSubject: x\r\n', ['1 text/plain [Subject: x\r\n]']],
  ['nothing', '', ['1 text/plain []']],
])('%s', (_, text, expected) => {
  expect(tree(text)).toEqual(expected);
});

test('10,000 nested multiparts are read to a depth, and the rest is one opaque part', () => {
  const text = Array.from({ length: 10_000 }, (_, level) => `${mixed(`b${level}`)}--b${level}\r\n`).join('');
  const scanner = new MessageScanner();
  scanner.write(Buffer.from(text));
  const { structure } = scanner.end();
  const parts = [...walk(sections(structure).root)];
  expect(parts.length).toBe(101);
  expect(parts.at(-1)).toMatchObject({ type: 'application', subtype: 'octet-stream', body: { end: text.length } });
  checkBody(parseImapText(bodystructure(structure)));
});

test('10,000 nested messages end the same way', () => {
  const scanned = scan('Content-Type: message/rfc822\r\n\r\n'.repeat(300));
  const parts = [...walk(sections(scanned.structure).root)];
  expect(parts.length).toBe(101);
  expect(parts.at(-1)).toMatchObject({ type: 'application', subtype: 'octet-stream' });
});

test('after the last part that is counted, boundaries mean nothing', () => {
  const text = `${mixed('b')}${'--b\r\n\r\nx\r\n'.repeat(PARTS + 500)}--b--\r\n`;
  const scanner = new MessageScanner();
  scanner.write(Buffer.from(text));
  const parts = [...walk(sections(scanner.end().structure).root)];
  expect(parts.length).toBe(PARTS);
  expect(parts.at(-1)?.body.end).toBe(text.length);
});

test('a structure that grows too long is told without parameters, and stays valid', () => {
  const parameters = Array.from({ length: 50 }, (_, index) => `; p${index}="${'v'.repeat(100)}"`).join('');
  const text = `${mixed('b')}${`--b\r\nContent-Type: message/rfc822${parameters}\r\n\r\nSubject: ${'s'.repeat(1000)}\r\n\r\n`.repeat(1000)}`;
  const scanner = new MessageScanner();
  scanner.write(Buffer.from(text));
  const { structure } = scanner.end();
  expect(structure.length).toBeLessThan(STRUCTURE_CHARACTERS * 1.5);
  expect(checkBody(parseImapText(bodystructure(structure))).children).toHaveLength(1000);
});

test('a header block over the limit is cut there, and what follows is body', () => {
  const text = `Subject: x\r\nX: ${'y'.repeat(HEADER_BYTES)}\r\n\r\nbody`;
  const scanned = scan(text);
  expect(scanned.headerLength).toBe(HEADER_BYTES);
  expect(sections(scanned.structure).root.body).toEqual({ start: HEADER_BYTES, end: text.length });
  expect(scanned.envelope).toContain('"x"');
});

// -------------------------------------------------------------------------------------------------- preview, traits

const part = (headers: string, content: string) => `--b\r\n${headers}\r\n\r\n${content}\r\n`;

test.each([
  [
    'decoded and folded',
    'Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n\r\n  Gr=C3=BC=\r\n=C3=9Fe,\r\n\tdu \r\n',
    'Grüße, du',
  ],
  ['from base64', 'Content-Transfer-Encoding: base64\r\n\r\naGVs\r\nbG8=\r\n', 'hello'],
  ['in its charset', 'Content-Type: text/plain; charset=koi8-r\r\n\r\n\xf0\xd2\xc9\xd7\xc5\xd4', 'Привет'],
  [
    'of HTML',
    'Content-Type: text/html\r\n\r\n<html><head><title>no</title><style>x{}</style></head><body><p>Hi <b>y</b>ou</p>&amp; all',
    'Hi you & all',
  ],
  [
    'of the plain part',
    `${mixed('b')}${part('Content-Type: text/html', '<p>html')}${part('Content-Type: text/plain', 'plain')}--b--`,
    'plain',
  ],
  [
    'of HTML when the plain part is empty',
    `${mixed('b')}${part('Content-Type: text/plain', ' ')}${part('Content-Type: text/html', '<p>html')}--b--`,
    'html',
  ],
  [
    'not of an attachment',
    `${mixed('b')}${part('Content-Type: text/plain\r\nContent-Disposition: attachment', 'no')}${part('Content-Type: text/plain', 'yes')}--b--`,
    'yes',
  ],
  ['of what stands in a multipart without parts', `${mixed('b')}only this\r\n`, 'only this'],
  ['of nothing', 'Content-Type: image/png\r\n\r\nxxx', ''],
])('the preview %s', (_, text, expected) => {
  expect(scan(text).preview).toBe(expected);
});

test('a preview has at most 200 characters, never half of one', () => {
  expect([
    ...scan(`Content-Type: text/plain; charset=utf-8\r\n\r\n${Buffer.from('\u{1f600}'.repeat(600)).toString('latin1')}`)
      .preview,
  ]).toEqual(Array.from({ length: 200 }, () => '\u{1f600}'));
});

test.each([
  ['attachment', `${mixed('b')}${part('Content-Type: application/pdf', 'x')}--b--\r\n`, Trait.attachment],
  [
    'no attachment: an image with a Content-ID',
    `${mixed('b')}${part('Content-Type: image/png\r\nContent-ID: <1@x>', 'x')}--b--\r\n`,
    0,
  ],
  [
    'attachment by disposition',
    `${mixed('b')}${part('Content-Disposition: attachment; filename=a.txt', 'x')}--b--\r\n`,
    Trait.attachment,
  ],
  [
    'a forwarded message',
    `${mixed('b')}${part('Content-Type: message/rfc822', 'Subject: x\r\n\r\n')}--b--\r\n`,
    Trait.attachment,
  ],
  ['important by X-Priority', 'X-Priority: 1 (Highest)\r\n\r\n', Trait.important],
  ['important by Importance', 'Importance: High\r\n\r\n', Trait.important],
  ['not important', 'X-Priority: 3\r\nImportance: normal\r\n\r\n', 0],
  ['receipt', 'Disposition-Notification-To: a@b\r\n\r\n', Trait.receipt],
  [
    'encrypted by PGP',
    `Content-Type: multipart/encrypted; boundary=b\r\n\r\n${part('Content-Type: application/pgp-encrypted', 'x')}--b--\r\n`,
    Trait.encrypted,
  ],
  [
    'encrypted by S/MIME',
    'Content-Type: application/pkcs7-mime; smime-type=enveloped-data; name=smime.p7m\r\n\r\n',
    Trait.encrypted,
  ],
  ['signed by S/MIME', 'Content-Type: application/pkcs7-mime; smime-type=signed-data\r\n\r\n', Trait.signed],
  [
    'signed',
    `Content-Type: multipart/signed; boundary=b\r\n\r\n${part('', 'x')}${part('Content-Type: application/pgp-signature', 'x')}--b--\r\n`,
    Trait.signed,
  ],
  ['calendar', 'Content-Type: text/calendar; method=REQUEST\r\n\r\n', Trait.calendar],
  ['list', 'List-Id: <x.y>\r\n\r\n', Trait.list],
  ['raw UTF-8', 'Subject: \xc3\xbc\r\n\r\n', Trait.utf8],
  ['raw 8-bit that is not UTF-8', 'Subject: \xfc\r\n\r\n', 0],
  ['an open last line', 'Subject: x\r\n\r\nx', Trait.openEnd],
  ['a last line that a bare LF ends', 'Subject: x\r\n\r\nx\n', Trait.openEnd],
])('trait: %s', (_, text, expected) => {
  expect(scan(text).traits).toBe(expected);
});
