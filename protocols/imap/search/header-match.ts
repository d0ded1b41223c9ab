// Header keys of SEARCH: a string in the text of a field (RFC 9051 6.4.4), decoded; of address fields also in the plain
// address, so that comments and white space inside one hide nothing.

import { type Address, parseAddresses } from '#storage/message/address.ts';
import { fields, fieldValue, latin1 } from '#storage/message/headers.ts';
import { decodeWords } from '#storage/message/words.ts';
import { fold } from './text.ts';

const ADDRESS_FIELDS: ReadonlySet<string> = new Set(['from', 'to', 'cc', 'bcc', 'sender', 'reply-to']);

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

  #folded(name: string): readonly string[] {
    let values = this.#values.get(name);
    if (values === undefined) {
      const raw = this.#fields.filter((field) => field.name === name).map((field) => fieldValue(this.#block, field));
      values = raw.map((value) => fold(decodeWords(value)));
      if (ADDRESS_FIELDS.has(name)) values = [...values, ...raw.flatMap(plainAddresses)];
      this.#values.set(name, values);
    }
    return values;
  }
}

/** The addresses in a field where they do not stand in it as they are. */
function plainAddresses(value: string): string[] {
  if (!/[("\\]|\s@|@\s|\.\s|\s\./.test(value)) return [];
  const written = ({ host, mailbox }: Address) => (host === '' ? mailbox : `${mailbox}@${host}`);
  return parseAddresses(value).map((address) => fold(decodeWords(written(address))));
}
