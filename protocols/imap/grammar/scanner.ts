// Reads the arguments of one command (RFC 9051 9, RFC 3501 9): lines of text, each but the last ended by a literal.

import { BadCommand } from './errors.ts';

/** A piece of a command: text up to a literal's announcement or the line's end, and that literal. */
export interface Segment {
  /** One character per byte. */
  readonly text: string;
  /** The literal after the text; null for the last segment, or for one that is still on its way. */
  readonly literal: Buffer | null;
}

// Character classes as bits of CLASS[code].
const ATOM = 1; // ATOM-CHAR
const ASTRING = 2; // ASTRING-CHAR: ATOM-CHAR or ]
const LIST = 4; // list-char: ATOM-CHAR, list-wildcards or ]
const TAG = 8; // ASTRING-CHAR except +
const DIGIT = 16;

const CLASS = new Uint8Array(256);
for (let code = 0x21; code < 0x7f; code++) {
  const character = String.fromCharCode(code);
  if (!'(){%*"\\]'.includes(character)) CLASS[code] = ATOM | ASTRING | LIST | TAG;
  if (character === ']') CLASS[code] = ASTRING | LIST | TAG;
  if (character === '%' || character === '*') CLASS[code] = LIST;
  if (character === '+') CLASS[code] = ATOM | ASTRING | LIST;
  if (character >= '0' && character <= '9') CLASS[code] = (CLASS[code] ?? 0) | DIGIT;
}

const SPACE = 0x20;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPEN_BRACE = 0x7b;

const PENDING = /~?\{\d+\+?\}$/y;
const NAME = /[A-Za-z0-9.-]+/y;

/** The largest number of RFC 9051's `number`. */
export const MAX_NUMBER = 4_294_967_295;

/** Can this text stand as an atom? */
export function isAtom(text: string): boolean {
  if (text === '') return false;
  for (let at = 0; at < text.length; at++) if (((CLASS[text.charCodeAt(at)] ?? 0) & ATOM) === 0) return false;
  return true;
}

/** Can this text stand unquoted where an astring is wanted (and not be taken for NIL)? */
export function isAstring(text: string): boolean {
  if (text === '') return false;
  for (let at = 0; at < text.length; at++) if (((CLASS[text.charCodeAt(at)] ?? 0) & ASTRING) === 0) return false;
  return text.toUpperCase() !== 'NIL';
}

const NONE: ReadonlySet<string> = new Set();

export class Scanner {
  /** Names in it are UTF-8, not modified UTF-7. */
  readonly utf8: boolean;
  readonly #off: ReadonlySet<string>;
  readonly #segments: readonly Segment[];
  #index = 0;
  #text: string;
  #at = 0;

  /** `off`: capabilities whose syntax is not known here, in upper case. */
  constructor(segments: readonly Segment[], utf8 = false, off: ReadonlySet<string> = NONE) {
    this.utf8 = utf8;
    this.#off = off;
    this.#segments = segments;
    this.#text = segments[0]?.text ?? '';
  }

  /** Where it stands: for `back`. */
  get mark(): { readonly index: number; readonly at: number } {
    return { index: this.#index, at: this.#at };
  }

  /** To a place where it stood before, to read again from there. */
  back({ index, at }: { readonly index: number; readonly at: number }): void {
    this.#index = index;
    this.#text = this.#segments[index]?.text ?? '';
    this.#at = at;
  }

  /** Everything has been read. */
  get atEnd(): boolean {
    return this.#at >= this.#text.length && this.#index >= this.#segments.length - 1;
  }

  /** Nothing but spaces is left. */
  get blank(): boolean {
    return this.atEnd || (this.#index >= this.#segments.length - 1 && /^ *$/.test(this.#text.slice(this.#at)));
  }

  /** What stands next is the announcement of a literal that is still on its way (APPEND's message). */
  get atPendingLiteral(): boolean {
    return this.seesPending(PENDING);
  }

  /** This and the announcement of such a literal stand next: a sticky pattern up to the line's end. It takes nothing. */
  seesPending(pattern: RegExp): boolean {
    const isLast = this.#index === this.#segments.length - 1;
    return isLast && this.#segments[this.#index]?.literal === null && this.sees(pattern);
  }

  /** All that is left, unread, where it is one text that means the same to every session; else null. */
  get rest(): string | null {
    const isLast = this.#index === this.#segments.length - 1 && this.#segments[this.#index]?.literal === null;
    return isLast && this.#off.size === 0 ? this.#text.slice(this.#at) : null;
  }

  /** Takes it. */
  takeRest(): void {
    this.#at = this.#text.length;
  }

  /** The next character, '' at the end. */
  peek(): string {
    return this.#text.charAt(this.#at);
  }

  /** Takes `character` if it is next. */
  take(character: string): boolean {
    if (this.#text.charAt(this.#at) !== character) return false;
    this.#at++;
    return true;
  }

  /** What was just read comes with this capability: where that is switched off, it is unknown. */
  needs(capability: string): void {
    if (this.#off.has(capability)) throw new BadCommand(`${capability} is not offered`);
  }

  /** Takes exactly this character. */
  expect(character: string): void {
    if (!this.take(character)) throw new BadCommand(`Expected '${character}'${this.#where()}`);
  }

  /** Takes one space. */
  space(): void {
    if (this.#text.charCodeAt(this.#at) !== SPACE) throw new BadCommand(`Expected a space${this.#where()}`);
    this.#at++;
  }

  /** Takes a word in any case if it is next and ends there. */
  takeWord(word: string): boolean {
    const end = this.#at + word.length;
    if (this.#text.slice(this.#at, end).toUpperCase() !== word) return false;
    if (((CLASS[this.#text.charCodeAt(end)] ?? 0) & ATOM) !== 0) return false;
    this.#at = end;
    return true;
  }

  /** Nothing may follow. A space or two before the line's end are forgiven: some clients send them. */
  end(): void {
    while (this.#text.charCodeAt(this.#at) === SPACE) this.#at++;
    if (!this.atEnd) throw new BadCommand(`Unexpected text${this.#where()}`);
  }

  /** tag = 1*<any ASTRING-CHAR except "+">, or '' if none stands here. */
  tag(): string {
    return this.#run(TAG);
  }

  /** atom */
  atom(): string {
    const atom = this.#run(ATOM);
    if (atom === '') throw new BadCommand(`Expected an atom${this.#where()}`);
    return atom;
  }

  /** A name of letters, digits, dots and hyphens, in upper case; '' if none: what may be followed by '['. */
  name(): string {
    return (this.match(NAME)?.[0] ?? '').toUpperCase();
  }

  /** number (RFC 9051: up to 2^32 - 1). */
  number(): number {
    const digits = this.#run(DIGIT);
    if (digits === '') throw new BadCommand(`Expected a number${this.#where()}`);
    const value = Number(digits);
    if (digits.length > 10 || value > MAX_NUMBER) throw new BadCommand('Number too large');
    return value;
  }

  /** Text of these characters only, possibly none. `pattern` is a sticky regular expression. */
  match(pattern: RegExp): RegExpExecArray | null {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text);
    if (found !== null) this.#at += found[0].length;
    return found;
  }

  /** As `match`, and takes nothing. */
  sees(pattern: RegExp): boolean {
    pattern.lastIndex = this.#at;
    return pattern.test(this.#text);
  }

  /** astring, as bytes in a string (one character per byte). */
  astring(): string {
    const atom = this.#run(ASTRING);
    return atom === '' ? this.string() : atom;
  }

  /** list-mailbox: as astring, with wildcards. */
  listMailbox(): string {
    const atom = this.#run(LIST);
    return atom === '' ? this.string() : atom;
  }

  /** nstring: null for NIL. */
  nstring(): string | null {
    return this.takeWord('NIL') ? null : this.string();
  }

  /** nstring / literal8, which may hold NUL: null for NIL. */
  nstring8(): string | null {
    if (this.peek() !== '~') return this.nstring();
    this.#at++;
    return this.#literal().toString('latin1');
  }

  /** string: quoted or literal, as bytes in a string. */
  string(): string {
    const code = this.#text.charCodeAt(this.#at);
    if (code === QUOTE) return this.#quoted();
    if (code === OPEN_BRACE) return this.#literal().toString('latin1');
    throw new BadCommand(`Expected a string${this.#where()}`);
  }

  /** A parenthesised list with single spaces; `item` reads one. An empty list is allowed. */
  list(limit: number, item: () => void): void {
    this.expect('(');
    if (this.take(')')) return;
    for (let count = 0; ; count++) {
      if (count >= limit) throw new BadCommand('Too many items in a list');
      item();
      if (this.take(')')) return;
      this.space();
    }
  }

  #run(kind: number): string {
    const start = this.#at;
    let at = start;
    while (((CLASS[this.#text.charCodeAt(at)] ?? 0) & kind) !== 0) at++;
    this.#at = at;
    return this.#text.slice(start, at);
  }

  /** RFC 9051 9: quoted = DQUOTE *QUOTED-CHAR DQUOTE; only " and \ may be escaped. */
  #quoted(): string {
    let result = '';
    let start = this.#at + 1;
    for (let at = start; at < this.#text.length; at++) {
      const code = this.#text.charCodeAt(at);
      if (code === QUOTE) {
        this.#at = at + 1;
        return result + this.#text.slice(start, at);
      }
      if (code === 0) break;
      if (code === BACKSLASH) {
        const next = this.#text.charCodeAt(at + 1);
        if (next !== QUOTE && next !== BACKSLASH)
          throw new BadCommand('Only " and \\ may follow \\ in a quoted string');
        result += this.#text.slice(start, at);
        at++;
        start = at;
      }
    }
    throw new BadCommand('A quoted string is not closed');
  }

  #literal(): Buffer {
    const segment = this.#segments[this.#index];
    const announced = /^\{\d+\+?\}$/.test(this.#text.slice(this.#at));
    if (!announced || segment?.literal == null) throw new BadCommand(`Invalid literal${this.#where()}`);
    this.#index++;
    this.#text = this.#segments[this.#index]?.text ?? '';
    this.#at = 0;
    return segment.literal;
  }

  /** For error texts: what stands here, without anything a terminal or a log would mind. */
  #where(): string {
    if (this.#at >= this.#text.length) return ' at the end of the line';
    return ` at '${this.#text.slice(this.#at, this.#at + 20).replace(/[^\x20-\x7e]/g, '?')}'`;
  }
}
