// Reads an mbox file: mboxo, mboxrd, mboxcl and mboxcl2, with LF or CRLF, and exactly what we wrote ourselves.
//
// Messages are separated by "From " lines with a date, after an empty line; one without a date is text. A
// Content-Length is believed only if a separator or the end of the file stands where it points.

import type { SpecialUse } from '#storage/ports.ts';
import { LineSplitter, toCrlf } from './lines.ts';
import { separator, unquote } from './mbox-lines.ts';
import { foreignStatus, type OwnStatus, parseOwnHeader } from './mbox-status.ts';
import type { MessagePiece, Received, TransferPiece } from './pieces.ts';

/** A header block that is longer is taken for body. */
const HEADER_BYTES = 256 * 1024;

const LF = 10;

/** Bytes gathered before they go on. */
const PIECE = 64 * 1024;

export interface MboxSource {
  /** What to call it in reports. */
  readonly where: string;
  readonly bytes: AsyncIterable<Uint8Array>;
  /** The folder of messages that don't say it themselves. */
  readonly folder: { readonly path: readonly string[]; readonly special: SpecialUse };
  /** Reads some bytes at a position; undefined where the source can't. */
  readonly at?: (position: number, length: number) => Buffer;
}

/** The folder and the messages of an mbox file. */
export async function* readMbox(source: MboxSource): AsyncGenerator<TransferPiece, void> {
  yield { kind: 'folder', ...source.folder };
  const reader = new MboxReader(source);
  const splitter = new LineSplitter();
  for await (const chunk of source.bytes) {
    for (const { bytes, first } of splitter.add(chunk)) reader.line(bytes, first);
    yield* reader.take();
  }
  for (const { bytes, first } of splitter.end()) reader.line(bytes, first);
  reader.end();
  yield* reader.take();
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

/** Fed line by line; what comes of them is taken chunk by chunk. */
class MboxReader {
  readonly #source: MboxSource;
  #pieces: TransferPiece[] = [];
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

  /** What has come of the lines since the last time. */
  take(): TransferPiece[] {
    const pieces = this.#pieces;
    this.#pieces = [];
    return pieces;
  }

  /** A line, or a further part of a long one. */
  line(bytes: Buffer, first: boolean): void {
    const from = first && this.#previousEmpty && this.#position >= this.#bodyEnd ? separator(bytes) : null;
    const isSeparator = from !== null && (from !== 'undated' || this.#state.kind === 'start');
    this.#position += bytes.length;
    this.#previousEmpty = first && isEmpty(bytes);
    if (!isSeparator) {
      this.#content(bytes, first);
      return;
    }
    this.end();
    this.#count++;
    this.#state = { kind: 'first', from: from === 'undated' ? null : from };
  }

  /** The end of the message in hand; the empty line before a separator is not part of it. */
  end(): void {
    const state = this.#state;
    if (state.kind === 'own') this.#begin(state.status.received, state.status, state.status);
    else if (state.kind === 'first' || state.kind === 'header') this.#endHeader(state.from);
    if (this.#last !== null) {
      // The line end that the writer had to add.
      const line = this.#last;
      this.#convert(line[line.length - 1] === LF ? line.subarray(0, -1) : line);
    }
    if (this.#state.kind === 'body') {
      this.#flush();
      this.#pieces.push({ kind: 'end' });
    }
    this.#empty = this.#last = this.#own = null;
    this.#lastByte = 0;
  }

  #content(bytes: Buffer, first: boolean): void {
    const state = this.#state;
    switch (state.kind) {
      case 'start':
        if (isEmpty(bytes)) return;
        this.#state = { kind: 'dropped' };
        this.#pieces.push({
          kind: 'problem',
          where: this.#source.where,
          reason: 'what stands before the first message is no mail',
        });
        return;
      case 'first': {
        const own = parseOwnHeader(bytes);
        if (own === null) this.#headerLine(bytes, state.from);
        else this.#state = { kind: 'own', status: own, left: own.lines };
        return;
      }
      case 'own':
        if (state.left-- > 0) return;
        this.#begin(state.status.received, state.status, state.status);
        this.#bodyLine(bytes, first);
        return;
      case 'header':
        this.#headerLine(bytes, state.from);
        return;
      case 'body':
        this.#bodyLine(bytes, first);
        return;
      case 'dropped':
    }
  }

  #headerLine(bytes: Buffer, from: Received | null): void {
    this.#state = { kind: 'header', from };
    this.#header.push(Buffer.from(bytes));
    this.#headerLength += bytes.length;
    if (!isEmpty(bytes) && this.#headerLength <= HEADER_BYTES) return;
    this.#bodyEnd = this.#believed(Buffer.concat(this.#header));
    this.#endHeader(from);
  }

  /** The header is complete: the message begins, unless it is none. */
  #endHeader(from: Received | null): void {
    const status = foreignStatus(Buffer.concat(this.#header));
    this.#header = [];
    this.#headerLength = 0;
    if (status.gone) {
      this.#state = { kind: 'dropped' };
      return;
    }
    this.#begin(from, status, null);
    this.#emit(toCrlf(status.header, 0));
  }

  #begin(received: Received | null, status: Pick<MessagePiece, 'flags' | 'keywords'>, own: OwnStatus | null): void {
    this.#state = { kind: 'body' };
    this.#own = own;
    const { flags, keywords } = status;
    const where = `${this.#source.where}, message ${this.#count}`;
    // In a file of ours each message names its folder, spelled as it was.
    if (own !== null) this.#pieces.push({ kind: 'folder', path: own.folder, special: '' });
    this.#pieces.push({ kind: 'message', where, flags, keywords, received, fileDate: null });
  }

  #bodyLine(bytes: Buffer, first: boolean): void {
    if (this.#empty !== null) this.#keep(this.#empty);
    this.#empty = null;
    if (first && isEmpty(bytes)) this.#empty = Buffer.from(bytes);
    else this.#keep(first ? unquote(bytes) : bytes);
  }

  /** A line that is certainly of the message. */
  #keep(line: Buffer): void {
    if (this.#own?.open !== true) {
      this.#convert(line);
      return;
    }
    if (this.#last !== null) this.#convert(this.#last);
    this.#last = Buffer.from(line);
  }

  #convert(line: Buffer): void {
    const bytes = this.#own?.raw ? line : toCrlf(line, this.#lastByte);
    this.#lastByte = line[line.length - 1] ?? 0;
    this.#emit(bytes);
  }

  /** Gathered until it is worth a piece; the line's own buffer may be the source's. */
  #emit(bytes: Buffer): void {
    this.#out.push(bytes);
    this.#outLength += bytes.length;
    if (this.#outLength >= PIECE) this.#flush();
  }

  #flush(): void {
    if (this.#outLength > 0) this.#pieces.push(Buffer.concat(this.#out));
    this.#out = [];
    this.#outLength = 0;
  }

  /** Where a Content-Length that is right says that the body ends; else here, which is nowhere. */
  #believed(header: Buffer): number {
    const match = /^content-length:[ \t]*(\d{1,12})[ \t]*\r?$/im.exec(header.toString('latin1'));
    if (match === null || this.#source.at === undefined) return 0;
    const end = this.#position + Number(match[1]);
    // From the byte before it, so that the end of the file can be told from a place beyond.
    const there = this.#source.at(end - 1, 64).toString('latin1');
    return /^[\s\S](\r?\n){0,2}(From |$)/.test(there) ? end : 0;
  }
}

function isEmpty(line: Buffer): boolean {
  return line[0] === LF || (line[0] === 13 && line[1] === LF);
}
