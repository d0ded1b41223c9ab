// Bytes to Unicode in any charset that mail comes in. Nothing here throws: an unknown charset, or a byte that its
// charset does not know, is guessed or becomes U+FFFD.

import { isAscii, isUtf8 } from 'node:buffer';
import iconv from 'iconv-lite';

/** Decodes a text that comes in pieces. */
export interface TextDecoding {
  decode(bytes: Uint8Array): string;
  /** What was still open at the end. */
  end(): string;
}

/** Labels that say nothing reliable: the bytes are UTF-8 if they can be, else windows-1252. */
const UNRELIABLE = new Set([
  '',
  'us-ascii',
  'ascii',
  'unknown',
  'unknown-8bit',
  'default',
  'x-unknown',
  '8bit',
  '7bit',
  'base64',
  'hex',
]);

/** Names that mail uses and neither TextDecoder nor iconv-lite knows. */
const ALIASES: Readonly<Record<string, string>> = {
  'unicode-1-1-utf-7': 'utf-7',
  'x-utf-7': 'utf-7',
  'x-mac-roman': 'macintosh',
  'cp-850': 'cp850',
  'x-gbk': 'gbk',
  utf8mb4: 'utf-8',
  'utf-8-sig': 'utf-8',
};

/** Charset names are short (RFC 2978 2.3: 40 characters). */
const MAX_LABEL = 64;

function normalise(charset: string): string {
  const label = charset
    .trim()
    .toLowerCase()
    .replace(/^["']|["']$/g, '')
    .slice(0, MAX_LABEL);
  return ALIASES[label] ?? label;
}

/** A decoder for a charset as it is named in mail. */
export function textDecoding(charset: string): TextDecoding {
  const label = normalise(charset);
  if (UNRELIABLE.has(label)) return new Guess();
  try {
    return new Standard(new TextDecoder(label));
  } catch {
    // RangeError: not one of the labels of the Encoding Standard; iconv-lite knows many more (UTF-7, code pages).
    if (label === 'utf-7') return new Whole(label);
    if (iconv.encodingExists(label)) return new Iconv(label);
    return new Guess();
  }
}

/** Charsets in which octets below 128 are ASCII, every one: nearly all mail is in one of them. */
const HOLDS_ASCII = /^(?:utf-8|iso-8859-(?:1|2|15)|windows-125[0-8])$/;

/**
 * What octets below 128 say of a text. 'always': each is that character, and no other octet has a part in it; 'alone': if
 * there are no others, since those settle what the charset is; 'unknown': nothing.
 */
export function asciiIn(charset: string): 'always' | 'alone' | 'unknown' {
  return asciiInLabel(normalise(charset));
}

function asciiInLabel(label: string): 'always' | 'alone' | 'unknown' {
  if (HOLDS_ASCII.test(label)) return 'always';
  return UNRELIABLE.has(label) ? 'alone' : 'unknown';
}

/** For whole texts, between which it keeps nothing: to make one takes longer than to decode a preview. */
const UTF8 = new TextDecoder();

/** Decodes a whole text. */
export function decodeText(bytes: Uint8Array, charset: string): string {
  const label = normalise(charset);
  if (asciiInLabel(label) !== 'unknown' && isAscii(bytes)) {
    return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1');
  }
  if (label === 'utf-8') return UTF8.decode(bytes);
  const decoding = textDecoding(charset);
  return decoding.decode(bytes) + decoding.end();
}

/** Charsets in which an octet below 128 need not be that ASCII character. */
const NOT_ASCII = /^(?:utf-?(?:7|16|32)|unicode-1-1-utf-7|ucs-|iso-10646-ucs-|iso-2022-|hz)/;

/** A text's ASCII characters can be found among its bytes, and others put between them. */
export function isAsciiCompatible(charset: string): boolean {
  return !NOT_ASCII.test(normalise(charset));
}

/** A text in a charset as it is named in mail; null if the charset is unknown, or does not have all of its characters. */
export function encodeText(text: string, charset: string): Uint8Array | null {
  const label = normalise(charset);
  if (/^[\0-\x7f]*$/.test(text) && isAsciiCompatible(label)) return Buffer.from(text, 'latin1');
  if (/^utf-?8$/.test(label)) return Buffer.from(text, 'utf8');
  if (UNRELIABLE.has(label) || !isAsciiCompatible(label) || !iconv.encodingExists(label)) return null;
  const bytes = iconv.encode(text, label);
  return decodeText(bytes, label) === text ? bytes : null;
}

/** Raw bytes (one character per byte) without a declared charset: UTF-8 if they are, else this one, else windows-1252. */
export function decodeRaw(raw: string, fallback: string): string {
  if (!hasEightBit(raw)) return raw;
  const bytes = Buffer.from(raw, 'latin1');
  if (isUtf8(bytes)) return bytes.toString('utf8');
  return decodeText(
    bytes,
    UNRELIABLE.has(normalise(fallback)) || /^utf-?8/i.test(fallback) ? 'windows-1252' : fallback,
  );
}

/** Has any character above 0x7f. */
export function hasEightBit(text: string): boolean {
  for (let at = 0; at < text.length; at++) if (text.charCodeAt(at) > 127) return true;
  return false;
}

class Standard implements TextDecoding {
  readonly #decoder: TextDecoder;

  constructor(decoder: TextDecoder) {
    this.#decoder = decoder;
  }

  decode(bytes: Uint8Array): string {
    return this.#decoder.decode(bytes, { stream: true });
  }

  end(): string {
    return this.#decoder.decode();
  }
}

class Iconv implements TextDecoding {
  readonly #decoder: ReturnType<typeof iconv.getDecoder>;

  constructor(label: string) {
    this.#decoder = iconv.getDecoder(label);
  }

  decode(bytes: Uint8Array): string {
    return this.#decoder.write(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length));
  }

  end(): string {
    return this.#decoder.end() ?? '';
  }
}

/** Bytes of UTF-7 that are decoded at once. */
const WHOLE_BYTES = 1024 * 1024;

/** Of iconv-lite's UTF-7, which loses its state between pieces: a text is decoded at its end. */
class Whole implements TextDecoding {
  readonly #label: string;
  #pieces: Uint8Array[] = [];
  #length = 0;

  constructor(label: string) {
    this.#label = label;
  }

  decode(bytes: Uint8Array): string {
    this.#pieces.push(bytes);
    this.#length += bytes.length;
    return this.#length < WHOLE_BYTES ? '' : this.end();
  }

  end(): string {
    const text = iconv.decode(Buffer.concat(this.#pieces), this.#label);
    this.#pieces = [];
    this.#length = 0;
    return text;
  }
}

/** UTF-8 until a byte shows that it is not; from there on windows-1252. */
class Guess implements TextDecoding {
  #utf8: TextDecoder | undefined = new TextDecoder('utf-8', { fatal: true, ignoreBOM: false });
  readonly #other = new TextDecoder('windows-1252');
  /** The bytes of a character that is not complete yet. */
  #open: Uint8Array = new Uint8Array(0);

  decode(bytes: Uint8Array): string {
    if (this.#utf8 === undefined) return this.#other.decode(bytes, { stream: true });
    try {
      const text = this.#utf8.decode(bytes, { stream: true });
      this.#open = incomplete(bytes, this.#open);
      return text;
    } catch {
      this.#utf8 = undefined;
      return this.#other.decode(Buffer.concat([this.#open, bytes]), { stream: true });
    }
  }

  end(): string {
    if (this.#utf8 === undefined || this.#open.length === 0) return '';
    return this.#other.decode(this.#open);
  }
}

/** The last bytes that begin a UTF-8 character without ending it (at most three). */
function incomplete(bytes: Uint8Array, before: Uint8Array): Uint8Array {
  const tail = bytes.length >= 3 ? bytes.slice(-3) : Buffer.concat([before, bytes]).subarray(-3);
  for (let back = 1; back <= tail.length; back++) {
    const byte = tail[tail.length - back] ?? 0;
    if (byte < 0x80) break;
    if (byte >= 0xc0) {
      const length = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2;
      return length > back ? tail.slice(tail.length - back) : new Uint8Array(0);
    }
  }
  return new Uint8Array(0);
}
