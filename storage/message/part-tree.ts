// The tree of parts while a message streams by: what an empty line and a boundary line mean where they stand (RFC 2046
// 5.1), and what is kept of each part. Broken structure never fails: what is missing is taken as ended where the next
// thing begins.

import { isAscii, isUtf8 } from 'node:buffer';
import { Collector } from './collector.ts';
import { type ContentHeader, type ContentTexts, contentHeader, PLAIN_TEXTS } from './content-header.ts';
import { ancestors, EMPTY_ENVELOPE, envelope, headerTraits, messageId, references, sentDate } from './envelope.ts';
import { trim } from './headers.ts';
import { BOUNDARY_BYTES, DEPTH, HEADER_BYTES, PART_HEADER_BYTES, PARTS, STRUCTURE_CHARACTERS } from './limits.ts';
import { type PartHeader, readPartHeader } from './part-header.ts';
import { PreviewSource } from './preview.ts';
import { type ScannedMessage, Trait } from './scanned.ts';
import { type ScannedPart, structureText } from './structure-text.ts';
import { partTraits } from './traits.ts';

const LF = 10;
const CR = 13;
const DASH = 45;

/** `match`: a line like any other. */
export const NO_MATCH = -1;
/** `match`: the empty line after a header block. Other values are 2 * (index in the stack), + 1 for a closing one. */
const END_OF_HEADER = -2;

/** A part that has begun and not ended. */
interface Open {
  readonly part: ScannedPart;
  /** The line that separates its parts, without dashes; undefined if it has none, or none any more. */
  boundary: Buffer | undefined;
  /** Its parts are messages by default (RFC 2046 5.1.5). */
  digest: boolean;
  /** Inside a message/rfc822. */
  readonly nested: boolean;
  /** `lines` where its body began. */
  linesBefore: number;
}

/** Grows while the scanner passes bytes and tells of lines that matter. */
export class PartTree {
  /** Line ends seen; exact while `watchesLines`. */
  lines = 0;
  /** Boundaries that a line may match. */
  boundaries = 0;
  /** Every line is to be looked at: in a header block, and where lines are counted. */
  watchesLines = true;
  /** Bytes of the message's header block, once its end was seen. */
  headerLength: number | undefined;

  readonly #root = newPart(0);
  readonly #open: Open[] = [{ part: this.#root, boundary: undefined, digest: false, nested: false, linesBefore: 0 }];
  /** The header block being read. */
  #header: Collector | undefined = new Collector(HEADER_BYTES);
  /** Open message/rfc822 parts: their lines are counted, whatever is in them. */
  #messages = 0;
  #parts = 1;
  #characters = 0;
  #traits = 0;
  #rootHeader: PartHeader | undefined;
  #rootCharset = '';
  readonly #preview = new PreviewSource();
  readonly #utf8: boolean;
  /** Where the bytes that pass are collected for the preview. */
  #sink: Collector | undefined;

  /** `utf8`: the texts for IMAP keep the UTF-8 of headers (imap-string.ts). */
  constructor(utf8 = false) {
    this.#utf8 = utf8;
  }

  /** Takes bytes of lines that do not matter. */
  pass(bytes: Buffer, start: number, end: number): void {
    if (start >= end) return;
    if (this.#header !== undefined) this.#header.add(bytes.subarray(start, end));
    else if (this.#sink !== undefined) {
      this.#sink.add(bytes.subarray(start, end));
      if (this.#sink.full) this.#sink = undefined;
    }
  }

  /** May a line that begins with this byte matter? */
  mayMatter(first: number): boolean {
    if (first === DASH) return this.boundaries > 0;
    return this.#header !== undefined && (first === LF || first === CR);
  }

  /** What a line [start, end), its line end included, means here. */
  match(bytes: Buffer, start: number, end: number): number {
    if (bytes[start] !== DASH) {
      let at = start;
      while (at < end && bytes[at] === CR) at++;
      return this.#header !== undefined && at === end - 1 && bytes[at] === LF ? END_OF_HEADER : NO_MATCH;
    }
    return bytes[start + 1] === DASH ? this.#matchBoundary(bytes, start + 2, end) : NO_MATCH;
  }

  /** RFC 2046 5.1.1: a boundary may be padded with white space; the innermost that fits is meant. */
  #matchBoundary(bytes: Buffer, start: number, lineEnd: number): number {
    let end = lineEnd;
    while (end > start && isPadding(bytes[end - 1] ?? 0)) end--;
    const length = end - start;
    const closing = length > 2 && bytes[end - 1] === DASH && bytes[end - 2] === DASH;
    for (let index = this.#open.length - 1; index >= 0; index--) {
      const boundary = this.#open[index]?.boundary;
      if (boundary === undefined || boundary[0] !== bytes[start]) continue;
      const isOpening = length === boundary.length;
      if (!isOpening && !(closing && length === boundary.length + 2)) continue;
      if (bytes.compare(boundary, 0, boundary.length, start, start + boundary.length) === 0) {
        return index * 2 + (isOpening ? 0 : 1);
      }
    }
    return NO_MATCH;
  }

  /** Deals with a line that matters: it is [start, end) in the message, `before` bytes of line end come before it. */
  apply(match: number, start: number, end: number, before: number, complete: boolean): void {
    if (match === END_OF_HEADER) {
      this.lines++;
      this.endHeader(end);
      return;
    }
    const index = match >> 1;
    // RFC 2046 5.1.1: the line end before a boundary belongs to it.
    this.#closeAbove(index, start, before);
    if (complete) this.lines++;
    const container = this.#open[index];
    if (container === undefined) return;
    if ((match & 1) === 1) {
      container.boundary = undefined;
      this.boundaries--;
      this.#watch();
    } else {
      this.#beginPart(container, end);
    }
  }

  /** The header block of the innermost part is over; its body begins here. */
  endHeader(at: number): void {
    const open = this.#open.at(-1);
    if (open === undefined) return;
    open.part.body = at;
    open.linesBefore = this.lines;
    const content = this.#readHeader(open);
    this.#sink = undefined;
    if (open.part.kind === 'multipart') this.#beginMultipart(open, content);
    else if (open.part.kind === 'message') this.#beginMessage(at);
    else this.#sink = this.#preview.sink(content, open.nested);
    this.#watch();
  }

  #watch(): void {
    const part = this.#open.at(-1)?.part;
    const counted = part?.kind === 'text' || (part?.kind === 'multipart' && part.children.length === 0);
    this.watchesLines = this.#header !== undefined || this.#messages > 0 || counted;
  }

  /** Reads the collected header block into the part. */
  #readHeader(open: Open): ContentHeader {
    const bytes = this.#header?.bytes() ?? Buffer.alloc(0);
    this.#header = undefined;
    const { part } = open;
    const header = readPartHeader(bytes.toString('latin1'));
    const parent = this.#open.at(-2);
    const content = contentHeader(header, parent?.digest ?? false, this.#utf8);
    if (!isAscii(bytes) && isUtf8(bytes)) this.#traits |= Trait.utf8;
    if (!open.nested) this.#traits |= partTraits(content, header);
    const isRoot = part === this.#root;
    if (isRoot) {
      this.headerLength = part.body;
      this.#rootHeader = header;
      this.#rootCharset = content.charset;
      this.#traits |= headerTraits(header);
    }
    this.#describe(part, content);
    if (parent?.part.kind === 'message') {
      part.envelope =
        this.#characters > STRUCTURE_CHARACTERS ? EMPTY_ENVELOPE : envelope(header, content.charset, this.#utf8);
      this.#characters += part.envelope.length;
    }
    return content;
  }

  #describe(part: ScannedPart, content: ContentHeader): void {
    part.kind = kindOf(content);
    part.texts = content.texts;
    const composite = part.kind === 'multipart' || part.kind === 'message';
    const { texts } = content;
    this.#characters += charactersOf(texts);
    if (composite && (this.#open.length > DEPTH || this.#parts >= PARTS)) {
      // Too deep, or too many: one opaque part.
      part.kind = 'basic';
      part.texts = { ...texts, type: '"application"', subtype: '"octet-stream"', parameters: 'NIL' };
    }
    if (this.#characters > STRUCTURE_CHARACTERS) part.texts = shortened(part.kind, part.texts);
  }

  #beginMultipart(open: Open, content: ContentHeader): void {
    const boundary = Buffer.from(trim(content.boundary).slice(0, BOUNDARY_BYTES), 'latin1');
    if (boundary.length > 0) {
      open.boundary = boundary;
      this.boundaries++;
    }
    open.digest = content.subtype === 'digest';
    // Shown if no part ever comes.
    if (open.part === this.#root) this.#sink = this.#preview.preamble();
  }

  /** A message/rfc822: its message begins with its header block. */
  #beginMessage(at: number): void {
    const holder = this.#open.at(-1);
    if (holder === undefined) return;
    this.#messages++;
    this.#begin(holder, at, true);
  }

  #begin(parent: Open, at: number, nested: boolean): void {
    const part = newPart(at);
    parent.part.children.push(part);
    this.#parts++;
    this.#open.push({ part, boundary: undefined, digest: false, nested, linesBefore: this.lines });
    this.#header = new Collector(PART_HEADER_BYTES);
    this.#sink = undefined;
    this.#watch();
  }

  /** A part of a multipart; from the last one that is counted on, boundaries mean nothing. */
  #beginPart(container: Open, at: number): void {
    this.#begin(container, at, container.nested);
    if (this.#parts < PARTS) return;
    for (const open of this.#open) open.boundary = undefined;
    this.boundaries = 0;
  }

  /** Ends every part inside this one, at a boundary line that starts at `start`. */
  #closeAbove(index: number, start: number, before: number): void {
    if (this.#header !== undefined) this.#endUnfinishedHeader(start);
    while (this.#open.length > index + 1) {
      const open = this.#open.pop();
      if (open !== undefined) this.#close(open, start, before);
    }
    this.#sink = undefined;
  }

  /** A header block that no empty line ends: the part has no body. */
  #endUnfinishedHeader(at: number): void {
    this.endHeader(at);
    // A message in it has a header block to end, too.
    if (this.#header !== undefined) this.#endUnfinishedHeader(at);
  }

  #close(open: Open, start: number, before: number): void {
    const { part } = open;
    // An empty last part ends with the line end that ends its header block: that is inside this one, too.
    const least = part.children.at(-1)?.end ?? part.body;
    const trimmed = start - before >= least;
    part.end = trimmed ? start - before : least;
    part.lines = Math.max(0, this.lines - open.linesBefore - (trimmed && before > 0 ? 1 : 0));
    if (open.boundary !== undefined) this.boundaries--;
    if (part.kind === 'message') this.#messages--;
    if (part.kind === 'multipart' && part.children.length === 0) part.children.push(wholeBody(part));
  }

  /** The message is over. */
  finish(size: number, openEnd: boolean): ScannedMessage {
    this.#closeAbove(-1, size, 0);
    const header = this.#rootHeader ?? readPartHeader('');
    const fallback = this.#rootCharset === '' ? this.#preview.charset : this.#rootCharset;
    return {
      size,
      headerLength: this.headerLength ?? size,
      envelope: envelope(header, fallback, this.#utf8),
      structure: structureText(this.#root),
      preview: this.#preview.text(),
      sent: sentDate(header),
      messageId: messageId(header),
      references: references(header),
      ancestors: ancestors(header),
      traits: this.#traits | (openEnd ? Trait.openEnd : 0),
    };
  }
}

function newPart(at: number): ScannedPart {
  return {
    kind: 'text',
    header: at,
    body: at,
    end: at,
    lines: 0,
    texts: PLAIN_TEXTS,
    children: [],
    envelope: EMPTY_ENVELOPE,
  };
}

/** A multipart without parts is shown as one text that is all of it (BODYSTRUCTURE can't have an empty multipart). */
function wholeBody(part: ScannedPart): ScannedPart {
  return { ...newPart(part.body), end: part.end, lines: part.lines };
}

function kindOf({ type, subtype }: ContentHeader): ScannedPart['kind'] {
  if (type === 'multipart' || type === 'text') return type;
  return type === 'message' && (subtype === 'rfc822' || subtype === 'global') ? 'message' : 'basic';
}

/** Each by its name: over any keys it would take longer than all the rest of a part's description. */
function charactersOf(texts: ContentTexts): number {
  const { type, subtype, parameters, id, description, encoding, md5, disposition, language, location } = texts;
  const first = type.length + subtype.length + parameters.length + id.length + description.length;
  return first + encoding.length + md5.length + disposition.length + language.length + location.length;
}

/** The least that BODYSTRUCTURE needs. */
function shortened(kind: ScannedPart['kind'], texts: ScannedPart['texts']): ScannedPart['texts'] {
  const short = (text: string, instead: string) => (text.length > 64 ? instead : text);
  return {
    ...PLAIN_TEXTS,
    parameters: 'NIL',
    type: kind === 'basic' ? short(texts.type, '"application"') : texts.type,
    subtype: kind === 'message' ? texts.subtype : short(texts.subtype, kind === 'text' ? '"plain"' : '"mixed"'),
    encoding: short(texts.encoding, '"7bit"'),
  };
}

function isPadding(byte: number): boolean {
  return byte === 32 || byte === 9 || byte === CR || byte === LF;
}
