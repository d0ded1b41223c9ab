// Writes an mbox file of a whole account: mboxrd, LF, with the flags in the headers that other programs read and
// everything in one of ours, so that reading it again gives the same.

import { formatUnixDate } from './dates.ts';
import { toBuffer } from './lines.ts';
import { needsQuote } from './mbox-lines.ts';
import { ownHeader } from './mbox-status.ts';
import type { FolderPiece, MessagePiece, Shape } from './pieces.ts';

const LF = 10;
const CR = 13;
const NEWLINE = Buffer.from('\n');
const QUOTE = Buffer.from('>');

/** A line this long is no "From " line; what is longer is passed on in parts. */
const ENOUGH = 1024;

/** What goes before a message. */
export function mboxHead(folder: FolderPiece, message: MessagePiece, shape: Shape): Buffer {
  const received = message.received ?? { seconds: 0, offsetMinutes: 0 };
  const { flags, keywords } = message;
  const own = ownHeader({ folder: folder.path, flags, keywords, received, ...shape });
  return Buffer.from(`From MAILER-DAEMON ${formatUnixDate(received)}\n${own}`);
}

/** What goes after a message. */
export function mboxTail(shape: Shape): Buffer {
  return Buffer.from(shape.open ? '\n\n' : '\n');
}

/** One message's bytes on their way into an mbox: LF, and lines that look like separators quoted. */
export class MboxEncoder {
  readonly #raw: boolean;
  #rest = Buffer.alloc(0);
  #atLineStart = true;

  constructor(shape: Shape) {
    this.#raw = shape.raw;
  }

  write(chunk: Uint8Array): Buffer {
    const bytes = this.#rest.length === 0 ? toBuffer(chunk) : Buffer.concat([this.#rest, chunk]);
    const parts: Buffer[] = [];
    let start = 0;
    for (let end = bytes.indexOf(LF); end !== -1; end = bytes.indexOf(LF, start)) {
      this.#part(parts, bytes.subarray(start, end + 1));
      this.#atLineStart = true;
      start = end + 1;
    }
    let rest = bytes.subarray(start);
    if (rest.length > ENOUGH) {
      const cut = rest[rest.length - 1] === CR ? rest.length - 1 : rest.length;
      this.#part(parts, rest.subarray(0, cut));
      this.#atLineStart = false;
      rest = rest.subarray(cut);
    }
    this.#rest = Buffer.from(rest);
    return Buffer.concat(parts);
  }

  end(): Buffer {
    const parts: Buffer[] = [];
    if (this.#rest.length > 0) this.#part(parts, this.#rest);
    return Buffer.concat(parts);
  }

  #part(parts: Buffer[], part: Buffer): void {
    if (this.#atLineStart && needsQuote(part)) parts.push(QUOTE);
    const isCrlf = part.length > 1 && part[part.length - 1] === LF && part[part.length - 2] === CR;
    if (isCrlf && !this.#raw) parts.push(part.subarray(0, -2), NEWLINE);
    else parts.push(part);
  }
}

/** Finds the shape of a message, its bytes read once. */
export async function shapeOf(bytes: AsyncIterable<Uint8Array>): Promise<Shape> {
  let before = 0;
  let previous = 0;
  let raw = false;
  for await (const chunk of bytes) {
    if (chunk.length === 0) continue;
    for (let at = chunk.indexOf(LF); at !== -1 && !raw; at = chunk.indexOf(LF, at + 1)) {
      const one = chunk[at - 1] ?? previous;
      const two = chunk[at - 2] ?? (at === 1 ? previous : before);
      raw = one !== CR || two === CR;
    }
    before = chunk[chunk.length - 2] ?? previous;
    previous = chunk[chunk.length - 1] ?? 0;
  }
  return { raw, open: previous !== LF };
}
