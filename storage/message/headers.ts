// Header blocks as text with one character per byte (latin1), so that positions are byte offsets and nothing is lost:
// the fields with their exact ranges, and their values unfolded (RFC 5322 2.2).

/** One field, or one line that is none (name ''), with its folded lines. Positions are byte offsets in the block. */
export interface Field {
  /** In lower case; '' for a line that is no field (an mbox "From " line, garbage), whose bytes still count. */
  readonly name: string;
  readonly start: number;
  /** The first byte after the colon. */
  readonly value: number;
  /** After the line end of the last line. */
  readonly end: number;
}

const LF = 10;
const CR = 13;
const TAB = 9;
const SPACE = 32;

/** A header block's bytes as text of one character per byte. */
export function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1');
}

/** The bytes of such a text. */
export function fromLatin1(text: string): Uint8Array {
  return Buffer.from(text, 'latin1');
}

/** Names of fields in lower case, by their length. */
export type FieldNames = readonly (readonly string[] | undefined)[];

/** Names that `fields` can look for. */
export function fieldNames(names: Iterable<string>): FieldNames {
  const byLength: string[][] = [];
  for (const name of names) byLength[name.length] = [...(byLength[name.length] ?? []), name];
  return byLength;
}

/**
 * The fields of a header block in order, up to the empty line; with `names` those alone. Bare LF ends a line too; bare
 * CR does not.
 */
export function fields(block: string, names?: FieldNames): Field[] {
  const found: Field[] = [];
  let colon = block.indexOf(':');
  for (let start = 0; start < block.length; ) {
    const lineEnd = block.indexOf('\n', start) + 1 || block.length;
    if (isEmptyLine(block, start, lineEnd)) break;
    const end = fieldEnd(block, lineEnd);
    if (colon >= 0 && colon < start) colon = block.indexOf(':', start);
    const name = colon < 0 || colon > end ? '' : fieldName(block, start, colon, names);
    if (name !== '' || names === undefined) found.push({ name, start, value: name === '' ? start : colon + 1, end });
    start = end;
  }
  return found;
}

/** Where a field ends whose first line ends here: before the first line that does not begin with white space. */
function fieldEnd(block: string, lineEnd: number): number {
  let at = lineEnd;
  while (block.charCodeAt(at) === SPACE || block.charCodeAt(at) === TAB) {
    at = block.indexOf('\n', at) + 1 || block.length;
  }
  return at;
}

function isEmptyLine(block: string, start: number, end: number): boolean {
  let at = start;
  while (block.charCodeAt(at) === CR) at++;
  return at < end && block.charCodeAt(at) === LF && at + 1 === end;
}

/** RFC 5322 3.6.8 and, with white space before the colon, 4.5: printable ASCII without spaces, else ''. */
function fieldName(block: string, start: number, colon: number, names: FieldNames | undefined): string {
  let end = colon;
  while (end > start && (block.charCodeAt(end - 1) === SPACE || block.charCodeAt(end - 1) === TAB)) end--;
  if (names !== undefined) return oneOf(names[end - start], block, start);
  for (let at = start; at < end; at++) {
    const code = block.charCodeAt(at);
    if (code <= SPACE || code > 126) return '';
  }
  return block.slice(start, end).toLowerCase();
}

/** The one of these names that stands here, in whatever case; '' if none does. */
function oneOf(names: readonly string[] | undefined, block: string, start: number): string {
  if (names !== undefined) for (const name of names) if (standsAt(name, block, start)) return name;
  return '';
}

function standsAt(name: string, block: string, start: number): boolean {
  for (let at = 0; at < name.length; at++) {
    const code = block.charCodeAt(start + at);
    const lower = code >= 65 && code <= 90 ? code + 32 : code;
    if (lower !== name.charCodeAt(at)) return false;
  }
  return true;
}

/** Removes folding (RFC 5322 2.2.3) and the white space around a value; still one character per byte. */
export function unfold(value: string): string {
  return unfolded(value, 0, value.length);
}

function unfolded(text: string, start: number, end: number): string {
  const bare = trimmed(text, start, end);
  return bare.includes('\n') ? bare.replace(/\r{0,4}\n/g, '') : bare;
}

/** Trims spaces, tabs and bare CRs, as header values are padded (not U+00A0, which trim() would take for one). */
export function trim(text: string): string {
  return trimmed(text, 0, text.length);
}

function trimmed(text: string, from: number, to: number): string {
  let start = from;
  let end = to;
  while (start < end && isBlank(text.charCodeAt(start))) start++;
  while (end > start && isBlank(text.charCodeAt(end - 1))) end--;
  return start === 0 && end === text.length ? text : text.slice(start, end);
}

function isBlank(code: number): boolean {
  return code === SPACE || code === TAB || code === CR || code === LF;
}

/** The value of a field of this block, unfolded and trimmed, one character per byte. */
export function fieldValue(block: string, field: Field): string {
  return unfolded(block, field.value, field.end);
}
