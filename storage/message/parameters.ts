// Content-Type and Content-Disposition values (RFC 2045 5.1, RFC 2183, RFC 2231) as they really come. Text is one
// character per byte.

import { decodeRaw, decodeText } from './charset.ts';
import { trim } from './headers.ts';
import { decodeWords } from './words.ts';

export interface Parameter {
  /** In lower case, with the asterisks of RFC 2231. */
  readonly name: string;
  /** Without quotes and quoted pairs. */
  readonly value: string;
}

export interface ParameterValue {
  /** What stands before the first parameter, in lower case, without comments: `text/plain`, `attachment`. */
  readonly value: string;
  readonly parameters: readonly Parameter[];
}

/** Parameters of one field that are read; more is an attack on memory. */
const MAX_PARAMETERS = 100;

const [QUOTE, SEMICOLON, EQUALS, BACKSLASH] = [34, 59, 61, 92];

/** Reads a value with its parameters; what can't be understood is skipped. */
export function parseParameters(text: string): ParameterValue {
  let at = endOfName(text, 0);
  let value = text.slice(0, at);
  if (text.charCodeAt(at) === EQUALS) {
    // `text/plain charset=x`: a missing semicolon.
    at = value.trimEnd().lastIndexOf(' ');
    value = at > 0 ? value.slice(0, at) : '';
    at = Math.max(0, at);
  }
  // A comment (RFC 2045 5.1) that holds a semicolon is cut; that is not seen in mail.
  if (value.includes('(')) value = value.replace(/\([^()]*\)?/g, ' ');
  return { value: trim(value).toLowerCase(), parameters: readParameters(text, at) };
}

function readParameters(text: string, start: number): Parameter[] {
  const found: Parameter[] = [];
  for (let at = start; at < text.length && found.length < MAX_PARAMETERS; ) {
    while (text.charCodeAt(at) === SEMICOLON || isBlank(text, at)) at++;
    const nameStart = at;
    at = endOfName(text, at);
    if (text.charCodeAt(at) !== EQUALS) continue;
    const name = parameterName(text.slice(nameStart, at));
    at++;
    while (isBlank(text, at)) at++;
    const read = text.charCodeAt(at) === QUOTE ? quotedValue(text, at) : plainValue(text, at);
    at = read.end;
    if (name !== '' && !/\s/.test(name)) found.push({ name, value: read.value });
  }
  return found;
}

/** The first `=` or `;` from here, or the end. */
function endOfName(text: string, start: number): number {
  let at = start;
  for (; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === EQUALS || code === SEMICOLON) break;
  }
  return at;
}

/** White space in the sense of a pattern's \s; false at the end. */
function isBlank(text: string, at: number): boolean {
  const code = text.charCodeAt(at);
  if (code > 32 && code < 127) return false;
  return at < text.length && /\s/.test(text.charAt(at));
}

function parameterName(text: string): string {
  // RFC 2045 5.1: a comment may stand before it.
  const bare = text.includes('(') ? text.replace(/\([^()]*\)/g, ' ') : text;
  return trim(bare).toLowerCase();
}

/** A quoted string; one that never closes ends with the text. Anything between it and the next ';' is skipped. */
function quotedValue(text: string, start: number): { value: string; end: number } {
  let value = '';
  let at = start + 1;
  for (let from = at; ; from = at) {
    at = endOfQuoted(text, from);
    value += text.slice(from, at);
    if (text.charCodeAt(at) !== BACKSLASH) break;
    // A quoted pair; the last character stands for itself.
    const meant = at + 1 < text.length ? at + 1 : at;
    value += text.charAt(meant);
    at = meant + 1;
  }
  const end = text.indexOf(';', at);
  return { value, end: end < 0 ? text.length : end };
}

/** The first `"` or `\` from here, or the end. */
function endOfQuoted(text: string, start: number): number {
  let at = start;
  for (; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === QUOTE || code === BACKSLASH) break;
  }
  return at;
}

function plainValue(text: string, start: number): { value: string; end: number } {
  const semicolon = text.indexOf(';', start);
  const end = semicolon < 0 ? text.length : semicolon;
  const value = trim(text.slice(start, end));
  // A comment at the end goes; `report (1).pdf`, unquoted, is meant as it stands.
  const comment = value.endsWith(')') ? value.lastIndexOf(' (') : -1;
  return { value: comment < 0 ? value : trim(value.slice(0, comment)), end };
}

/** A parameter's value as it was written, or undefined. */
export function parameter(parameters: readonly Parameter[], name: string): string | undefined {
  for (const candidate of parameters) if (candidate.name === name) return candidate.value;
  return undefined;
}

/** A parameter's value in Unicode: RFC 2231 continuations and charsets, else RFC 2047 words and raw bytes. */
export function decodedParameter(parameters: readonly Parameter[], name: string, fallback: string): string | undefined {
  const whole = parameter(parameters, `${name}*`);
  if (whole !== undefined) return decodeExtended([{ value: whole, encoded: true }]);
  const pieces: { value: string; encoded: boolean }[] = [];
  for (let section = 0; ; section++) {
    const encoded = parameter(parameters, `${name}*${section}*`);
    const plain = encoded === undefined ? parameter(parameters, `${name}*${section}`) : undefined;
    if (encoded !== undefined) pieces.push({ value: encoded, encoded: true });
    else if (plain !== undefined) pieces.push({ value: plain, encoded: false });
    else break;
  }
  if (pieces.length > 0) return decodeExtended(pieces);
  const value = parameter(parameters, name);
  return value === undefined ? undefined : decodeWords(value, fallback);
}

/** RFC 2231 4: charset'language'text, percent-encoded; only the first piece names the charset. */
function decodeExtended(pieces: readonly { readonly value: string; readonly encoded: boolean }[]): string {
  let charset: string | undefined;
  let raw = '';
  for (const [index, piece] of pieces.entries()) {
    let { value } = piece;
    if (piece.encoded) {
      const named = index === 0 ? /^([^']*)'[^']*'/.exec(value) : null;
      if (named !== null) {
        charset = named[1] ?? '';
        value = value.slice(named[0].length);
      }
      value = value.replace(/%([0-9a-fA-F]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
    }
    raw += value;
  }
  if (charset === undefined || charset === '') return decodeRaw(raw, '');
  return decodeText(Buffer.from(raw, 'latin1'), charset);
}
