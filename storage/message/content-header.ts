// What a part's header says of its content (RFC 2045, 2183), as facts for the reader and as the texts that stand in
// BODYSTRUCTURE (RFC 9051 7.5.2). Text is one character per byte.

import { decodeRaw, hasEightBit } from './charset.ts';
import { fromLatin1, trim } from './headers.ts';
import { isRawUtf8, nstring, quoted } from './imap-string.ts';
import { type Parameter, parameter, parseParameters } from './parameters.ts';
import type { PartHeader } from './part-header.ts';

export interface ContentHeader {
  readonly type: string;
  readonly subtype: string;
  readonly boundary: string;
  readonly charset: string;
  readonly disposition: string;
  /** Has a name of its own, in either field. */
  readonly named: boolean;
  readonly contentId: boolean;
  /** smime-type (RFC 8551 3.2.2). */
  readonly smimeType: string;
  readonly texts: ContentTexts;
}

/** Pieces of BODYSTRUCTURE, in final form. */
export interface ContentTexts {
  readonly type: string;
  readonly subtype: string;
  readonly parameters: string;
  readonly id: string;
  readonly description: string;
  readonly encoding: string;
  readonly md5: string;
  readonly disposition: string;
  readonly language: string;
  readonly location: string;
}

/** A part without any header of its own. */
export const PLAIN_TEXTS: ContentTexts = {
  type: '"text"',
  subtype: '"plain"',
  parameters: '("charset" "us-ascii")',
  id: 'NIL',
  description: 'NIL',
  encoding: '"7bit"',
  md5: 'NIL',
  disposition: 'NIL',
  language: 'NIL',
  location: 'NIL',
};

const TYPE = /^([^\s/"(),:;<=>?@[\\\]]+)\s*\/\s*([^\s/"(),:;<=>?@[\\\]]+)/;

/** RFC 2045 5.2: what can't be understood is text/plain; a bare `text` is meant as that too. */
function mediaType(value: string | undefined, digest: boolean): { type: string; subtype: string; known: boolean } {
  const match = TYPE.exec(value ?? '');
  if (match !== null) return { type: match[1] ?? '', subtype: match[2] ?? '', known: true };
  if (value === undefined || value === '') {
    // RFC 2046 5.1.5: in a digest the default is another.
    if (digest) return { type: 'message', subtype: 'rfc822', known: false };
    return { type: 'text', subtype: 'plain', known: false };
  }
  return { type: 'text', subtype: 'plain', known: true };
}

/**
 * Reads the content fields. `digest`: the part is in a multipart/digest. `utf8`: its texts keep the UTF-8 of the header
 * (imap-string.ts).
 */
export function contentHeader({ values }: PartHeader, digest: boolean, utf8 = false): ContentHeader {
  const contentType = values.get('content-type');
  const read = contentType === undefined ? undefined : parseParameters(contentType);
  const media = mediaType(read?.value, digest);
  const parameters = read?.parameters ?? [];
  const dispositionValue = values.get('content-disposition');
  const disposition = dispositionValue === undefined ? undefined : parseParameters(dispositionValue);
  const charset = parameter(parameters, 'charset') ?? '';
  const list = (some: readonly Parameter[]) => parameterList(some, charset, utf8);
  const text = (name: string) => nstring(values.get(name), charset, utf8);
  const dispositionType = disposition?.value.replace(/\s.*$/, '') ?? '';
  return {
    type: media.type,
    subtype: media.subtype,
    boundary: parameter(parameters, 'boundary') ?? '',
    charset,
    disposition: dispositionType,
    named: isNamed(parameters, 'name') || isNamed(disposition?.parameters ?? [], 'filename'),
    contentId: values.has('content-id'),
    smimeType: (parameter(parameters, 'smime-type') ?? '').toLowerCase(),
    texts: {
      type: quoted(media.type, charset),
      subtype: quoted(media.subtype, charset),
      parameters: list(media.type.toLowerCase() === 'text' ? withCharset(parameters) : parameters),
      id: text('content-id'),
      description: text('content-description'),
      encoding: encodingText(values.get('content-transfer-encoding')),
      md5: text('content-md5'),
      disposition:
        disposition === undefined || dispositionType === ''
          ? 'NIL'
          : `(${quoted(dispositionType, charset)} ${list(disposition.parameters)})`,
      language: languages(values.get('content-language')),
      location: nstring(values.get('content-location')?.replace(/\s+/g, ''), charset, utf8),
    },
  };
}

/** RFC 2045 5.2, RFC 2046 4.1.2: text that names no charset is in US-ASCII, and BODYSTRUCTURE says so. */
function withCharset(parameters: readonly Parameter[]): readonly Parameter[] {
  return isNamed(parameters, 'charset') ? parameters : [...parameters, { name: 'charset', value: 'us-ascii' }];
}

function isNamed(parameters: readonly Parameter[], name: string): boolean {
  for (const { name: own } of parameters) {
    if (own.startsWith(name) && (own.length === name.length || own[name.length] === '*')) return true;
  }
  return false;
}

/** As they are nearly always written. */
const ENCODINGS: ReadonlyMap<string, string> = new Map([
  ['', '"7bit"'],
  ...['7bit', '8bit', 'base64', 'quoted-printable'].map((name) => [name, `"${name}"`] as const),
]);

/** RFC 2045 6.1: absent is 7bit. */
function encodingText(value = ''): string {
  const known = ENCODINGS.get(value);
  if (known !== undefined) return known;
  const word = /^[^\s;,("]+/.exec(trim(value))?.[0] ?? '7bit';
  return quoted(word.toLowerCase(), '');
}

/** `("name" "value" ...)`, or NIL; never an empty list. Names and values stand as they were written. */
function parameterList(parameters: readonly Parameter[], charset: string, utf8: boolean): string {
  if (parameters.length === 0) return 'NIL';
  let text = '';
  for (const one of parameters) text += `${text === '' ? '(' : ' '}${parameterText(one, charset, utf8)}`;
  return `${text})`;
}

/** A value with raw 8-bit bytes is written as RFC 2231 would have it, unless UTF-8 may stay. */
function parameterText({ name, value }: Parameter, charset: string, utf8: boolean): string {
  if (!hasEightBit(value)) return `${quoted(name, charset)} ${quoted(value, charset)}`;
  if (utf8 && isRawUtf8(value)) return `${quoted(name, charset, utf8)} ${quoted(value, charset, utf8)}`;
  if (name.includes('*')) return `${quoted(name, charset)} "${percentEncode(fromLatin1(value), /[\x21-\x7e]/)}"`;
  const bytes = Buffer.from(decodeRaw(value, charset), 'utf8');
  return `${quoted(`${name}*`, charset)} "utf-8''${percentEncode(bytes, /[A-Za-z0-9!#$&+.^_`{|}~-]/)}"`;
}

/** RFC 2231 7: what is no attribute-char becomes %XX (as do the two that a quoted string would escape). */
function percentEncode(bytes: Uint8Array, kept: RegExp): string {
  let text = '';
  for (const byte of bytes) {
    const character = String.fromCharCode(byte);
    text +=
      kept.test(character) && character !== '"' && character !== '\\'
        ? character
        : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
  }
  return text;
}

/** RFC 3282: a comma-separated list. */
function languages(value: string | undefined): string {
  if (value === undefined) return 'NIL';
  const tags = value
    .split(',')
    .map((tag) => trim(tag.replace(/\([^()]*\)?/g, '')))
    .filter((tag) => tag !== '');
  if (tags.length === 0) return 'NIL';
  return `(${tags.map((tag) => quoted(tag, '')).join(' ')})`;
}
