// A stored message as text, for exact substring search: header fields and text parts, decoded, in a stream that never
// holds more than a few pieces.

import type { MessageContent } from '../ports.ts';
import { textDecoding } from './charset.ts';
import { fields, fieldValue, latin1 } from './headers.ts';
import { type Part, sections, walk } from './structure.ts';
import { transferDecoding } from './transfer.ts';
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
  const { root } = sections(structure);
  for (const part of walk(root)) {
    // The prefix is a part of the message's header (RFC822.HEADER).
    const start = part === root ? -content.prefixLength : part.header.start;
    if (options.headers && part.header.end > start) {
      const from = content.prefixLength + start;
      const to = Math.min(content.prefixLength + part.header.end, from + MAX_HEADER);
      yield { text: headerText(await content.bytes(from, to), part.charset), header: true };
      yield { text: PART_BREAK, header: true };
    }
    if (isText(part) && part.body.end > part.body.start) {
      for await (const text of partText(content, part)) yield { text, header: false };
      yield { text: PART_BREAK, header: false };
    }
  }
}

/** Parts with text a person may look for; the parts of a message/rfc822 come by themselves. */
function isText(part: Part): boolean {
  return part.type === 'text' || (part.type === 'message' && part.message === null);
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
