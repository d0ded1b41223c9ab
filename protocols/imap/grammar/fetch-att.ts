// The items of FETCH (RFC 9051 9, fetch-att; RFC 3501 9).

import { FETCH_ITEMS, HEADER_FIELDS, PART_DEPTH } from '../limits.ts';
import { type AnnotationRequest, annotationRequest } from './annotation.ts';
import { BadCommand } from './errors.ts';
import { astringReply } from './mailbox-name.ts';
import { MAX_NUMBER, Scanner } from './scanner.ts';

/** What of a part a section names: everything, its header (all, some fields, all but some), its text, its MIME header. */
export type SectionText = 'ALL' | 'HEADER' | 'HEADER.FIELDS' | 'HEADER.FIELDS.NOT' | 'TEXT' | 'MIME';

export interface SectionItem {
  readonly kind: 'section';
  /** The name in the reply, up to the space before the data: `BODY[1.2.HEADER]<0>`, `RFC822.TEXT`. */
  readonly label: string;
  /** Part numbers, outermost first; empty for the message itself. */
  readonly part: readonly number[];
  readonly text: SectionText;
  /** Field names, in lower case, one character per byte. */
  readonly fields: ReadonlySet<string>;
  /** Does not set \Seen. */
  readonly peek: boolean;
  /** As it is, or with its transfer encoding undone, or the size of that (RFC 3516 4.2). */
  readonly form: 'body' | 'binary' | 'size';
  readonly partial: { readonly offset: number; readonly length: number } | null;
}

export type FetchItem =
  | { readonly kind: 'uid' | 'flags' | 'modseq' | 'internaldate' | 'size' | 'envelope' | 'body' | 'bodystructure' }
  | { readonly kind: 'emailid' | 'threadid' | 'savedate' | 'preview' }
  | { readonly kind: 'annotation'; readonly request: AnnotationRequest }
  | SectionItem;

const SIMPLE: ReadonlyMap<string, FetchItem> = new Map(
  (
    [
      ['UID', 'uid'],
      ['FLAGS', 'flags'],
      ['MODSEQ', 'modseq'],
      ['INTERNALDATE', 'internaldate'],
      ['RFC822.SIZE', 'size'],
      ['ENVELOPE', 'envelope'],
      ['BODYSTRUCTURE', 'bodystructure'],
      ['EMAILID', 'emailid'],
      ['THREADID', 'threadid'],
      ['SAVEDATE', 'savedate'],
    ] as const
  ).map(([name, kind]) => [name, { kind }]),
);

/** Items of extensions. */
const EXTENSIONS: Readonly<Record<string, string>> = {
  MODSEQ: 'CONDSTORE',
  EMAILID: 'OBJECTID',
  THREADID: 'OBJECTID',
  SAVEDATE: 'SAVEDATE',
  PREVIEW: 'PREVIEW',
  BINARY: 'BINARY',
  'BINARY.PEEK': 'BINARY',
  'BINARY.SIZE': 'BINARY',
};

const FAST: readonly FetchItem[] = [{ kind: 'flags' }, { kind: 'internaldate' }, { kind: 'size' }];
const MACROS: ReadonlyMap<string, readonly FetchItem[]> = new Map([
  ['FAST', FAST],
  ['ALL', [...FAST, { kind: 'envelope' }]],
  ['FULL', [...FAST, { kind: 'envelope' }, { kind: 'body' }]],
]);

const NO_FIELDS: ReadonlySet<string> = new Set();
/** RFC 3501's names for sections. */
const OLD: ReadonlyMap<string, SectionItem> = new Map(
  (
    [
      ['RFC822', 'ALL', false],
      ['RFC822.HEADER', 'HEADER', true],
      ['RFC822.TEXT', 'TEXT', false],
    ] as const
  ).map(([label, text, peek]) => [
    label,
    { kind: 'section', label, part: [], text, fields: NO_FIELDS, peek, form: 'body', partial: null },
  ]),
);

/**
 * "ALL" / "FULL" / "FAST" / fetch-att / "(" fetch-att *(SP fetch-att) ")", without duplicates: of two that differ in PEEK
 * alone the one that sets \Seen stays.
 */
export function fetchItems(scanner: Scanner): FetchItem[] {
  const items: FetchItem[] = [];
  const add = (item: FetchItem) => {
    const at = items.findIndex((other) => same(item, other));
    if (at === -1) items.push(item);
    else if (item.kind === 'section' && !item.peek) items[at] = item;
  };
  if (scanner.peek() === '(') {
    scanner.list(FETCH_ITEMS, () => add(fetchItem(scanner, scanner.name())));
    if (items.length === 0) throw new BadCommand('FETCH without items');
    return items;
  }
  const name = scanner.name();
  const macro = MACROS.get(name);
  if (macro !== undefined) return [...macro];
  add(fetchItem(scanner, name));
  return items;
}

function same(a: FetchItem, b: FetchItem): boolean {
  if (a.kind !== 'section' || b.kind !== 'section') return a.kind === b.kind && a.kind !== 'annotation';
  return a.label === b.label && a.partial?.length === b.partial?.length;
}

const FORMS: ReadonlyMap<string, SectionItem['form']> = new Map([
  ['BODY', 'body'],
  ['BODY.PEEK', 'body'],
  ['BINARY', 'binary'],
  ['BINARY.PEEK', 'binary'],
  ['BINARY.SIZE', 'size'],
]);
/** As the reply names them. */
const NAMES = { body: 'BODY', binary: 'BINARY', size: 'BINARY.SIZE' } as const;

/** One fetch-att whose name, in upper case, has been read. */
function fetchItem(scanner: Scanner, name: string): FetchItem {
  const extension = EXTENSIONS[name];
  if (extension !== undefined) scanner.needs(extension);
  const simple = SIMPLE.get(name) ?? OLD.get(name);
  if (simple !== undefined) return simple;
  if (name === 'PREVIEW') return preview(scanner);
  if (name === 'ANNOTATION') {
    scanner.space();
    return { kind: 'annotation', request: annotationRequest(scanner) };
  }
  const form = FORMS.get(name);
  if (form === undefined) throw new BadCommand('Unknown FETCH item');
  if (scanner.peek() === '[') return section(scanner, form, name !== 'BODY' && name !== 'BINARY');
  if (name !== 'BODY') throw new BadCommand(`${name} without a section`);
  return { kind: 'body' };
}

/** "PREVIEW" [SP "(" "LAZY" ")"] (RFC 8970 3.2): ours is always there, so LAZY changes nothing. */
function preview(scanner: Scanner): FetchItem {
  if (scanner.match(/ \((?!LAZY\))/iy) !== null) throw new BadCommand('Unknown PREVIEW modifier');
  scanner.match(/ \(LAZY\)/iy);
  return { kind: 'preview' };
}

const PART = /([1-9]\d{0,9})(\.|(?=\]))/y;
const TEXT = /HEADER\.FIELDS\.NOT|HEADER\.FIELDS|HEADER|TEXT|MIME/iy;

/** section = "[" [section-spec] "]" ["<" number "." nz-number ">"]; of BINARY it may be any, and without a length. */
function section(scanner: Scanner, form: SectionItem['form'], peek: boolean): SectionItem {
  scanner.expect('[');
  const part: number[] = [];
  let dangling = false;
  for (let found = scanner.match(PART); found !== null; found = scanner.match(PART)) {
    if (part.length >= PART_DEPTH) throw new BadCommand('Part number too deep');
    if (Number(found[1]) > MAX_NUMBER) throw new BadCommand('Number too large');
    part.push(Number(found[1]));
    dangling = found[2] === '.';
    if (!dangling) break;
  }
  const text = (scanner.match(TEXT)?.[0].toUpperCase() ?? 'ALL') as SectionText;
  // RFC 9051 9: a dot stands between part and text and nowhere else; MIME is a part's.
  const wantsText = part.length === 0 ? text !== 'MIME' : dangling === (text !== 'ALL');
  if (!wantsText) throw new BadCommand('Invalid section');
  const names = text.startsWith('HEADER.FIELDS') ? fieldNames(scanner) : [];
  scanner.expect(']');
  const partial = scanner.peek() === '<' && form !== 'size' ? partialRange(scanner, form) : null;
  const spec = [...part, ...(text === 'ALL' ? [] : [text])].join('.');
  const list = names.length === 0 ? '' : ` (${names.map(astringReply).join(' ')})`;
  const label = `${NAMES[form]}[${spec}${list}]${partial === null ? '' : `<${partial.offset}>`}`;
  return {
    kind: 'section',
    label,
    part,
    text,
    fields: new Set(names.map((name) => name.toLowerCase())),
    peek,
    form,
    partial,
  };
}

/** The section that a text without brackets names (RFC 5092 9, enc-section). */
export function sectionOf(text: string): SectionItem {
  const scanner = new Scanner([{ text: `[${text}]`, literal: null }]);
  const item = section(scanner, 'body', true);
  scanner.end();
  return item;
}

/** header-list = "(" header-fld-name *(SP header-fld-name) ")" */
function fieldNames(scanner: Scanner): string[] {
  const names: string[] = [];
  scanner.space();
  scanner.list(HEADER_FIELDS, () => {
    const name = scanner.astring();
    // A field name is printable ASCII without a colon (RFC 5322 2.2); anything else could break the echo in the reply.
    if (!/^[\x21-\x39\x3b-\x7e]+$/.test(name)) throw new BadCommand('Invalid header field name');
    names.push(name);
  });
  if (names.length === 0) throw new BadCommand('Empty list of header fields');
  return names;
}

const PARTIAL = /<(\d{1,10})(?:\.([1-9]\d{0,9}))?>/y;

function partialRange(scanner: Scanner, form: SectionItem['form']): { offset: number; length: number } {
  const found = scanner.match(PARTIAL);
  const missing = form === 'binary' ? MAX_NUMBER : Number.NaN;
  const [offset, length] = [Number(found?.[1]), found?.[2] === undefined ? missing : Number(found[2])];
  if (found === null || Number.isNaN(length) || offset > MAX_NUMBER || length > MAX_NUMBER)
    throw new BadCommand('Invalid partial range');
  return { offset, length };
}
