// Address lists (RFC 5322 3.4, 4.4) as they really come: comments, quoted pairs, groups, routes, missing commas, quotes
// and brackets that never close, bare words. Linear in the input, and never throws. Text is one character per byte.
// Lists as nearly all mail has them become ENVELOPE's text in one pass, at the end of this file.

import { ADDRESSES } from './limits.ts';

/** One address, or the start (`group: 'start'`, its name in `name`) or end of a group. */
export interface Address {
  readonly group?: 'start' | 'end';
  /** The display name, unquoted, encoded words left as they are; '' if there is none. */
  readonly name: string;
  /** The obsolete source route, `@a,@b`, or ''. */
  readonly route: string;
  /** The local part, unquoted. */
  readonly mailbox: string;
  /** '' if there is none. */
  readonly host: string;
}

/** What a word of a phrase is; a comment counts only where no name is (RFC 5322 A.5: the old `a@b (Name)`). */
type Token =
  | { readonly kind: 'word'; readonly text: string; readonly spaced: boolean; readonly quoted: boolean }
  | { readonly kind: 'special'; readonly text: string }
  | { readonly kind: 'comment'; readonly text: string };

/** Reads an address list. */
export function parseAddresses(text: string): Address[] {
  return new ListParser(text).parse();
}

const ENCODED_WORD = /=\?[^?\s]{1,64}\?[bBqQ]\?[^?]*\?=/y;
const ATOM = /[^\s"(<>@,;:[\\]+/y;

class Lexer {
  readonly #text: string;
  #at = 0;
  /** An opening character whose closing one is missing stands for itself from then on, so that none is sought twice. */
  #noQuote = false;
  #noComment = false;
  #noLiteral = false;
  #lastClose: number | undefined;

  constructor(text: string) {
    this.#text = text;
  }

  /** Is there a '>' to come? */
  closes(): boolean {
    this.#lastClose ??= this.#text.lastIndexOf('>');
    return this.#lastClose >= this.#at;
  }

  next(): Token | undefined {
    const start = this.#at;
    while (isSpace(this.#text.charCodeAt(this.#at))) this.#at++;
    if (this.#at >= this.#text.length) return undefined;
    const spaced = this.#at > start || start === 0;
    const character = this.#text.charAt(this.#at);
    if (character === '"' && !this.#noQuote) {
      const text = this.#enclosed('"');
      if (text !== undefined) return { kind: 'word', text, spaced, quoted: true };
      this.#noQuote = true;
    } else if (character === '(' && !this.#noComment) {
      const text = this.#comment();
      if (text !== undefined) return { kind: 'comment', text };
      this.#noComment = true;
    } else if (character === '[' && !this.#noLiteral) {
      const text = this.#enclosed(']');
      if (text !== undefined) return { kind: 'word', text: `[${text}]`, spaced, quoted: false };
      this.#noLiteral = true;
    } else if ('<>@,;:'.includes(character)) {
      this.#at++;
      return { kind: 'special', text: character };
    }
    return { kind: 'word', text: this.#atom(), spaced, quoted: false };
  }

  /** A run of anything that means nothing by itself; an encoded word is one whatever it holds. */
  #atom(): string {
    for (const pattern of [ENCODED_WORD, ATOM]) {
      pattern.lastIndex = this.#at;
      const match = pattern.exec(this.#text);
      if (match !== null) {
        this.#at += match[0].length;
        return match[0];
      }
    }
    // A lone opening character or backslash.
    const escaped = this.#text.charAt(this.#at) === '\\' && this.#at + 1 < this.#text.length;
    this.#at += escaped ? 2 : 1;
    return this.#text.charAt(this.#at - 1);
  }

  /** Text up to a closing character, with quoted pairs undone, or undefined if it never comes. */
  #enclosed(close: string): string | undefined {
    let text = '';
    for (let at = this.#at + 1; at < this.#text.length; at++) {
      const character = this.#text.charAt(at);
      if (character === close) {
        this.#at = at + 1;
        return text;
      }
      if (character === '\\' && at + 1 < this.#text.length) at++;
      text += this.#text.charAt(at);
    }
    return undefined;
  }

  /** A comment's text; comments nest (RFC 5322 3.2.2). */
  #comment(): string | undefined {
    let text = '';
    let depth = 1;
    for (let at = this.#at + 1; at < this.#text.length; at++) {
      const character = this.#text.charAt(at);
      if (character === ')' && --depth === 0) {
        this.#at = at + 1;
        return text;
      }
      if (character === '(') depth++;
      if (character === '\\' && at + 1 < this.#text.length) at++;
      text += this.#text.charAt(at);
    }
    return undefined;
  }
}

function isSpace(code: number): boolean {
  return code === 32 || code === 9 || code === 13 || code === 10;
}

interface Word {
  readonly text: string;
  readonly spaced: boolean;
}

class ListParser {
  readonly #lexer: Lexer;
  readonly #found: Address[] = [];
  #words: Word[] = [];
  #comment = '';
  /** Set once an address was read that a comment may still name. */
  #nameless = false;
  /** Set after a '>': words up to the next comma are no address of their own. */
  #afterAngle = false;
  #inGroup = false;
  #token: Token | undefined;

  constructor(text: string) {
    this.#lexer = new Lexer(text);
  }

  #advance(): void {
    this.#token = this.#lexer.next();
  }

  parse(): Address[] {
    this.#advance();
    while (this.#token !== undefined) {
      const { kind, text } = this.#token;
      if (kind === 'word') {
        this.#words.push(this.#token);
        this.#advance();
      } else if (kind === 'comment') {
        this.#takeComment(text);
        this.#advance();
      } else {
        this.#special(text);
      }
    }
    this.#bareWords();
    if (this.#inGroup) this.#endGroup();
    return this.#found;
  }

  #takeComment(text: string): void {
    const last = this.#found.at(-1);
    if (this.#nameless && last !== undefined && this.#words.length === 0) {
      this.#found[this.#found.length - 1] = { ...last, name: text.trim() };
      this.#nameless = false;
    } else {
      this.#comment = text;
    }
  }

  #special(text: string): void {
    this.#advance();
    switch (text) {
      case '<':
        this.#angle();
        break;
      case '@':
        this.#bareAddress();
        break;
      case ':':
        if (this.#inGroup) this.#words.push({ text: ':', spaced: false });
        else if (this.#words.length > 0) this.#startGroup();
        break;
      case ';':
      case ',':
        this.#bareWords();
        this.#nameless = false;
        this.#afterAngle = false;
        if (text === ';' && this.#inGroup) this.#endGroup();
        break;
      default: // a '>' that nothing opened
        break;
    }
  }

  #startGroup(): void {
    this.#found.push({ group: 'start', name: joined(this.#words), route: '', mailbox: '', host: '' });
    this.#reset();
    this.#inGroup = true;
  }

  #endGroup(): void {
    this.#found.push({ group: 'end', name: '', route: '', mailbox: '', host: '' });
    this.#inGroup = false;
  }

  #reset(): void {
    this.#words = [];
    this.#comment = '';
    this.#nameless = false;
  }

  #push(name: string, route: string, mailbox: string, host: string): void {
    const known = name === '' ? this.#comment.trim() : name;
    this.#reset();
    if (mailbox === '' && host === '') {
      // `a@b <>`: the name is the address.
      const at = known.lastIndexOf('@');
      if (at > 0) this.#found.push({ name: '', route, mailbox: known.slice(0, at), host: known.slice(at + 1) });
      if (at > 0 || known === '') return;
    }
    this.#found.push({ name: known, route, mailbox, host });
    this.#nameless = known === '';
  }

  /** Words without an address: a bare local part, or what is left of a broken one. */
  #bareWords(): void {
    if (this.#afterAngle) {
      if (this.#words.length > 0) this.#takeComment(joined(this.#words.splice(0)));
    } else if (this.#words.length > 0) {
      this.#push('', '', joined(this.#words), '');
    }
    this.#reset();
  }

  /** `local@host` without brackets; the words before the last are a name whose brackets are missing. */
  #bareAddress(): void {
    const words = this.#words;
    let first = words.length - 1;
    while (first > 0 && words[first]?.spaced === false) first--;
    const parts = [joined(words.slice(Math.max(0, first))), this.#host()];
    while (this.#isSpecial('@')) {
      this.#advance();
      parts.push(this.#host());
    }
    const before = words.slice(0, Math.max(0, first));
    if (this.#isSpecial('<')) {
      // `user@host <user@host>`: the first is a name that should have been quoted.
      this.#words = [...before, { text: parts.join('@'), spaced: true }];
      return;
    }
    const host = parts.pop() ?? '';
    this.#push(joined(before), '', parts.join('@'), host);
  }

  /** Words up to a space (white space around the dots is allowed: RFC 5322 4.4). */
  #host(): string {
    let host = '';
    for (; this.#token !== undefined && this.#token.kind !== 'special'; this.#advance()) {
      const token = this.#token;
      if (token.kind === 'comment') {
        if (this.#comment === '') this.#comment = token.text;
        continue;
      }
      if (token.spaced && host !== '' && !host.endsWith('.') && !token.text.startsWith('.')) break;
      host += token.text;
    }
    return host;
  }

  #isSpecial(text: string): boolean {
    return this.#token?.kind === 'special' && this.#token.text === text;
  }

  /** After '<': route, local part, host, up to '>', which may be missing; of several '@' the last one counts. */
  #angle(): void {
    const name = joined(this.#words);
    let route = this.#isSpecial('@') ? this.#route() : '';
    const parts: Word[][] = [[]];
    if (route !== '' && this.#isSpecial('>')) {
      parts.push([{ text: route.slice(1), spaced: false }]);
      route = '';
    }
    for (; this.#token !== undefined; this.#advance()) {
      const { kind, text } = this.#token;
      if (kind === 'special' && '<>,'.includes(text)) break;
      // `<undisclosed:;@x>`: only a missing '>' makes it the end.
      if (text === ';' && kind === 'special' && !this.#lexer.closes()) break;
      if (kind === 'special' && text === '@') parts.push([]);
      else if (kind === 'special') parts.at(-1)?.push({ text, spaced: false });
      else if (kind === 'word') parts.at(-1)?.push(this.#token);
    }
    if (this.#isSpecial('>')) this.#advance();
    const host = parts.length > 1 ? joined(parts.pop() ?? []) : '';
    this.#push(name, route, parts.map(joined).join('@'), host);
    this.#afterAngle = true;
  }

  /** The obsolete source route `@a,@b:` (RFC 5322 4.4), without its colon. */
  #route(): string {
    let route = '';
    for (; this.#token !== undefined && !this.#isSpecial('>'); this.#advance()) {
      if (this.#isSpecial(':')) {
        this.#advance();
        break;
      }
      if (this.#token.kind !== 'comment') route += this.#token.text;
    }
    return route;
  }
}

/** Words as they stood, with one space where there was any. */
function joined(words: readonly Word[]): string {
  let text = '';
  for (const word of words) text += (word.spaced && text !== '' ? ' ' : '') + word.text;
  return text;
}

const ASCII = /^[\x20-\x7e]*$/;

/** A character of a word that means nothing by itself; RFC 5322 calls more of them special. */
const letter = (but: string) => String.raw`[^\0-\x20"(<>@,;:[\\${but}\x7f-\uffff]`;

/** One address with the comma behind it: a quoted name, or words; local part and host; the same without brackets. */
function addressPattern(word: string, atom: string): RegExp {
  const name = String.raw`(?:"([^"\\]*)"|(${word}(?: ${word})*))? *`;
  return new RegExp(`(?:${name}<(${atom})@(${atom})>|(${atom})@(${atom}))(?:, *|$)`, 'y');
}

const PLAIN_ONE = addressPattern(`${letter('')}+`, `${letter('')}+`);

/** RFC 2047 5: encoded words, and an `=` that begins none. */
const ENCODED = String.raw`=\?${letter('?')}{1,64}\?[bBqQ]\?${letter('?')}*\?=`;
const ENCODED_ONE = addressPattern(String.raw`(?:${letter('=')}|=(?!\?)|${ENCODED})+`, `${letter('=')}+`);

/**
 * A list in the form of ENVELOPE (RFC 9051 7.5.2), if it is as nearly all are: in ASCII, without comments, groups, routes
 * or anything broken; else null. It means the same as `parseAddresses` by it.
 */
export function plainAddresses(list: string): string | null {
  if (!ASCII.test(list)) return null;
  const pattern = list.includes('=?') ? ENCODED_ONE : PLAIN_ONE;
  let text = '(';
  pattern.lastIndex = 0;
  for (let count = 0; count < ADDRESSES; count++) {
    const match = pattern.exec(list);
    if (match === null) return null;
    // The words of all of them are such that a quoted string holds them as they are.
    const [, quoted, words, local, host, bareLocal, bareHost] = match;
    const name = quoted ?? words ?? '';
    text += `(${name === '' ? 'NIL' : `"${name}"`} NIL "${local ?? bareLocal}" "${host ?? bareHost}")`;
    if (pattern.lastIndex === list.length) return list.endsWith(',') ? null : `${text})`;
  }
  return null;
}
