// RFC 2047 encoded words, read and written. Header text comes in as one character per byte.

import { decodeRaw, decodeText, hasEightBit } from './charset.ts';

/** =?charset[*language]?B or Q?text?=, a little wider than RFC 2047 2 allows: spaces inside Q, any length. */
const WORD = /=\?([^?\s]{1,64})\?([bBqQ])\?([^?]*)\?=/g;

/** Between two encoded words white space means nothing (RFC 2047 6.2). */
const ONLY_SPACE = /^[ \t\r\n]*$/;

/** Charsets with shift states: each word begins and ends in ASCII (RFC 2047 3), so joining them would be wrong. */
const STATEFUL = /^(?:iso-2022-|utf-7|unicode-1-1-utf-7|hz)/;

/** Encoded words and raw 8-bit bytes to Unicode; `fallback` is the charset of bytes that are not UTF-8. */
export function decodeWords(raw: string, fallback = ''): string {
  if (!raw.includes('=?')) return decodeRaw(raw, fallback);
  let text = '';
  let last = 0;
  let pending: { charset: string; bytes: Uint8Array[] } | undefined;
  const flush = () => {
    if (pending !== undefined) text += decodeText(Buffer.concat(pending.bytes), pending.charset);
    pending = undefined;
  };
  for (const match of raw.matchAll(WORD)) {
    const [whole, label = '', encoding = '', body = ''] = match;
    const between = raw.slice(last, match.index);
    const charset = (label.split('*')[0] ?? '').toLowerCase();
    if (last === 0 || !ONLY_SPACE.test(between)) {
      flush();
      text += decodeRaw(between, fallback);
    } else if (pending === undefined) {
      // The word before is decoded already.
    } else if (pending.charset !== charset) {
      flush();
    }
    // Words of one charset are joined before decoding: writers split characters between them.
    pending ??= { charset, bytes: [] };
    pending.bytes.push(wordBytes(encoding, body));
    if (STATEFUL.test(charset)) flush();
    last = match.index + whole.length;
  }
  flush();
  return text + decodeRaw(raw.slice(last), fallback);
}

function wordBytes(encoding: string, body: string): Uint8Array {
  if (encoding === 'b' || encoding === 'B') return Buffer.from(body, 'base64');
  return Buffer.from(
    body
      .replace(/_/g, ' ')
      .replace(/=([0-9a-fA-F]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16))),
    'latin1',
  );
}

/** Bytes of UTF-8 in one encoded word: 45 are 60 characters of base64, 72 with the frame, below the 75 of RFC 2047 2. */
const WORD_BYTES = 45;

/** Unicode to encoded words (UTF-8, base64), separated by a space; whole characters in each. */
export function encodeWord(text: string): string {
  const words: string[] = [];
  let piece = '';
  let bytes = 0;
  for (const character of text) {
    const length = Buffer.byteLength(character);
    if (bytes + length > WORD_BYTES) {
      words.push(piece);
      piece = '';
      bytes = 0;
    }
    piece += character;
    bytes += length;
  }
  words.push(piece);
  return words.map((word) => `=?utf-8?B?${Buffer.from(word, 'utf8').toString('base64')}?=`).join(' ');
}

/**
 * Raw header text (one character per byte) in ASCII: the words that hold 8-bit bytes become encoded words, each run of
 * them one; everything else, encoded words that are there already included, stays as it is. A space beside such a word
 * goes into the new one, where it still counts (RFC 2047 6.2).
 */
export function toAscii(raw: string, fallback: string): string {
  if (!hasEightBit(raw)) return raw;
  // Words at even places, the white space between them at odd ones.
  const pieces = raw.split(/([ \t]+)/);
  let text = '';
  for (let first = 0; first < pieces.length; ) {
    let end = first + 1;
    if (hasEightBit(pieces[first] ?? '')) {
      while (hasEightBit(pieces[end + 1] ?? '')) end += 2;
      const before = (pieces[first - 2] ?? '').endsWith('?=') ? ' ' : '';
      const after = (pieces[end + 1] ?? '').startsWith('=?') ? ' ' : '';
      text += encodeWord(before + decodeRaw(pieces.slice(first, end).join(''), fallback) + after);
    } else {
      text += pieces[first];
    }
    text += pieces[end] ?? '';
    first = end + 1;
  }
  return text;
}
