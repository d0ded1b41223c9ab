// The messages of one mailbox as typed arrays, in UID order: 29 bytes a message, shared by all sessions of the thread.
//
// A row keeps its slot for the life of a Rows. An expunged message's row stays (sessions that have not been told still
// count it) until the index makes new Rows without the dead ones; whoever still holds the old Rows asks its successor
// for what has changed since.

import { countBelow } from '../count-below.ts';

/** What of a message is kept. */
export interface Row {
  readonly uid: number;
  readonly message: number;
  /** RFC822.SIZE, which has 32 bits (RFC 3501 9, "number"). */
  readonly size: number;
  readonly flags: number;
  readonly modseq: number;
}

/** What can change of rows, one after the other. */
export interface RowStates {
  readonly flags: Uint8Array;
  readonly keywords: Uint32Array;
  readonly modseqs: Float64Array;
}

/** Rows that a new, empty mailbox has room for. */
const FIRST_CAPACITY = 16;

export class Rows {
  #uids: Uint32Array;
  #flags: Uint8Array;
  #keywords: Uint32Array;
  #modseqs: Float64Array;
  #messages: Float64Array;
  #sizes: Uint32Array;
  #count = 0;
  /** The Rows that replaced these; null while these are live. */
  successor: Rows | null = null;

  constructor(capacity: number) {
    const room = Math.max(FIRST_CAPACITY, capacity);
    this.#uids = new Uint32Array(room);
    this.#flags = new Uint8Array(room);
    this.#keywords = new Uint32Array(room);
    this.#modseqs = new Float64Array(room);
    this.#messages = new Float64Array(room);
    this.#sizes = new Uint32Array(room);
  }

  /** Slots in use. */
  get count(): number {
    return this.#count;
  }

  uid(slot: number): number {
    return this.#uids[slot] ?? 0;
  }

  message(slot: number): number {
    return this.#messages[slot] ?? 0;
  }

  size(slot: number): number {
    return this.#sizes[slot] ?? 0;
  }

  /** As it is now. */
  modseq(slot: number): number {
    if (this.successor !== null) return this.#newer(slot, (rows, at) => rows.modseq(at), this.#modseqs);
    return this.#modseqs[slot] ?? 0;
  }

  /** Bits of Flag, as they are now. */
  flags(slot: number): number {
    if (this.successor !== null) return this.#newer(slot, (rows, at) => rows.flags(at), this.#flags);
    return this.#flags[slot] ?? 0;
  }

  /** The id of the keyword set, as it is now. */
  keywords(slot: number): number {
    if (this.successor !== null) return this.#newer(slot, (rows, at) => rows.keywords(at), this.#keywords);
    return this.#keywords[slot] ?? 0;
  }

  /** A row as it is now. */
  at(slot: number): Row {
    const [uid, message, size] = [this.uid(slot), this.message(slot), this.size(slot)];
    return { uid, message, size, flags: this.flags(slot), modseq: this.modseq(slot) };
  }

  /** What can change of some rows that follow each other, as it is now. */
  state(slot: number, count: number): RowStates {
    const end = slot + count;
    if (this.successor === null) {
      const [flags, keywords] = [this.#flags.slice(slot, end), this.#keywords.slice(slot, end)];
      return { flags, keywords, modseqs: this.#modseqs.slice(slot, end) };
    }
    const slots = Array.from({ length: count }, (_, at) => slot + at);
    return {
      flags: Uint8Array.from(slots, (at) => this.flags(at)),
      keywords: Uint32Array.from(slots, (at) => this.keywords(at)),
      modseqs: Float64Array.from(slots, (at) => this.modseq(at)),
    };
  }

  /** Adds a message with a UID above all others. */
  append({ uid, message, size, flags, modseq }: Row, keywords: number): void {
    if (this.#count === this.#uids.length) this.#grow();
    this.#uids[this.#count] = uid;
    this.#messages[this.#count] = message;
    this.#sizes[this.#count] = size;
    this.#count++;
    this.set(this.#count - 1, flags, keywords, modseq);
  }

  set(slot: number, flags: number, keywords: number, modseq: number): void {
    this.#flags[slot] = flags;
    this.#keywords[slot] = keywords;
    this.#modseqs[slot] = modseq;
  }

  /**
   * Changes the flags of slots [from, to) to (old & keep) | set, where that is a change and the row is not newer;
   * `changed` is told the runs that were. For many: the arrays are gone through without a call for each row.
   */
  setFlags(
    from: number,
    to: number,
    { keep, set, modseq }: { readonly keep: number; readonly set: number; readonly modseq: number },
    changed: (first: number, last: number) => void,
  ): void {
    const [allFlags, modseqs] = [this.#flags, this.#modseqs];
    let first = -1;
    for (let slot = from; slot < to; slot++) {
      const old = allFlags[slot] ?? 0;
      const flags = (old & keep) | set;
      if (flags !== old && (modseqs[slot] ?? 0) < modseq) {
        allFlags[slot] = flags;
        modseqs[slot] = modseq;
        if (first === -1) first = slot;
      } else if (first !== -1) {
        changed(first, slot - 1);
        first = -1;
      }
    }
    if (first !== -1) changed(first, to - 1);
  }

  /** The first slot whose UID is at least `uid`; `count` when there is none. */
  lowerBound(uid: number): number {
    return countBelow(this.#uids, uid, this.#count);
  }

  /** The slot of a UID, or -1. */
  slotOf(uid: number): number {
    const slot = this.lowerBound(uid);
    return slot < this.#count && this.#uids[slot] === uid ? slot : -1;
  }

  #newer(slot: number, read: (rows: Rows, slot: number) => number, own: ArrayLike<number>): number {
    const next = this.successor;
    const at = next?.slotOf(this.uid(slot)) ?? -1;
    return next === null || at === -1 ? (own[slot] ?? 0) : read(next, at);
  }

  #grow(): void {
    const room = this.#uids.length * 2;
    this.#uids = grown(this.#uids, new Uint32Array(room));
    this.#flags = grown(this.#flags, new Uint8Array(room));
    this.#keywords = grown(this.#keywords, new Uint32Array(room));
    this.#modseqs = grown(this.#modseqs, new Float64Array(room));
    this.#messages = grown(this.#messages, new Float64Array(room));
    this.#sizes = grown(this.#sizes, new Uint32Array(room));
  }
}

function grown<A extends Uint8Array | Uint32Array | Float64Array>(from: A, to: A): A {
  to.set(from);
  return to;
}
