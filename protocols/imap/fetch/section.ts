// The bytes of one section of a message: where they are, by the offsets found at append, and how they are sent.

import type { Connection } from '#protocols/net/connection.ts';
import { StoreError } from '#storage/errors.ts';
import type { ByteForm } from '#storage/message/byte-form.ts';
import { FieldFilter } from '#storage/message/field-filter.ts';
import { type Sections, sections } from '#storage/message/structure.ts';
import type { MessageContent } from '#storage/ports.ts';
import type { SectionItem } from '../grammar/fetch-att.ts';
import { LITERAL_PIECE } from '../limits.ts';
import { decoded, decodedForm, decodedSize, encodingOf } from './binary.ts';

/** A message whose sections are asked for. */
export interface Source {
  readonly content: MessageContent;
  /** Its stored structure; '' when no section needs it. */
  readonly structure: string;
}

/**
 * What stands after a section's label: NIL, a size, a literal, one in pieces that are overwritten when it is written, or
 * a long one that is read as it is sent.
 */
export type SectionData = null | number | Uint8Array | readonly Uint8Array[] | StreamedLiteral;

/** A section item, prepared for many messages. */
export class SectionReader {
  readonly item: SectionItem;
  readonly #name: string;
  readonly #fields: FieldFilter | null;

  constructor(item: SectionItem) {
    this.item = item;
    const text = item.text.startsWith('HEADER') ? 'HEADER' : item.text;
    this.#name = [...item.part, ...(text === 'ALL' ? [] : [text])].join('.');
    this.#fields = item.fields.size === 0 ? null : new FieldFilter(item.fields, item.text === 'HEADER.FIELDS.NOT');
  }

  /** It is made of the message's own header alone. */
  get ofHeader(): boolean {
    return this.#name === 'HEADER' && this.item.form !== 'size';
  }

  /** It is the whole message, whose parts need not be known. */
  get ofWhole(): boolean {
    return this.#name === '';
  }

  /** Its bytes are some of the message's, as they are, wherever its parts begin. */
  get ofBytes(): boolean {
    return this.ofWhole && this.item.form === 'body';
  }

  /** From the bytes of the whole message, where that is possible: they are only looked at. */
  fromWhole(message: Uint8Array): readonly Uint8Array[] {
    return [this.#part(message)];
  }

  /** From the message's header, which is only looked at. */
  readonly fromHeader = (header: Uint8Array): Uint8Array => {
    if (this.#fields !== null) return this.#part(this.#fields.select(header));
    return this.#part(header).slice();
  };

  /**
   * Hands the section to `write` at once, in pieces that are only looked at. False if that can't be, and `from` is to be
   * asked. Errors: those of MessageContent.
   */
  look({ content, structure }: Source, write: (pieces: readonly Uint8Array[]) => void): boolean {
    if (this.#fields !== null || this.item.form !== 'body') return false;
    const place = this.#place(content, structure);
    if (place === undefined) return false;
    const { start, end } = this.#cut(place.start, place.end);
    return content.look(start, end, write);
  }

  #place(content: MessageContent, structure: string): Place | undefined {
    return this.ofWhole ? { start: 0, end: content.size } : locate(sections(structure), this.#name, content);
  }

  /** From the message. Errors: those of MessageContent. */
  async from({ content, structure }: Source): Promise<SectionData> {
    const place = this.#place(content, structure);
    // A part that is not there has no string to give; BINARY.SIZE is a number always (RFC 3516 7).
    if (place === undefined) return this.item.form === 'size' ? 0 : null;
    if (this.#fields !== null) {
      const fields = this.fromHeader(await content.bytes(place.start, place.end));
      return this.item.form === 'size' ? fields.length : fields;
    }
    const encoding = this.item.form === 'body' ? '' : encodingOf(this.item, structure);
    if (encoding !== '') return await this.#decoded(content, place, encoding);
    if (this.item.form === 'size') return place.end - place.start;
    const { start, end } = this.#cut(place.start, place.end);
    if (end - start <= LITERAL_PIECE) return await content.bytes(start, end);
    return await StreamedLiteral.open(content.read(start, end), end - start, this.item.form === 'binary');
  }

  /** What the whole section is once decoded; null where there is nothing to undo. Errors: as `from`. */
  async decodedForm({ content, structure }: Source): Promise<ByteForm | null> {
    const encoding = encodingOf(this.item, structure);
    const place = encoding === '' ? undefined : this.#place(content, structure);
    return place === undefined ? null : await decodedForm(content, place, encoding);
  }

  /** With its transfer encoding undone: what is long is read twice, since a literal's length comes first. */
  async #decoded(content: MessageContent, place: Place, encoding: string): Promise<SectionData> {
    const size = await decodedSize(content, place, encoding);
    if (this.item.form === 'size') return size;
    const { start, end } = this.#cut(0, size);
    const pieces = decoded(content, place, encoding, start, end);
    if (end - start > LITERAL_PIECE) return await StreamedLiteral.open(pieces, end - start, true);
    return end === start ? new Uint8Array(0) : Buffer.concat(await Array.fromAsync(pieces));
  }

  /** What a partial range leaves of it. */
  #part(bytes: Uint8Array): Uint8Array {
    const { start, end } = this.#cut(0, bytes.length);
    return bytes.subarray(start, end);
  }

  /** RFC 9051 6.4.5.1: a partial range past the end is cut off, one that starts there is empty. */
  #cut(start: number, end: number): { start: number; end: number } {
    const { partial } = this.item;
    if (partial === null) return { start, end };
    const from = Math.min(start + partial.offset, end);
    return { start: from, end: Math.min(from + partial.length, end) };
  }
}

/** Bytes [start, end) of a message. */
interface Place {
  readonly start: number;
  readonly end: number;
}

function locate(parts: Sections, name: string, { prefixLength }: MessageContent): Place | undefined {
  const range = parts.range(name);
  if (range === undefined) return undefined;
  return { start: range.prefix ? 0 : prefixLength + range.start, end: prefixLength + range.end };
}

/** A literal that is too long to stand in memory. */
export class StreamedLiteral {
  readonly #pieces: AsyncIterator<Uint8Array>;
  readonly #length: number;
  /** There may be NUL in it (RFC 3516 4.1). */
  readonly #literal8: boolean;
  #piece: IteratorResult<Uint8Array>;

  /** Reads the first piece: what fails here can still be told. */
  static async open(source: AsyncIterable<Uint8Array>, length: number, literal8 = false): Promise<StreamedLiteral> {
    const pieces = source[Symbol.asyncIterator]();
    return new StreamedLiteral(pieces, await pieces.next(), length, literal8);
  }

  private constructor(
    pieces: AsyncIterator<Uint8Array>,
    first: IteratorResult<Uint8Array>,
    length: number,
    literal8: boolean,
  ) {
    this.#literal8 = literal8;
    this.#pieces = pieces;
    this.#piece = first;
    this.#length = length;
  }

  /** In bytes. */
  get length(): number {
    return this.#length;
  }

  /** The bytes, once. Errors: those of MessageContent. */
  async *pieces(): AsyncGenerator<Uint8Array> {
    let left = this.#length;
    try {
      for (; this.#piece.done !== true && left > 0; this.#piece = await this.#pieces.next()) {
        const bytes = this.#piece.value.subarray(0, left);
        left -= bytes.length;
        yield bytes;
      }
    } finally {
      await this.#pieces.return?.();
    }
    if (left > 0) throw new StoreError('unavailable', 'a message is shorter than it was');
  }

  /** Sends it at the peer's pace. */
  async write(connection: Connection): Promise<void> {
    connection.out.text(`${this.#literal8 ? '~' : ''}{${this.#length}}\r\n`);
    let whole = false;
    try {
      for await (const bytes of this.pieces()) {
        connection.out.bytes(bytes);
        if (connection.congested) await connection.drain();
      }
      whole = true;
    } finally {
      // A literal that falls short can't be taken back: the client must not take it for whole.
      if (!whole) connection.destroy();
    }
  }
}
