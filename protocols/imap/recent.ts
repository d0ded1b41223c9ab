// \Recent (RFC 3501 2.3.2): which messages no session has been told of. It is a fact of the process, not of the store:
// one shared table says, for each mailbox lately looked at, below which UID everything has been claimed by a session.
// A claim is one atomic exchange, so no message is recent in two sessions, on whatever threads they are.

import type { AccountId, MailboxId } from '#storage/ports.ts';

/** Mailboxes remembered; one that is pushed out counts what came since the server started as new again. */
const SLOTS = 16_384;

/** Memory for all threads of a process, made once in the main thread. */
export interface RecentShared {
  /** A word each: the mailbox's key in the upper half, the first unclaimed UID in the lower. */
  readonly table: SharedArrayBuffer;
  /** Unix ms when the server started: mail placed before it is not recent. */
  readonly started: number;
}

export function createRecentShared(started: number): RecentShared {
  return { table: new SharedArrayBuffer(SLOTS * 8), started };
}

export class RecentLedger {
  readonly started: number;
  readonly #table: BigInt64Array;

  constructor(shared: RecentShared) {
    this.started = shared.started;
    this.#table = new BigInt64Array(shared.table);
  }

  /** The first UID that no session has claimed; undefined when the mailbox is not known. */
  unclaimed(account: AccountId, mailbox: MailboxId): number | undefined {
    const { slot, key } = place(account, mailbox);
    const word = Atomics.load(this.#table, slot);
    return word >> 32n === key ? Number(word & 0xffff_ffffn) : undefined;
  }

  /** Remembers the first unclaimed UID of a mailbox that is not known. */
  learn(account: AccountId, mailbox: MailboxId, first: number): void {
    const { slot, key } = place(account, mailbox);
    const word = Atomics.load(this.#table, slot);
    if (word >> 32n !== key) Atomics.compareExchange(this.#table, slot, word, (key << 32n) | BigInt(first));
  }

  /**
   * Claims all UIDs below `uidnext` and gives the first that was unclaimed (`uidnext` if there was none). `otherwise` is
   * taken for a mailbox that is not known.
   */
  claim(account: AccountId, mailbox: MailboxId, uidnext: number, otherwise: number): number {
    const { slot, key } = place(account, mailbox);
    for (;;) {
      const word = Atomics.load(this.#table, slot);
      const first = word >> 32n === key ? Number(word & 0xffff_ffffn) : otherwise;
      if (first >= uidnext && word >> 32n === key) return uidnext;
      const claimed = (key << 32n) | BigInt(Math.max(first, uidnext));
      if (Atomics.compareExchange(this.#table, slot, word, claimed) === word) return Math.min(first, uidnext);
    }
  }
}

/** FNV-1a over the account's id and the mailbox's, once for the slot and once for the key (31 bits, never 0). */
function place(account: AccountId, mailbox: MailboxId): { slot: number; key: bigint } {
  const text = `${account}/${mailbox}`;
  const slot = hash(text, 0x811c9dc5) % SLOTS;
  return { slot, key: BigInt((hash(text, 0x01234567) >>> 1) | 1) };
}

function hash(text: string, seed: number): number {
  let value = seed;
  for (let at = 0; at < text.length; at++) value = Math.imul(value ^ text.charCodeAt(at), 0x01000193);
  return (value ^ (value >>> 15)) >>> 0;
}
