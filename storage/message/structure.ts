// Reads `message.structure`, the text that a scan leaves of a message's parts, so that nothing ever parses MIME again.
//
// It is two lines: BODYSTRUCTURE as IMAP sends it, all in ASCII, and then three numbers in base 36 for each part, in the
// order in which BODYSTRUCTURE opens them (a message/rfc822 part, then the message in it): where its header block
// starts, where its body starts (the header block ends there) and where its body ends. The first three are the message
// itself. Offsets count from the start of the message as received, that is, from the end of the prefix.

import type { ByteForm } from './byte-form.ts';
import { decodedParameter, type Parameter } from './parameters.ts';

/** Bytes [start, end), counted from the end of the prefix. */
export interface Range {
  readonly start: number;
  readonly end: number;
  /** The prefix belongs to it too: the message's own header, or the whole message. */
  readonly prefix: boolean;
}

/** One part of a message; the message itself is the root one. */
export interface Part {
  /** The IMAP section that is its body: '1.2'; '1' for a root that is no multipart; 'TEXT' or '2.TEXT' for one that is. */
  readonly path: string;
  /** In lower case. */
  readonly type: string;
  readonly subtype: string;
  readonly parameters: readonly Parameter[];
  /** Content-ID with its brackets, or ''. */
  readonly id: string;
  readonly description: string;
  /** In lower case; '7bit' if there was none; '' for a multipart. */
  readonly encoding: string;
  /** In lower case, or ''. */
  readonly disposition: string;
  readonly dispositionParameters: readonly Parameter[];
  /** Of text: as it was named, or ''. */
  readonly charset: string;
  readonly header: { readonly start: number; readonly end: number };
  readonly body: { readonly start: number; readonly end: number };
  /** The parts of a multipart. */
  readonly children: readonly Part[];
  /** The root part of the message in a message/rfc822. */
  readonly message: Part | null;
}

/** The parts of one message. */
export interface Sections {
  readonly root: Part;
  /** The part that an IMAP part number names ('1', '2.3'), or undefined. */
  part(path: string): Part | undefined;
  /** The bytes of an IMAP section ('', 'HEADER', '1', '1.MIME', '2.HEADER', '2.TEXT'), or undefined if there is none. */
  range(section: string): Range | undefined;
}

/** BODYSTRUCTURE (RFC 9051 7.5.2), as it is sent. */
export function bodystructure(structure: string): string {
  return structure.slice(0, structure.indexOf('\n'));
}

/** BODY: the same without extension data. */
export function body(structure: string): string {
  return bodyText(parseList(bodystructure(structure)));
}

/** Transfer encodings that leave bytes as they are (RFC 2045 6.2). */
const UNENCODED = new Set(['7bit', '8bit', 'binary']);

/**
 * BODYSTRUCTURE of the part that these numbers name, of the message itself without any; undefined if there is none.
 * `form`: how its bytes are given, if not as they are stored.
 */
export function partStructure(structure: string, path: readonly number[], form?: ByteForm | null): string | undefined {
  let list = parseList(bodystructure(structure));
  let isRoot = true;
  for (const number of path) {
    const inner: Value | undefined = isMessage(list) && !isRoot ? list[8] : list;
    if (!Array.isArray(inner)) return undefined;
    const entersMessage = inner !== list || isRoot;
    const children: Value[] = isMultipart(inner) ? inner.slice(0, childCount(inner)) : entersMessage ? [inner] : [];
    const next: Value | undefined = children[number - 1];
    if (!Array.isArray(next)) return undefined;
    [list, isRoot] = [next, false];
  }
  if (form == null) return valueText(list);
  const given = list.with(5, `"${form.encoding}"`).with(6, `${form.octets}`);
  // Lines are those of the transfer encoding (RFC 9051 7.5.2): what is decoded has none, which Dovecot tells as 0, too.
  const isDecoded = plain(list[0]) === 'text' && !UNENCODED.has(plain(list[5]));
  return valueText(isDecoded ? given.with(7, '0') : given);
}

/** The name that a person knows a part by, in Unicode, or ''. */
export function fileName(part: Part): string {
  return (
    decodedParameter(part.dispositionParameters, 'filename', part.charset) ??
    decodedParameter(part.parameters, 'name', part.charset) ??
    ''
  );
}

/** A part and all below it, in the order of their bytes. */
export function* walk(part: Part): Generator<Part> {
  yield part;
  if (part.message !== null) yield* walk(part.message);
  for (const child of part.children) yield* walk(child);
}

/** The parts of a message and their places. */
export function sections(structure: string): Sections {
  const newline = structure.indexOf('\n');
  const offsets = structure.slice(newline + 1).split(' ');
  let next = 0;
  const offset = () => Number.parseInt(offsets[next++] ?? '0', 36);
  const root = readPart(parseList(structure.slice(0, newline)), offset, '', true);
  return {
    root,
    part: (path) => findPart(root, path),
    range: (section) => findRange(root, section),
  };
}

// ------------------------------------------------------------------------------------------------- the s-expression

/** A parsed value: a list, an atom or quoted string as it stands in the text, `NIL` included. */
type Value = string | Value[];

/** Parses a parenthesised list; the text is our own, so it is well formed. */
export function parseList(text: string): Value[] {
  const stack: Value[][] = [[]];
  for (let at = 0; at < text.length; ) {
    const character = text.charAt(at);
    if (character === '(') {
      stack.push([]);
      at++;
    } else if (character === ')') {
      const list = stack.pop() ?? [];
      stack.at(-1)?.push(list);
      at++;
    } else if (character === ' ') {
      at++;
    } else {
      const end = character === '"' ? quotedEnd(text, at) : atomEnd(text, at);
      stack.at(-1)?.push(text.slice(at, end));
      at = end;
    }
  }
  const [list] = stack[0] ?? [];
  return Array.isArray(list) ? list : [];
}

/** Where a quoted string ends that begins here. */
export function quotedEnd(text: string, start: number): number {
  for (let at = start + 1; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === BACKSLASH) at++;
    else if (code === QUOTE) return at + 1;
  }
  return text.length;
}

const [QUOTE, BACKSLASH] = [34, 92];

function atomEnd(text: string, start: number): number {
  let at = start;
  while (at < text.length && text[at] !== ' ' && text[at] !== ')' && text[at] !== '(') at++;
  return at;
}

/** A string's value; '' for NIL. */
function plain(value: Value | undefined): string {
  if (typeof value !== 'string' || value === 'NIL') return '';
  if (!value.startsWith('"')) return value;
  const inner = value.slice(1, -1);
  return inner.includes('\\') ? inner.replace(/\\(.)/gs, '$1') : inner;
}

function isMultipart(list: Value[]): boolean {
  return Array.isArray(list[0]);
}

function isMessage(list: Value[]): boolean {
  const subtype = plain(list[1]);
  return plain(list[0]) === 'message' && (subtype === 'rfc822' || subtype === 'global');
}

/** RFC 9051 9: body without its body-ext. */
function bodyText(list: Value[]): string {
  if (isMultipart(list)) {
    const children = list.slice(0, childCount(list));
    return `(${children.map((child) => bodyText(child as Value[])).join('')} ${list[children.length]})`;
  }
  const basic = list.slice(0, 7).map(valueText).join(' ');
  if (isMessage(list)) {
    const [envelope = '', inner] = list.slice(7, 9);
    return `(${basic} ${valueText(envelope)} ${bodyText(Array.isArray(inner) ? inner : [])} ${list[9]})`;
  }
  return plain(list[0]) === 'text' ? `(${basic} ${list[7]})` : `(${basic})`;
}

function childCount(list: Value[]): number {
  const first = list.findIndex((value) => !Array.isArray(value));
  return first < 0 ? list.length : first;
}

/** A value as IMAP writes it; between address structures and between parts there is no space. */
function valueText(value: Value): string {
  if (typeof value === 'string') return value;
  const lists = value.slice(0, childCount(value)).map(valueText).join('');
  const rest = value.slice(childCount(value)).map(valueText).join(' ');
  return `(${lists}${lists === '' || rest === '' ? '' : ' '}${rest})`;
}

// ------------------------------------------------------------------------------------------------------------ parts

export function readParameters(value: Value | undefined): Parameter[] {
  const found: Parameter[] = [];
  if (!Array.isArray(value)) return found;
  for (let at = 0; at + 1 < value.length; at += 2) {
    found.push({ name: plain(value[at]).toLowerCase(), value: plain(value[at + 1]) });
  }
  return found;
}

/** The charset that a text's parameters name, or ''. */
export function charsetOf(parameters: readonly Parameter[]): string {
  const found = parameters.find(({ name }) => name === 'charset' || name === 'charset*');
  if (found === undefined) return '';
  // RFC 2231 in a charset is absurd, and seen.
  return found.name === 'charset' ? found.value : (found.value.split("'").at(-1) ?? '');
}

/**
 * `number` is the part's own number ('' for the root of the message), `isRoot` that it is the root of a message, whose
 * path depends on what it is (RFC 9051 6.4.5: part 1 of a message that is no multipart is its text).
 */
function readPart(list: Value[], offset: () => number, number: string, isRoot: boolean): Part {
  const [start, bodyStart, end] = [offset(), offset(), offset()];
  const place = { header: { start, end: bodyStart }, body: { start: bodyStart, end } };
  const under = (last: number | string) => (number === '' ? `${last}` : `${number}.${last}`);
  if (isMultipart(list)) {
    const count = childCount(list);
    const children = list
      .slice(0, count)
      .map((child, index) => readPart(child as Value[], offset, under(index + 1), false));
    const rest = list.slice(count);
    return {
      ...place,
      path: isRoot ? under('TEXT') : number,
      type: 'multipart',
      subtype: plain(rest[0]),
      parameters: readParameters(rest[1]),
      id: '',
      description: '',
      encoding: '',
      charset: '',
      ...readDisposition(rest[2]),
      children,
      message: null,
    };
  }
  const path = isRoot ? under(1) : number;
  const inner = isMessage(list) ? list[8] : undefined;
  const parameters = readParameters(list[2]);
  const type = plain(list[0]);
  const extension = 7 + (type === 'text' ? 1 : isMessage(list) ? 3 : 0);
  return {
    ...place,
    path,
    type,
    subtype: plain(list[1]),
    parameters,
    id: plain(list[3]),
    description: plain(list[4]),
    encoding: plain(list[5]),
    charset: charsetOf(parameters),
    ...readDisposition(list[extension + 1]),
    children: [],
    message: Array.isArray(inner) ? readPart(inner, offset, path, true) : null,
  };
}

function readDisposition(value: Value | undefined): Pick<Part, 'disposition' | 'dispositionParameters'> {
  if (!Array.isArray(value)) return { disposition: '', dispositionParameters: [] };
  return { disposition: plain(value[0]), dispositionParameters: readParameters(value[1]) };
}

const PART_NUMBER = /^[1-9]\d{0,8}(?:\.[1-9]\d{0,8})*$/;

/** RFC 9051 6.4.5.1: numbers go down multiparts, and through a message/rfc822 into its message. */
function findPart(root: Part, path: string): Part | undefined {
  if (!PART_NUMBER.test(path)) return undefined;
  let container: Part | undefined = root;
  let isRoot = true;
  let found: Part | undefined;
  for (const text of path.split('.')) {
    const number = Number(text);
    if (container === undefined) return undefined;
    if (container.type === 'multipart') found = container.children[number - 1];
    else found = isRoot && number === 1 ? container : undefined;
    if (found === undefined) return undefined;
    isRoot = found.message !== null;
    if (found.message !== null) container = found.message;
    else container = found.type === 'multipart' ? found : undefined;
  }
  return found;
}

const SECTION = /^(?:([1-9][\d.]*?)(?:\.(HEADER|TEXT|MIME))?|(HEADER|TEXT))$/i;

function findRange(root: Part, section: string): Range | undefined {
  if (section === '') return { start: 0, end: root.body.end, prefix: true };
  const [, path = '', ofPart = '', ofMessage = ''] = SECTION.exec(section) ?? [];
  if (ofMessage !== '') return messageRange(root, ofMessage, true);
  const part = findPart(root, path);
  if (part === undefined) return undefined;
  if (ofPart === '') return { ...part.body, prefix: false };
  if (ofPart.toUpperCase() === 'MIME') return { ...part.header, prefix: part === root };
  return part.message === null ? undefined : messageRange(part.message, ofPart, false);
}

function messageRange(message: Part, text: string, prefix: boolean): Range {
  return text.toUpperCase() === 'HEADER' ? { ...message.header, prefix } : { ...message.body, prefix: false };
}
