// Tells of most texts that none of some search strings is in them, from their bytes: making text of them and folding it
// (fold.ts) costs several times as much, and of the messages that have the words of a phrase few have the phrase.

import { isAscii } from 'node:buffer';
import { asciiIn, decodeText } from './charset.ts';
import { fold } from './fold.ts';
import { latin1 } from './headers.ts';
import { transferDecoded, withoutSoftBreaks } from './transfer.ts';

/** Charsets remembered: mail has a dozen, and whoever makes up others shall not fill the memory. */
const CHARSETS = 100;

/** What only the text itself can tell: other scripts; NUL stands between the stretches below. */
const UNSUITABLE = /[\0\x80-\uffff]/;

export class ByteSearch {
  readonly #strings: readonly string[];
  /** The most characters on one side that an occurrence has besides one that is beyond ASCII. */
  readonly #beside: number;
  /** Each lies within a line and has no `=`: it is found in quoted-printable without decoding that. */
  readonly #inLines: boolean;
  readonly #charsets = new Map<string, ReturnType<typeof asciiIn>>();

  /** Folded strings; null if bytes say nothing of one of them. */
  static of(strings: readonly string[]): ByteSearch | null {
    return strings.length === 0 || strings.some((one) => UNSUITABLE.test(one)) ? null : new ByteSearch(strings);
  }

  private constructor(strings: readonly string[]) {
    this.#strings = strings;
    this.#inLines = strings.every((one) => !/[\r\n=]/.test(one));
    this.#beside = Math.max(...strings.map(({ length }) => length)) - 1;
  }

  /** The bytes of a text, decoded; null if none of the strings is in the folded text of them. */
  decoded(bytes: Uint8Array, encoding: string, charset: string): Uint8Array | null {
    if (encoding === 'quoted-printable' && this.#inLines && isAscii(bytes) && this.#asciiIn(charset) !== 'unknown') {
      const text = withoutSoftBreaks(bytes);
      if (text !== null && !this.#isIn(text.toLowerCase())) return null;
    }
    const decoded = transferDecoded(bytes, encoding);
    return this.mayBeIn(decoded, charset) ? decoded : null;
  }

  /** False if none of the strings is in the folded text of these bytes; true if one is, or that can't be told. */
  mayBeIn(bytes: Uint8Array, charset: string): boolean {
    const ascii = this.#asciiIn(charset);
    if (ascii === 'unknown') return true;
    const allAscii = isAscii(bytes);
    if (!allAscii && ascii === 'alone') return true;
    // Of the bytes above 127 it makes others, but none below 128.
    if (this.#isIn(latin1(bytes).toLowerCase())) return true;
    return !allAscii && this.#isIn(fold(decodeText(this.#besideOthers(bytes), charset)));
  }

  #isIn(text: string): boolean {
    for (const one of this.#strings) if (text.includes(one)) return true;
    return false;
  }

  /**
   * The stretches in which an occurrence would have to lie that has part of a character beyond ASCII: `é` is found by
   * `e`, since it is taken apart. NUL stands between them. (A byte below 128 begins a character whatever is before it,
   * so a stretch that begins with one is decoded as in its place.)
   */
  #besideOthers(bytes: Uint8Array): Uint8Array {
    const beside = this.#beside;
    const stretches = new Uint8Array(bytes.length + 1);
    let length = 0;
    let [done, until] = [0, 0];
    for (let at = 0; at < bytes.length; at++) {
      if ((bytes[at] ?? 0) < 128) continue;
      if (at - beside > until) {
        for (; done < until; done++) stretches[length++] = bytes[done] ?? 0;
        stretches[length++] = 0;
        done = at - beside;
      }
      until = at + beside + 1;
    }
    for (; done < Math.min(until, bytes.length); done++) stretches[length++] = bytes[done] ?? 0;
    return stretches.subarray(0, length);
  }

  #asciiIn(charset: string): ReturnType<typeof asciiIn> {
    let found = this.#charsets.get(charset);
    if (found === undefined) {
      found = asciiIn(charset);
      if (this.#charsets.size === CHARSETS) this.#charsets.clear();
      this.#charsets.set(charset, found);
    }
    return found;
  }
}
