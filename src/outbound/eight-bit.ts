// Eight-bit text where nobody said what it is (F222): office programs put it into header fields as it is, and send bodies
// without a word about MIME. It is UTF-8 if it can be, else windows-1252, which is what such programs write.

import { decodeRaw, hasEightBit } from '#storage/message/charset.ts';
import { encodeWord, toAscii } from '#storage/message/words.ts';
import type { Staged } from '#storage/ports.ts';

export type Charset = 'utf-8' | 'windows-1252';

const FALLBACK = 'windows-1252';
/** Fields in which only names and comments are text (RFC 5322 3.4, RFC 2047 5). */
const ADDRESS_FIELDS = new Set(
  ['from', 'sender', 'reply-to', 'to', 'cc', 'bcc'].flatMap((name) => [name, `resent-${name}`]),
);
/** A quoted string, an address, and anything between them; what is not closed goes to the end, so each is read once. */
const ADDRESS_PARTS = /"(?:[^"\\]|\\.)*(?:"|$)|<[^>]*(?:>|$)|[^\s"<>(),:;@]+(?:[ \t]+[^\s"<>(),:;@]+)*/gs;

/** A field (one character per byte) with its eight-bit text in encoded words; one whose text is no text stays. */
export function encodeField(name: string, field: string): string {
  if (!hasEightBit(field) || name === '' || name.startsWith('content-')) return field;
  const colon = field.indexOf(':') + 1;
  const text = field
    .slice(colon)
    .replace(/\r\n(?=[ \t])/g, '')
    .trim();
  const encoded = ADDRESS_FIELDS.has(name) ? text.replace(ADDRESS_PARTS, encodePart) : toAscii(text, FALLBACK);
  // RFC 2047 2: a line with encoded words has at most 76 characters.
  return `${field.slice(0, colon)} ${encoded.replaceAll('?= =?', '?=\r\n =?')}\r\n`;
}

function encodePart(part: string): string {
  if (part.startsWith('<')) return part;
  if (!part.startsWith('"') || !hasEightBit(part)) return toAscii(part, FALLBACK);
  return encodeWord(decodeRaw(part.replace(/^"|"$/g, '').replace(/\\(.)/gs, '$1'), FALLBACK));
}

/** What a body is that has no Content-Transfer-Encoding: null when it is ASCII. */
export async function bodyCharset(staged: Staged): Promise<Charset | null> {
  const decoder = new TextDecoder('utf-8', { fatal: true });
  let eightBit = false;
  let utf8 = true;
  for await (const chunk of staged.open(staged.header.length) as AsyncIterable<Uint8Array>) {
    eightBit ||= chunk.some((octet) => octet >= 0x80);
    utf8 &&= decodes(decoder, chunk);
  }
  if (!eightBit) return null;
  return utf8 && decodes(decoder) ? 'utf-8' : 'windows-1252';
}

function decodes(decoder: TextDecoder, chunk?: Uint8Array): boolean {
  try {
    decoder.decode(chunk, { stream: chunk !== undefined });
    return true;
  } catch (error) {
    if (error instanceof TypeError) return false;
    throw error;
  }
}
