// Where a message's texts lie, read from `message.structure` (structure.ts) without taking apart what else is there: a
// search asks that of tens of thousands of messages at once.

import { charsetOf, type Part, parseList, quotedEnd, readParameters } from './structure.ts';

/** A part with text that a person may look for, by its offsets in the message. */
export interface TextPlace extends Pick<Part, 'encoding' | 'charset'> {
  readonly start: number;
  readonly end: number;
}

export interface TextPlaces {
  /** Where the message's header block ends, and where the message does. */
  readonly bodyAt: number;
  readonly end: number;
  /** In the order of their bytes; those of nested messages too, none that is empty. */
  readonly texts: readonly TextPlace[];
}

/** Is it a part with text? The parts of a message/rfc822 come by themselves. */
export function isText({ type, message }: Pick<Part, 'type' | 'message'>): boolean {
  return type === 'text' || (type === 'message' && message === null);
}

/** The texts of a message. */
export function textPlaces(structure: string): TextPlaces {
  const reader = new Reader(structure);
  const { bodyAt, end } = reader.part();
  return { bodyAt, end, texts: reader.texts };
}

const [SPACE, QUOTE, OPEN, CLOSE] = [32, 34, 40, 41];

class Reader {
  readonly texts: TextPlace[] = [];
  readonly #text: string;
  #at = 0;
  #offsetAt: number;

  constructor(structure: string) {
    this.#text = structure;
    this.#offsetAt = structure.indexOf('\n') + 1;
  }

  /** Reads one part and all below it. */
  part(): { bodyAt: number; end: number } {
    this.#offset();
    const [bodyAt, end] = [this.#offset(), this.#offset()];
    this.#at += 1;
    if (this.#code() === OPEN) {
      while (this.#code() === OPEN) this.part();
      this.#leave();
      return { bodyAt, end };
    }
    const [type, subtype] = [this.#string(), this.#string()];
    const isMessage = type === 'message' && (subtype === 'rfc822' || subtype === 'global');
    const parameters = this.#value();
    this.#value();
    this.#value();
    const encoding = this.#string();
    this.#value();
    let nested = false;
    if (isMessage) {
      this.#value();
      this.#blank();
      nested = this.#code() === OPEN;
      if (nested) this.part();
    }
    if (!nested && end > bodyAt && (type === 'text' || type === 'message')) {
      const charset = parameters === 'NIL' ? '' : charsetOf(readParameters(parseList(parameters)));
      this.texts.push({ encoding, charset, start: bodyAt, end });
    }
    this.#leave();
    return { bodyAt, end };
  }

  #code(): number {
    return this.#text.charCodeAt(this.#at);
  }

  #blank(): void {
    while (this.#code() === SPACE) this.#at += 1;
  }

  /** The next number of the second line. */
  #offset(): number {
    const space = this.#text.indexOf(' ', this.#offsetAt);
    const end = space < 0 ? this.#text.length : space;
    const offset = Number.parseInt(this.#text.slice(this.#offsetAt, end), 36);
    this.#offsetAt = end + 1;
    return offset;
  }

  /** A string's value; '' for NIL. */
  #string(): string {
    const value = this.#value();
    if (value === 'NIL') return '';
    const inner = value.slice(1, -1);
    return inner.includes('\\') ? inner.replace(/\\(.)/gs, '$1') : inner;
  }

  /** The next value as it is written. */
  #value(): string {
    this.#blank();
    const start = this.#at;
    const code = this.#code();
    if (code === OPEN) {
      this.#at += 1;
      this.#leave();
    } else if (code === QUOTE) {
      this.#at = quotedEnd(this.#text, start);
    } else {
      while (this.#code() > CLOSE) this.#at += 1;
    }
    return this.#text.slice(start, this.#at);
  }

  /** Goes behind the end of the list that it is in. */
  #leave(): void {
    const { length } = this.#text;
    for (let depth = 1; depth > 0 && this.#at < length; ) {
      const code = this.#code();
      if (code === QUOTE) {
        this.#at = quotedEnd(this.#text, this.#at);
        continue;
      }
      if (code === OPEN) depth += 1;
      else if (code === CLOSE) depth -= 1;
      this.#at += 1;
    }
  }
}
