// Reads an mbox file: mboxo, mboxrd, mboxcl and mboxcl2, with LF or CRLF, and exactly what we wrote ourselves.
//
// Messages are separated by "From " lines with a date, after an empty line; one without a date is text. A
// Content-Length is believed only if a separator or the end of the file stands where it points.

import type { SpecialUse } from '#storage/ports.ts';
import { splitLines, toCrlf } from './lines.ts';
import { separator, unquote } from './mbox-lines.ts';
import { foreignStatus, type OwnStatus, parseOwnHeader } from './mbox-status.ts';
import type { MessagePiece, Received, TransferPiece } from './pieces.ts';

/** A header block that is longer is taken for body. */
const HEADER_BYTES = 256 * 1024;

/** Bytes gathered before they go on. */
const PIECE = 64 * 1024;

export interface MboxSource {
  /** What to call it in reports. */
  readonly where: string;
  readonly bytes: AsyncIterable<Uint8Array>;
  /** The folder of messages that don't say it themselves. */
  readonly folder: { readonly path: readonly string[]; readonly special: SpecialUse };
  /** Reads some bytes at a position; undefined where the source can't. */
  readonly at?: (position: number, length: number) => Promise<Buffer>;
}

/** The folder and the messages of an mbox file. */
export async function* readMbox(source: MboxSource): AsyncGenerator<TransferPiece, void> {
  yield { kind: 'folder', ...source.folder };
  const reader = new MboxReader(source);
  for await (const { bytes, first } of splitLines(source.bytes)) {
    yield* await reader.line(bytes, first);
  }
  yield* reader.end();
}

type State =
  /** Nothing yet. */
  | { readonly kind: 'start' }
  /** After a separator: our own header line or a header. */
  | { readonly kind: 'first' | 'header'; readonly from: Received | null }
  /** Header lines of ours, to be left out. */
  | { readonly kind: 'own'; readonly status: OwnStatus; left: number }
  | { readonly kind: 'body' }
  /** A message that is left out. */
  | { readonly kind: 'dropped' };

class MboxReader {
  readonly #source: MboxSource;
  #state: State = { kind: 'start' };
  #count = 0;
  #position = 0;
  #previousEmpty = true;
  /** Separators before this position are text. */
  #bodyEnd = 0;
  #header: Buffer[] = [];
  #headerLength = 0;
  /** Out of this message, and not yet handed on. */
  #out: Buffer[] = [];
  #outLength = 0;
  /** An empty line that may be the one before a separator. */
  #empty: Buffer | null = null;
  /** How the lines of this message become bytes; null: a message of another program. */
  #own: OwnStatus | null = null;
  /** The last line of a message whose own line end is left out. */
  #last: Buffer | null = null;
  #lastByte = 0;

  constructor(source: MboxSource) {
    this.#source = source;
  }

  async line(bytes: Buffer, first: boolean): Promise<TransferPiece[]> {
    const from = first && this.#previousEmpty && this.#position >= this.#bodyEnd ? separator(bytes) : null;
    const isSeparator = from !== null && (from !== 'undated' || this.#state.kind === 'start');
    this.#position += bytes.length;
    this.#previousEmpty = first && isEmpty(bytes);
    if (!isSeparator) return this.#content(bytes, first);
    const pieces = this.#finish();
    this.#count++;
    this.#state = { kind: 'first', from: from === 'undated' ? null : from };
    return pieces;
  }

  end(): TransferPiece[] {
    return this.#finish();
  }

  async #content(bytes: Buffer, first: boolean): Promise<TransferPiece[]> {
    const state = this.#state;
    switch (state.kind) {
      case 'start':
        if (isEmpty(bytes)) return [];
        this.#state = { kind: 'dropped' };
        return [
          { kind: 'problem', where: this.#source.where, reason: 'what stands before the first message is no mail' },
        ];
      case 'first': {
        const own = parseOwnHeader(bytes);
        if (own === null) return this.#headerLine(bytes, state.from);
        this.#state = { kind: 'own', status: own, left: own.lines };
        return [];
      }
      case 'own':
        if (state.left-- > 0) return [];
        return [...this.#begin(state.status.received, state.status, state.status), ...this.#bodyLine(bytes, first)];
      case 'header':
        return this.#headerLine(bytes, state.from);
      case 'body':
        return this.#bodyLine(bytes, first);
      case 'dropped':
        return [];
    }
  }

  async #headerLine(bytes: Buffer, from: Received | null): Promise<TransferPiece[]> {
    this.#state = { kind: 'header', from };
    this.#header.push(Buffer.from(bytes));
    this.#headerLength += bytes.length;
    if (!isEmpty(bytes) && this.#headerLength <= HEADER_BYTES) return [];
    const block = Buffer.concat(this.#header);
    this.#bodyEnd = await this.#believed(block);
    return this.#endHeader(from);
  }

  /** The header is complete: the message begins, unless it is none. */
  #endHeader(from: Received | null): TransferPiece[] {
    const status = foreignStatus(Buffer.concat(this.#header));
    this.#header = [];
    this.#headerLength = 0;
    if (status.gone) {
      this.#state = { kind: 'dropped' };
      return [];
    }
    const pieces = this.#begin(from, status, null);
    return [...pieces, ...this.#emit(toCrlf(status.header, 0))];
  }

  #begin(received: Received | null, status: Pick<MessagePiece, 'flags' | 'keywords'>, own: OwnStatus | null) {
    this.#state = { kind: 'body' };
    this.#own = own;
    const { flags, keywords } = status;
    const where = `${this.#source.where}, message ${this.#count}`;
    const message: TransferPiece = { kind: 'message', where, flags, keywords, received, fileDate: null };
    // In a file of ours each message names its folder, spelled as it was.
    return own === null ? [message] : [{ kind: 'folder', path: own.folder, special: '' } as const, message];
  }

  #bodyLine(bytes: Buffer, first: boolean): TransferPiece[] {
    const pieces: TransferPiece[] = [];
    if (this.#empty !== null) pieces.push(...this.#take(this.#empty));
    this.#empty = null;
    if (first && isEmpty(bytes)) this.#empty = Buffer.from(bytes);
    else pieces.push(...this.#take(first ? unquote(bytes) : bytes));
    return pieces;
  }

  /** A line that is certainly of the message. */
  #take(line: Buffer): TransferPiece[] {
    if (this.#own?.open !== true) return this.#convert(line);
    const last = this.#last;
    this.#last = Buffer.from(line);
    return last === null ? [] : this.#convert(last);
  }

  #convert(line: Buffer): TransferPiece[] {
    const bytes = this.#own?.raw ? line : toCrlf(line, this.#lastByte);
    this.#lastByte = line[line.length - 1] ?? 0;
    return this.#emit(bytes);
  }

  #emit(bytes: Buffer): TransferPiece[] {
    this.#out.push(Buffer.from(bytes));
    this.#outLength += bytes.length;
    return this.#outLength < PIECE ? [] : this.#flush();
  }

  #flush(): TransferPiece[] {
    const bytes = Buffer.concat(this.#out);
    this.#out = [];
    this.#outLength = 0;
    return bytes.length === 0 ? [] : [bytes];
  }

  /** The end of the message in hand; the empty line before a separator is not part of it. */
  #finish(): TransferPiece[] {
    const pieces: TransferPiece[] = [];
    const { kind } = this.#state;
    if (this.#state.kind === 'own') {
      pieces.push(...this.#begin(this.#state.status.received, this.#state.status, this.#state.status));
    } else if (this.#state.kind === 'first' || this.#state.kind === 'header') {
      pieces.push(...this.#endHeader(this.#state.from));
    }
    if (this.#last !== null) {
      // The line end that the writer had to add.
      const line = this.#last;
      pieces.push(...this.#convert(line[line.length - 1] === 10 ? line.subarray(0, -1) : line));
    }
    if (kind !== 'start' && this.#state.kind === 'body') pieces.push(...this.#flush(), { kind: 'end' });
    this.#empty = this.#last = this.#own = null;
    this.#lastByte = 0;
    return pieces;
  }

  /** Where a Content-Length that is right says that the body ends; else here, which is nowhere. */
  async #believed(header: Buffer): Promise<number> {
    const match = /^content-length:[ \t]*(\d{1,12})[ \t]*\r?$/im.exec(header.toString('latin1'));
    if (match === null || this.#source.at === undefined) return 0;
    const end = this.#position + Number(match[1]);
    // From the byte before it, so that the end of the file can be told from a place beyond.
    const there = (await this.#source.at(end - 1, 64)).toString('latin1');
    return /^[\s\S](\r?\n){0,2}(From |$)/.test(there) ? end : 0;
  }
}

function isEmpty(line: Buffer): boolean {
  return line[0] === 10 || (line[0] === 13 && line[1] === 10);
}
