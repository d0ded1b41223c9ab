// The first characters of a message's text (RFC 8970): of its first text/plain that is no attachment, else of its HTML.

import { isAscii } from 'node:buffer';
import { asciiIn, decodeText } from './charset.ts';
import { Collector } from './collector.ts';
import type { ContentHeader } from './content-header.ts';
import { latin1 } from './headers.ts';
import { htmlToText } from './html.ts';
import { PREVIEW_CHARACTERS, PREVIEW_HTML_BYTES, PREVIEW_TEXT_BYTES } from './limits.ts';
import { transferDecoding } from './transfer.ts';

/** Bytes of ASCII that are read first, and what they may be encoded in. */
const ENOUGH = 2 * PREVIEW_CHARACTERS;
const ENOUGH_RAW = 3 * ENOUGH;

const SPACE = 32;

/** The beginning of a text as it stands in the message. */
interface Beginning {
  readonly bytes: Collector;
  readonly encoding: string;
  readonly charset: string;
}

/** Collects the beginnings of texts while a message streams by. */
export class PreviewSource {
  #plain: Beginning | undefined;
  #html: Beginning | undefined;
  #preamble: Beginning | undefined;

  /** The charset of the first text, or ''. */
  get charset(): string {
    return (this.#plain ?? this.#html)?.charset ?? '';
  }

  /** Where a part's bytes go, if the preview may need them. */
  sink(content: ContentHeader, nested: boolean): Collector | undefined {
    if (nested || content.type !== 'text' || content.disposition === 'attachment') return undefined;
    const encoding = content.texts.encoding.slice(1, -1);
    const begin = (limit: number) => ({ bytes: new Collector(limit), encoding, charset: content.charset });
    if (content.subtype === 'html') {
      if (this.#html !== undefined) return undefined;
      this.#html = begin(PREVIEW_HTML_BYTES);
      return this.#html.bytes;
    }
    if (content.subtype !== 'plain' || this.#plain !== undefined) return undefined;
    this.#plain = begin(PREVIEW_TEXT_BYTES);
    return this.#plain.bytes;
  }

  /** Where the bytes before a multipart's first part go: they are all there is if no part comes. */
  preamble(): Collector {
    this.#preamble = { bytes: new Collector(PREVIEW_TEXT_BYTES), encoding: '7bit', charset: '' };
    return this.#preamble.bytes;
  }

  text(): string {
    const plain = this.#plain === undefined ? '' : beginning(this.#plain);
    if (plain !== '') return plain;
    const html = this.#html === undefined ? '' : fold(htmlToText(decodeText(decoded(this.#html), this.#html.charset)));
    if (html !== '' || this.#plain !== undefined || this.#html !== undefined) return html;
    return this.#preamble === undefined ? '' : beginning(this.#preamble);
  }
}

function decoded({ bytes, encoding }: Beginning, most = bytes.length): Uint8Array {
  return transferDecoding(encoding).decode(bytes.bytes().subarray(0, most));
}

/** Of text that begins with ASCII, as most does, twice what is shown is enough as a rule. */
function beginning(text: Beginning): string {
  if (asciiIn(text.charset) !== 'unknown') {
    const first = decoded(text, ENOUGH_RAW).subarray(0, ENOUGH);
    if (first.length === ENOUGH && isAscii(first)) {
      const folded = fold(latin1(first));
      // No byte after it changes what was read, whatever else the charset has.
      if (folded.length === PREVIEW_CHARACTERS) return folded;
    }
  }
  return fold(decodeText(decoded(text), text.charset));
}

/** White space and control characters, however many, are one space. */
function fold(text: string): string {
  let folded = '';
  let count = 0;
  for (let at = 0; at < text.length && count < PREVIEW_CHARACTERS; ) {
    if (isSpace(text.charCodeAt(at))) {
      at++;
      continue;
    }
    if (folded !== '') {
      folded += ' ';
      count++;
    }
    const start = at;
    while (at < text.length && count < PREVIEW_CHARACTERS) {
      const code = text.codePointAt(at) ?? 0;
      // A single space stands in what is taken at once: words are put together only where lines end.
      if (isSpace(code) && (code !== SPACE || isSpace(text.charCodeAt(at + 1)) || at + 1 >= text.length)) break;
      at += code > 0xffff ? 2 : 1;
      count++;
    }
    folded += text.slice(start, at);
  }
  return folded.trimEnd();
}

/** Also the characters without width that fill the hidden beginning of advertisements. */
function isSpace(code: number): boolean {
  if (code <= 32) return true;
  if (code < 0x7f) return false;
  return (
    code <= 0xa0 ||
    code === 0xad ||
    code === 0x34f ||
    code === 0xfeff ||
    code === 0xfffd ||
    (code >= 0x2000 && code <= 0x200f) ||
    code === 0x2028 ||
    code === 0x2029 ||
    code === 0x202f ||
    code === 0x3000
  );
}
