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

/** Reads a value with its parameters; what can't be understood is skipped. */
export function parseParameters(text: string): ParameterValue {
  let at = 0;
  while (at < text.length && text[at] !== ';' && text[at] !== '=') at++;
  let value = text.slice(0, at);
  if (text[at] === '=') {
    // `text/plain charset=x`: a missing semicolon.
    at = value.trimEnd().lastIndexOf(' ');
    value = at > 0 ? value.slice(0, at) : '';
    at = Math.max(0, at);
  }
  // A comment (RFC 2045 5.1) that holds a semicolon is cut; that is not seen in mail.
  value = trim(value.replace(/\([^()]*\)?/g, ' '));
  return { value: value.toLowerCase(), parameters: readParameters(text, at) };
}

function readParameters(text: string, start: number): Parameter[] {
  const found: Parameter[] = [];
  for (let at = start; at < text.length && found.length < MAX_PARAMETERS; ) {
    while (at < text.length && /[;\s]/.test(text.charAt(at))) at++;
    const nameStart = at;
    while (at < text.length && text[at] !== '=' && text[at] !== ';') at++;
    // RFC 2045 5.1: a comment may stand before it.
    const name = trim(text.slice(nameStart, at).replace(/\([^()]*\)/g, ' ')).toLowerCase();
    if (text[at] !== '=') continue;
    at++;
    while (at < text.length && /\s/.test(text.charAt(at))) at++;
    const read = text[at] === '"' ? quotedValue(text, at) : plainValue(text, at);
    at = read.end;
    if (name !== '' && !/\s/.test(name)) found.push({ name, value: read.value });
  }
  return found;
}

/** A quoted string; one that never closes ends with the text. Anything between it and the next ';' is skipped. */
function quotedValue(text: string, start: number): { value: string; end: number } {
  let value = '';
  let at = start + 1;
  for (; at < text.length && text[at] !== '"'; at++) {
    if (text[at] === '\\' && at + 1 < text.length) at++;
    value += text[at];
  }
  const end = text.indexOf(';', at);
  return { value, end: end < 0 ? text.length : end };
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
  return parameters.find((candidate) => candidate.name === name)?.value;
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
