// Header keys of SEARCH: a string in the text of a field (RFC 9051 6.4.4).

import { fold } from '#storage/message/fold.ts';
import { bare, bestForm, strengthOf } from '#storage/message/fuzzy.ts';
import { fields, fieldValue, latin1 } from '#storage/message/headers.ts';
import { readings } from '#storage/message/readings.ts';

/** The fields of one header block, each value decoded when it is first asked for. */
export class HeaderTexts {
  readonly #block: string;
  readonly #fields: ReturnType<typeof fields>;
  readonly #values = new Map<string, readonly string[]>();

  constructor(header: Uint8Array) {
    this.#block = latin1(header);
    this.#fields = fields(this.#block);
  }

  /** Does a field of this name (in lower case) hold this folded text? An empty text: is there such a field? */
  holds(name: string, text: string): boolean {
    return this.#folded(name).some((value) => value.includes(text));
  }

  /** How strongly a field of this name has a word (message/fuzzy.ts); 0 if it has not. */
  strength(name: string, word: string): number {
    const forms = this.#folded(name).map((value) => bestForm(bare(value), word));
    return strengthOf(Math.max(0, ...forms), 0);
  }

  #folded(name: string): readonly string[] {
    let values = this.#values.get(name);
    if (values === undefined) {
      const raw = this.#fields.filter((field) => field.name === name).map((field) => fieldValue(this.#block, field));
      values = readings(name, raw).map(fold);
      this.#values.set(name, values);
    }
    return values;
  }
}
