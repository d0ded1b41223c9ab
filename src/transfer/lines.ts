// Lines of mail files: split from chunks, and their ends made CRLF, the form in which messages are stored.

const LF = 10;
const CR = 13;

/** A line longer than this comes in several parts, so that no file makes us hold more. */
const LONGEST_LINE = 64 * 1024;

export interface LinePart {
  /** With its line end, if this part has it. */
  readonly bytes: Buffer;
  /** False for a further part of a long line. */
  readonly first: boolean;
}

/** Splits a stream into lines, chunk by chunk. */
export class LineSplitter {
  #rest: Buffer = Buffer.alloc(0);
  #first = true;

  /** The lines that end in this chunk. */
  *add(chunk: Uint8Array): Generator<LinePart, void> {
    let rest = this.#rest.length === 0 ? toBuffer(chunk) : Buffer.concat([this.#rest, chunk]);
    let start = 0;
    for (let end = rest.indexOf(LF); end !== -1; end = rest.indexOf(LF, start)) {
      yield { bytes: rest.subarray(start, end + 1), first: this.#first };
      this.#first = true;
      start = end + 1;
    }
    rest = rest.subarray(start);
    if (rest.length > LONGEST_LINE) {
      // Not between a CR and what may be its LF.
      const cut = rest[rest.length - 1] === CR ? rest.length - 1 : rest.length;
      yield { bytes: rest.subarray(0, cut), first: this.#first };
      this.#first = false;
      rest = rest.subarray(cut);
    }
    this.#rest = Buffer.from(rest);
  }

  /** The last line, if it lacks an end. */
  *end(): Generator<LinePart, void> {
    if (this.#rest.length > 0) yield { bytes: this.#rest, first: this.#first };
  }
}

/** The bytes with every bare LF made CRLF; `previous` is the byte before them. */
export function toCrlf(bytes: Buffer, previous: number): Buffer {
  const parts: Buffer[] = [];
  let start = 0;
  for (let at = bytes.indexOf(LF); at !== -1; at = bytes.indexOf(LF, at + 1)) {
    if ((at === 0 ? previous : bytes[at - 1]) === CR) continue;
    parts.push(bytes.subarray(start, at), CRLF);
    start = at + 1;
  }
  if (start === 0) return bytes;
  parts.push(bytes.subarray(start));
  return Buffer.concat(parts);
}

const CRLF = Buffer.from('\r\n');

/**
 * A message file as it is stored: where its first line ends with LF alone, every bare LF becomes CRLF; where it ends
 * with CRLF, it is left as it is.
 */
export async function* storedForm(source: AsyncIterable<Uint8Array>): AsyncGenerator<Buffer, void> {
  let bare: boolean | undefined;
  let previous = 0;
  for await (const chunk of source) {
    const bytes = toBuffer(chunk);
    if (bytes.length === 0) continue;
    if (bare === undefined) {
      const end = bytes.indexOf(LF);
      if (end !== -1) bare = (end === 0 ? previous : bytes[end - 1]) !== CR;
    }
    yield bare ? toCrlf(bytes, previous) : bytes;
    previous = bytes[bytes.length - 1] ?? 0;
  }
}

/** The same bytes as a Buffer. */
export function toBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
}
