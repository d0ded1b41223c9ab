// BINARY (RFC 3516): a part with its content transfer encoding undone, and its size then.

import { type ByteForm, ByteFormScan } from '#storage/message/byte-form.ts';
import { type Part, sections } from '#storage/message/structure.ts';
import { transferDecoding } from '#storage/message/transfer.ts';
import type { MessageContent } from '#storage/ports.ts';
import { Refusal } from '../grammar/errors.ts';
import type { SectionItem } from '../grammar/fetch-att.ts';

/** The encoding to be undone for a section: '' where its bytes stand for themselves. Unknown: NO [UNKNOWN-CTE]. */
export function encodingOf(item: SectionItem, structure: string): string {
  if (item.text !== 'ALL' || item.part.length === 0) return '';
  const part = sections(structure).part(item.part.join('.'));
  return part === undefined || isContainer(part) ? '' : known(part.encoding);
}

/** A multipart or a message is told as it is: RFC 2045 6.4 allows it no encoding of its own. */
function isContainer(part: Part): boolean {
  return part.type === 'multipart' || part.message !== null;
}

function known(encoding: string): string {
  if (['7bit', '8bit', 'binary', ''].includes(encoding)) return '';
  if (encoding === 'base64' || encoding === 'quoted-printable') return encoding;
  throw new Refusal('UNKNOWN-CTE', 'Unknown content transfer encoding'); // RFC 3516 4.3
}

/** Decoded bytes [from, to) of the bytes [start, end) of a message, in pieces. */
export async function* decoded(
  content: MessageContent,
  place: { readonly start: number; readonly end: number },
  encoding: string,
  from = 0,
  to = Number.MAX_SAFE_INTEGER,
): AsyncGenerator<Uint8Array> {
  let at = 0;
  for await (const bytes of decodedPieces(content, place, encoding)) {
    const piece = bytes.subarray(Math.max(0, from - at), Math.max(0, to - at));
    at += bytes.length;
    if (piece.length > 0) yield piece;
    if (at >= to) return;
  }
}

async function* decodedPieces(
  content: MessageContent,
  { start, end }: { readonly start: number; readonly end: number },
  encoding: string,
): AsyncGenerator<Uint8Array> {
  const decoding = transferDecoding(encoding);
  for await (const bytes of content.read(start, end)) yield decoding.decode(bytes);
  yield decoding.end();
}

/** How many bytes that makes. */
export async function decodedSize(
  content: MessageContent,
  place: { readonly start: number; readonly end: number },
  encoding: string,
): Promise<number> {
  let size = 0;
  for await (const bytes of decodedPieces(content, place, encoding)) size += bytes.length;
  return size;
}

/** Of what kind bytes [start, end) of a message are once their encoding is undone. */
export async function decodedForm(
  content: MessageContent,
  place: { readonly start: number; readonly end: number },
  encoding: string,
): Promise<ByteForm> {
  const form = new ByteFormScan();
  for await (const bytes of decodedPieces(content, place, encoding)) form.add(bytes);
  return form.end();
}
