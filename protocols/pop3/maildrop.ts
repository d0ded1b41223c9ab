// The maildrop of a session: INBOX (F172) as it was at the login. Later arrivals are the next session's; numbers never
// change (RFC 1939 4). Deletions are marks until QUIT. It is locked: one POP3 session an account in the whole process. Web
// locks are shared by all threads; one whose thread dies is not freed, which is why a thread's death ends the process.

import { StoreError } from '#storage/errors.ts';
import { Trait } from '#storage/message/scanned.ts';
import type { AccountId, MailAccount, Mailbox, MessageContent, MessageId, UidRange } from '#storage/ports.ts';
import { MAX_MESSAGES, READ_AHEAD_MESSAGES, READ_AHEAD_OCTETS } from './limits.ts';

const MAX_UID = 0xffff_ffff;

/** Gives the maildrop back; resolves when the next session can have it. */
export type Unlock = () => Promise<void>;

/** Takes an account's maildrop (RFC 1939 4), or null if another session has it. */
export async function lockMaildrop(account: AccountId): Promise<Unlock | null> {
  const held = Promise.withResolvers<void>();
  const granted = Promise.withResolvers<boolean>();
  const settled = navigator.locks.request(`pop3 ${account}`, { ifAvailable: true }, async (lock) => {
    granted.resolve(lock !== null);
    if (lock !== null) await held.promise;
  });
  settled.catch(granted.reject);
  if (!(await granted.promise)) return null;
  return async () => {
    held.resolve();
    await settled;
  };
}

/** One message, by its number in this session. */
export interface Entry {
  readonly number: number;
  readonly message: MessageId;
  /** Octets as they are sent, without doubled dots. */
  readonly octets: number;
}

export class Maildrop {
  readonly #account: MailAccount;
  readonly #inbox: Mailbox;
  readonly #unlock: Unlock;
  /** By number - 1. */
  #uids = new Uint32Array(0);
  #messages = new Float64Array(0);
  #items = new Float64Array(0);
  #octets = new Float64Array(0);
  #deleted = new Uint8Array(0);
  #length = 0;
  #deletedCount = 0;
  #deletedOctets = 0;
  #totalOctets = 0;
  /** Messages that were read ahead. */
  readonly #ahead = new Map<MessageId, MessageContent>();
  #reading: Promise<void> | null = null;
  /** The number of the message that was asked for last. */
  #lastRead = 0;

  private constructor(account: MailAccount, inbox: Mailbox, unlock: Unlock) {
    this.#account = account;
    this.#inbox = inbox;
    this.#unlock = unlock;
  }

  /** Reads INBOX under a lock that is held already; the maildrop gives it back at `close`. */
  static async open(account: MailAccount, unlock: Unlock): Promise<Maildrop> {
    const inbox = await account.mailboxByPath('INBOX');
    if (inbox === undefined) throw new StoreError('unavailable', `account ${account.id} has no INBOX`);
    const maildrop = new Maildrop(account, inbox, unlock);
    await maildrop.#read();
    return maildrop;
  }

  async #read(): Promise<void> {
    for await (const rows of this.#account.listing(
      this.#inbox.id,
      [[1, MAX_UID]],
      ['message', 'item', 'size', 'traits'],
    )) {
      this.#reserve(Math.min(MAX_MESSAGES, this.#length + rows.length));
      for (const row of rows.slice(0, MAX_MESSAGES - this.#length)) {
        const at = this.#length++;
        // A last line without its end is ended when it is sent.
        const octets = row.size + ((row.traits & Trait.openEnd) === 0 ? 0 : 2);
        this.#uids[at] = row.uid;
        this.#messages[at] = row.message;
        this.#items[at] = row.item;
        this.#octets[at] = octets;
        this.#totalOctets += octets;
      }
      if (this.#length >= MAX_MESSAGES) break;
    }
    this.#deleted = new Uint8Array(this.#length);
  }

  /** Messages with their numbers, deleted ones included. */
  get length(): number {
    return this.#length;
  }

  /** Messages that are not marked as deleted (RFC 1939 5, STAT). */
  get count(): number {
    return this.#length - this.#deletedCount;
  }

  get octets(): number {
    return this.#totalOctets - this.#deletedOctets;
  }

  /** Messages marked as deleted. */
  get marked(): number {
    return this.#deletedCount;
  }

  /** The message of this number; undefined if there is none or it is marked as deleted. */
  entry(number: number): Entry | undefined {
    const at = number - 1;
    if (!(at >= 0 && at < this.#length) || this.#deleted[at] === 1) return undefined;
    return { number, message: this.#messages[at] ?? 0, octets: this.#octets[at] ?? 0 };
  }

  /**
   * The unique id of a message that `entry` has given (RFC 1939 7): it names this content in this place for ever. An
   * item is never given out again in an account, and UIDVALIDITY tells a new account of the same name from the old one.
   * A message moved away and back keeps it; a copy and a replaced one, which share item or message, get another.
   */
  uniqueId(number: number): string {
    const item = this.#items[number - 1] ?? 0;
    const message = this.#messages[number - 1] ?? 0;
    return `${this.#inbox.uidvalidity}.${item}${item === message ? '' : `.${message}`}`;
  }

  /** Marks as deleted a message that `entry` has given. */
  delete(number: number): void {
    this.#deleted[number - 1] = 1;
    this.#deletedCount += 1;
    this.#deletedOctets += this.#octets[number - 1] ?? 0;
  }

  /** Takes all marks away (RSET). */
  reset(): void {
    this.#deleted.fill(0);
    this.#deletedCount = 0;
    this.#deletedOctets = 0;
  }

  /** The bytes of a message; asked for in order, several are read at once. */
  async content({ number, message }: Entry): Promise<MessageContent> {
    const inOrder = number === this.#lastRead + 1;
    this.#lastRead = number;
    await this.#reading;
    if (inOrder && !this.#ahead.has(message)) await this.#readFrom(number);
    const content = this.#ahead.get(message);
    this.#ahead.delete(message);
    // One that another program took out of INBOX meanwhile is still there by its id.
    return content ?? this.#account.content(message);
  }

  /** A message whose reply was made beforehand has been sent. */
  passed({ number, message }: Entry): void {
    this.#lastRead = number;
    this.#ahead.delete(message);
  }

  /**
   * The message after this one, which most programs ask for next, if it was read already; else it is read now, while the
   * peer is busy with this one.
   */
  readAhead({ number }: Entry): { readonly entry: Entry; readonly content: MessageContent } | undefined {
    const entry = this.entry(number + 1);
    if (entry === undefined) return undefined;
    const content = this.#ahead.get(entry.message);
    if (content !== undefined) return { entry, content };
    this.#reading = this.#readFrom(entry.number);
    return undefined;
  }

  /** Reads this message and some after it. */
  async #readFrom(number: number): Promise<void> {
    let at = number - 1;
    let octets = this.#octets[at] ?? 0;
    while (at + 1 < this.#length && at + 1 < number - 1 + READ_AHEAD_MESSAGES && octets < READ_AHEAD_OCTETS) {
      octets += this.#octets[++at] ?? 0;
    }
    const uids: UidRange = [this.#uids[number - 1] ?? 0, this.#uids[at] ?? 0];
    this.#ahead.clear();
    try {
      for await (const rows of this.#account.listing(this.#inbox.id, [uids], ['message', 'content'])) {
        for (const row of rows) this.#ahead.set(row.message, row.content);
      }
    } catch {
      // Each is read by itself when it is asked for, and fails then, if it still does.
      this.#ahead.clear();
    }
  }

  /** The UPDATE state (RFC 1939 6): moves what is marked to Trash (F171); resolves when that is durable. */
  async update(): Promise<void> {
    if (this.#deletedCount === 0) return;
    const trash = (await this.#account.mailboxes()).find(({ special }) => special === 'trash');
    if (trash === undefined) throw new StoreError('unavailable', `account ${this.#account.id} has no Trash`);
    await this.#account.move(this.#inbox.id, this.#markedUids(), trash.id);
    this.reset();
  }

  /** Gives the lock back. */
  async close(): Promise<void> {
    await this.#unlock();
  }

  /** Runs of marked messages. UIDs between two neighbours belong to nobody: new ones are always higher. */
  #markedUids(): UidRange[] {
    const ranges: UidRange[] = [];
    for (let at = 0; at < this.#length; at++) {
      if (this.#deleted[at] !== 1) continue;
      const first = this.#uids[at] ?? 0;
      while (at + 1 < this.#length && this.#deleted[at + 1] === 1) at++;
      ranges.push([first, this.#uids[at] ?? 0]);
    }
    return ranges;
  }

  #reserve(length: number): void {
    if (length <= this.#uids.length) return;
    const room = Math.min(MAX_MESSAGES, Math.max(256, length, this.#uids.length * 2));
    this.#uids = grown(this.#uids, new Uint32Array(room));
    this.#messages = grown(this.#messages, new Float64Array(room));
    this.#items = grown(this.#items, new Float64Array(room));
    this.#octets = grown(this.#octets, new Float64Array(room));
  }
}

function grown<T extends Uint32Array | Float64Array>(from: T, to: T): T {
  to.set(from);
  return to;
}
