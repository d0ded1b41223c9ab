// A stored message as text, for exact substring search: header fields and text parts, decoded, in a stream that never
// holds more than a few pieces.

import { StoreError } from '../errors.ts';
import type { MessageBody, MessageContent } from '../ports.ts';
import type { ByteSearch } from './byte-search.ts';
import { decodeText, textDecoding } from './charset.ts';
import { fields, fieldValue, latin1 } from './headers.ts';
import { type Part, sections, walk } from './structure.ts';
import { isText, textPlaces } from './text-places.ts';
import { transferDecoded, transferDecoding } from './transfer.ts';
import { decodeWords } from './words.ts';

/** Stands between parts, so that nothing is found across them; it can't be in a search string (RFC 9051 9: no NUL). */
export const PART_BREAK = '\0';

/** Header blocks are read at most this far: those of parts are as long as the part's writer liked. */
const MAX_HEADER = 256 * 1024;

/** A piece of a message's text; `header`: of a header, which SEARCH TEXT looks into and BODY does not. */
export interface TextPiece {
  readonly text: string;
  readonly header: boolean;
}

/**
 * The body of a message as RFC 9051 6.4.4 means it for SEARCH BODY, which matches no header field: every text part,
 * those of nested messages too, decoded; with `headers` as for SEARCH TEXT: the headers of the message, its parts and
 * the messages in it too. PART_BREAK ends what it follows.
 */
export async function* textPieces(
  content: MessageContent,
  structure: string,
  options: { headers: boolean },
): AsyncGenerator<TextPiece> {
  for (const { part, header, start, end } of places(content, structure, options.headers)) {
    if (header) yield { text: headerText(await content.bytes(start, end), part.charset), header };
    else for await (const text of partText(content, part)) yield { text, header };
    yield { text: PART_BREAK, header };
  }
}

/**
 * The same at once, if the bytes are at hand: `reader` takes each piece and tells whether it has had enough. False, and
 * nothing read, if they must be waited for. With `sought` the text of a part that has none of it may be left out.
 * Errors: unavailable.
 */
export function lookAtText(
  content: MessageContent,
  structure: string,
  options: { headers: boolean; sought?: ByteSearch | null },
  reader: (piece: TextPiece) => boolean,
): boolean {
  const { headers, sought = null } = options;
  if (!headers) return lookAtBodyText(content, structure, sought, reader);
  return content.look(0, content.size, (pieces) => {
    for (const { part, header, start, end } of places(content, structure, true)) {
      const bytes = range(pieces, start, end);
      const text = header ? headerText(bytes, part.charset) : soughtText(bytes, part, sought);
      if (reader({ text, header }) || reader({ text: PART_BREAK, header })) return;
    }
  });
}

/** The same of the body's text alone, for which no header is needed. */
export function lookAtBodyText(
  body: MessageBody,
  structure: string,
  sought: ByteSearch | null,
  reader: (piece: TextPiece) => boolean,
): boolean {
  const { bodyAt, end, texts } = textPlaces(structure);
  const spans = texts.map((place) => [place.start - bodyAt, place.end - bodyAt] as const);
  return body.lookAtBody(spans, (bytes) => {
    if (bytes.length !== end - bodyAt) throw new StoreError('unavailable', 'a body has another size');
    for (const place of texts) {
      const text = soughtText(bytes.subarray(place.start - bodyAt, place.end - bodyAt), place, sought);
      if (reader({ text, header: false }) || reader({ text: PART_BREAK, header: false })) return;
    }
  });
}

/** A part's header block or text: bytes [start, end) of the whole. */
interface Place {
  readonly part: Part;
  readonly header: boolean;
  readonly start: number;
  readonly end: number;
}

function* places({ prefixLength }: MessageContent, structure: string, headers: boolean): Generator<Place> {
  const { root } = sections(structure);
  for (const part of walk(root)) {
    // The prefix is a part of the message's header (RFC822.HEADER).
    const start = part === root ? 0 : prefixLength + part.header.start;
    const end = Math.min(prefixLength + part.header.end, start + MAX_HEADER);
    if (headers && end > start) yield { part, header: true, start, end };
    const body = { start: prefixLength + part.body.start, end: prefixLength + part.body.end };
    if (isText(part) && body.end > body.start) yield { part, header: false, ...body };
  }
}

/** Bytes [start, end) of what these pieces are together; a copy only where it lies in several. */
function range(pieces: readonly Uint8Array[], start: number, end: number): Uint8Array {
  const found: Uint8Array[] = [];
  let at = 0;
  for (const piece of pieces) {
    if (start < at + piece.length && end > at) found.push(piece.subarray(Math.max(0, start - at), end - at));
    at += piece.length;
  }
  const [only] = found;
  return found.length === 1 && only !== undefined ? only : Buffer.concat(found);
}

/** The decoded text of one part, piece by piece. */
export async function* partText(content: MessageContent, part: Part): AsyncGenerator<string> {
  const transfer = transferDecoding(part.encoding);
  const text = textDecoding(part.charset);
  const { start, end } = part.body;
  for await (const bytes of content.read(content.prefixLength + start, content.prefixLength + end)) {
    const piece = text.decode(transfer.decode(bytes));
    if (piece !== '') yield piece;
  }
  const rest = text.decode(transfer.end()) + text.end();
  if (rest !== '') yield rest;
}

/** The same of a part whose bytes are all there; '' if none of what is sought is in it. */
function soughtText(
  bytes: Uint8Array,
  { encoding, charset }: Pick<Part, 'encoding' | 'charset'>,
  sought: ByteSearch | null,
): string {
  const decoded = sought === null ? transferDecoded(bytes, encoding) : sought.decoded(bytes, encoding, charset);
  return decoded === null ? '' : decodeText(decoded, charset);
}

/** A header block, unfolded and decoded, a field a line. `charset` is that of bytes that are not UTF-8. */
export function headerText(header: Uint8Array, charset: string): string {
  const block = latin1(header);
  let text = '';
  for (const field of fields(block)) {
    const name = field.name === '' ? '' : `${block.slice(field.start, field.value)} `;
    text += `${name}${decodeWords(fieldValue(block, field), charset)}\r\n`;
  }
  return text;
}
