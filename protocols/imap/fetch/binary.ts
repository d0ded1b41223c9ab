// BINARY (RFC 3516): a part with its content transfer encoding undone, and its size then.

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

/** What a part is once its transfer encoding is undone. */
export interface DecodedForm {
  /** The domain of the bytes (RFC 2045 2.7 to 2.9), by the name that an encoding which does nothing has. */
  readonly encoding: '7bit' | '8bit' | 'binary';
  readonly octets: number;
  readonly lines: number;
}

/** The same of bytes [start, end) of a message. */
export async function decodedForm(
  content: MessageContent,
  place: { readonly start: number; readonly end: number },
  encoding: string,
): Promise<DecodedForm> {
  const form = new FormScan();
  for await (const bytes of decodedPieces(content, place, encoding)) form.add(bytes);
  return form.end();
}

/** The longest line of 7bit and 8bit data, without its end (RFC 2045 2.7). */
const LINE_OCTETS = 998;
const [NUL, LF, CR] = [0, 10, 13];

class FormScan {
  #octets = 0;
  #lines = 0;
  #lineLength = 0;
  #afterCr = false;
  #high = false;
  #binary = false;

  add(bytes: Uint8Array): void {
    this.#octets += bytes.length;
    for (const byte of bytes) {
      if (byte === LF) {
        this.#lines += 1;
        this.#lineLength = 0;
      } else if (byte !== CR) this.#lineLength += 1;
      if (byte > 127) this.#high = true;
      // CR and LF are line ends together, and nothing alone.
      if (byte === NUL || this.#afterCr !== (byte === LF) || this.#lineLength > LINE_OCTETS) this.#binary = true;
      this.#afterCr = byte === CR;
    }
  }

  end(): DecodedForm {
    const text = this.#high ? '8bit' : '7bit';
    return {
      encoding: this.#binary || this.#afterCr ? 'binary' : text,
      octets: this.#octets,
      lines: this.#lines,
    };
  }
}
