// Chooses fields of header blocks by name, byte for byte: for lists of 100,000 messages, so a block is gone through once,
// and no text is made of it. What a field is `fields` in headers.ts says.

const LF = 10;
const CR = 13;
const TAB = 9;
const SPACE = 32;
const COLON = 58;
/** The last printable character of ASCII (RFC 5322 3.6.8). */
const TILDE = 126;

/** A list of field names, prepared for many header blocks. */
export class FieldFilter {
  readonly #names = new Map<number, Uint8Array[]>();
  readonly #not: boolean;
  /** What is kept of the block in hand: starts and ends, in order. Emptied at the next. */
  readonly #kept: number[] = [];

  /** Names in lower case. `not`: all fields but these. */
  constructor(names: ReadonlySet<string>, not = false) {
    this.#not = not;
    for (const name of names) {
      const bytes = Buffer.from(name, 'latin1');
      const hash = bytes.reduce(hashed, bytes.length);
      const same = this.#names.get(hash);
      if (same === undefined) this.#names.set(hash, [bytes]);
      else same.push(bytes);
    }
  }

  /**
   * The bytes of BODY[HEADER.FIELDS (names)] or BODY[HEADER.FIELDS.NOT (names)]: the fields as they stand, folding
   * included, and the empty line if the block has one (RFC 9051 6.4.5.1). In memory of their own.
   */
  select(header: Uint8Array): Uint8Array {
    const kept = this.#kept;
    kept.length = 0;
    let at = 0;
    while (at < header.length) {
      const end = lineEnd(header, at);
      if (isEmptyLine(header, at, end)) {
        this.#keep(at, end);
        break;
      }
      const field = fieldEnd(header, end);
      if (this.#lists(header, at, end) !== this.#not) this.#keep(at, field);
      at = field;
    }
    return joined(header, kept);
  }

  #keep(start: number, end: number): void {
    const kept = this.#kept;
    if (kept.length > 0 && kept[kept.length - 1] === start) kept[kept.length - 1] = end;
    else kept.push(start, end);
  }

  /** Is the name of the field that begins with this line in the list? */
  #lists(header: Uint8Array, start: number, end: number): boolean {
    let colon = start;
    while (colon < end && header[colon] !== COLON) colon++;
    if (colon === end) return false;
    let last = colon;
    while (last > start && isBlank(header[last - 1])) last--;
    let hash = last - start;
    for (let at = start; at < last; at++) {
      const code = header[at] ?? 0;
      if (code <= SPACE || code > TILDE) return false;
      hash = hashed(hash, code);
    }
    const candidates = this.#names.get(hash);
    return candidates?.some((name) => isName(header, start, last, name)) ?? false;
  }
}

/** Upper and lower case letters hash alike; other characters that do are told apart by comparing. */
function hashed(hash: number, code: number): number {
  return (Math.imul(hash, 31) + (code | 32)) | 0;
}

function isName(header: Uint8Array, start: number, end: number, name: Uint8Array): boolean {
  if (end - start !== name.length) return false;
  for (let at = start; at < end; at++) {
    const code = header[at] ?? 0;
    if ((code >= 65 && code <= 90 ? code | 32 : code) !== name[at - start]) return false;
  }
  return true;
}

/** After the line that begins here; a bare CR ends none. */
function lineEnd(header: Uint8Array, start: number): number {
  let at = start;
  while (at < header.length) if (header[at++] === LF) break;
  return at;
}

/** Where a field ends whose first line ends here: before the first line that does not begin with white space. */
function fieldEnd(header: Uint8Array, end: number): number {
  let at = end;
  while (isBlank(header[at])) at = lineEnd(header, at);
  return at;
}

function isBlank(code: number | undefined): boolean {
  return code === SPACE || code === TAB;
}

function isEmptyLine(header: Uint8Array, start: number, end: number): boolean {
  let at = start;
  while (header[at] === CR) at++;
  return at < end && header[at] === LF;
}

function joined(header: Uint8Array, kept: readonly number[]): Uint8Array {
  let length = 0;
  for (let at = 0; at < kept.length; at += 2) length += (kept[at + 1] ?? 0) - (kept[at] ?? 0);
  const bytes = Buffer.allocUnsafe(length);
  let to = 0;
  for (let at = 0; at < kept.length; at += 2) {
    const start = kept[at] ?? 0;
    const end = kept[at + 1] ?? 0;
    // Fields are short: a loop beats a call into the runtime.
    if (end - start > 128) bytes.set(header.subarray(start, end), to);
    else for (let from = start; from < end; from++) bytes[to + from - start] = header[from] ?? 0;
    to += end - start;
  }
  return bytes;
}
