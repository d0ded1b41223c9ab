// What one thread has made of the texts of a large mailbox, told to the others: a program's next connection comes to any
// thread, and reading 100,000 envelopes again costs ten times what sorting by them does. A message's texts never change,
// so what is told of a UID is right for good; who has no use for it forgets it.

import { Broadcast } from '#storage/broadcast.ts';
import type { AccountId, MailboxId } from '#storage/ports.ts';
import { OFFERED_CHARACTERS, OFFERED_ROWS, OFFERED_TEXTS, OFFERS, OFFERS_ROWS } from '../limits.ts';
import type { TextName } from './sources.ts';

/** Which texts of which mailbox. */
export interface OfferedPlace {
  readonly account: AccountId;
  readonly mailbox: MailboxId;
  readonly name: TextName;
}

/** Texts by UID; the arrays are in memory that all threads share. */
export interface OfferedTexts {
  /** Ascending. */
  readonly uids: Uint32Array;
  /** The place of each one's text in `texts`. */
  readonly values: Uint32Array;
  readonly marks: Uint8Array;
  /** The different ones, in order. */
  readonly texts: readonly string[];
}

interface Offer {
  readonly place: OfferedPlace;
  readonly offered: OfferedTexts;
}

/** A thread's side of it. */
export class TextExchange {
  readonly #channel: Broadcast<Offer>;
  /** What others have told and nobody here has taken; the first is the oldest. */
  readonly #offers = new Map<string, OfferedTexts>();

  /** `name`: the same on all threads of a process, and on no others. */
  constructor(name: string) {
    this.#channel = new Broadcast(`${name}-texts`, (offer) => this.#keep(offer));
  }

  /** Tells the other threads of `rows` messages with these texts, if that was much to make and is not much to tell. */
  offer(place: OfferedPlace, rows: number, texts: readonly string[], make: () => OfferedTexts): void {
    if (rows < OFFERED_ROWS || rows > OFFERS_ROWS || texts.length > OFFERED_TEXTS) return;
    let characters = 0;
    for (const text of texts) characters += text.length;
    if (characters > OFFERED_CHARACTERS) return;
    const offer: Offer = { place, offered: make() };
    this.#channel.tell(offer);
  }

  /** What another thread has told, once. */
  take(place: OfferedPlace): OfferedTexts | undefined {
    const key = keyOf(place);
    const offered = this.#offers.get(key);
    this.#offers.delete(key);
    return offered;
  }

  close(): void {
    this.#channel.close();
    this.#offers.clear();
  }

  #keep({ place, offered }: Offer): void {
    const key = keyOf(place);
    this.#offers.delete(key);
    this.#offers.set(key, offered);
    let rows = 0;
    for (const { uids } of this.#offers.values()) rows += uids.length;
    for (const [oldest, { uids }] of this.#offers) {
      if (rows <= OFFERS_ROWS && this.#offers.size <= OFFERS) break;
      this.#offers.delete(oldest);
      rows -= uids.length;
    }
  }
}

function keyOf({ account, mailbox, name }: OfferedPlace): string {
  return `${account} ${mailbox} ${name}`;
}
