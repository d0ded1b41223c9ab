// One account on this thread: the in-memory indexes of its mailboxes that sessions have selected, kept up to date from
// the change log (the feed), its list of mailboxes, its keywords. Made when the first session logs in, and kept for a
// while after the last, since most programs come back: then the change log says what is new, and no row is read again.

import { Pace } from '#protocols/net/pace.ts';
import { clientPurpose } from '#storage/account/folder-names.ts';
import { readFlagRun } from '#storage/changes/flag-run.ts';
import { StoreError } from '#storage/errors.ts';
import type { AccountId, ChangeRow, Cursor, MailAccount, Mailbox, MailboxId, UidRange } from '#storage/ports.ts';
import { CHANGE_ROWS, FOLLOWED_ROWS, KEPT_MAILBOXES, KEPT_ROWS } from '../limits.ts';
import { mergeRanges } from '../ranges.ts';
import { KeywordSets } from './keyword-sets.ts';
import { MailboxIndex } from './mailbox-index.ts';
import { Rows } from './rows.ts';

/** All UIDs there can be. */
export const ALL_UIDS: readonly UidRange[] = [[1, 0xffff_ffff]];

interface Opened {
  readonly index: MailboxIndex;
  /** 0: kept for the next one. */
  sessions: number;
}

/** The list of mailboxes as it was at a generation. */
interface Mailboxes {
  readonly generation: number;
  readonly list: readonly Mailbox[];
  /** Those whose counters have changed since they were read; nothing else has. */
  readonly changed: ReadonlySet<MailboxId>;
  readonly names: NamesReply;
}

/** The last reply that was made of the mailboxes' names and uses alone, with the words that it was asked for in. */
export interface NamesReply {
  /** null: there is none yet. */
  asked: string | null;
  text: string;
}

const NONE: ReadonlySet<MailboxId> = new Set();

export class ImapAccount {
  readonly id: AccountId;
  readonly mail: MailAccount;
  readonly keywords = new KeywordSets();
  /** In the order in which they were left: of those that no session has selected the first was left longest ago. */
  readonly #opened = new Map<string, Opened>();
  /** The same by mailbox: each reader of a shared one has his own, since \Seen is. */
  readonly #indexes = new Map<MailboxId, readonly MailboxIndex[]>();
  /** Where the change log has been read to; null while no mailbox is open. */
  #cursor: Cursor | null = null;
  /** Every change up to this modseq is in the indexes. */
  #applied = 0;
  /** The generation that the indexes show. */
  #seen = -1;
  /** Work on the indexes, one at a time. */
  #work: Promise<unknown> = Promise.resolve();
  /** Pieces of it that have not ended. */
  #working = 0;
  #mailboxes: Mailboxes | null = null;

  constructor(mail: MailAccount) {
    this.id = mail.id;
    this.mail = mail;
  }

  /** All mailboxes, as they are at the newest commit; `counted`: their counters matter. */
  async mailboxes(counted = true): Promise<readonly Mailbox[]> {
    const generation = this.mail.generation();
    const known = this.#mailboxes;
    if (known?.generation === generation) {
      if (!counted || known.changed.size === 0) return known.list;
      const list = await this.#recounted(known);
      if (list !== undefined) return list;
    }
    const list = await this.mail.mailboxes();
    this.#mailboxes = { generation, list, changed: NONE, names: { asked: null, text: '' } };
    return list;
  }

  /** Where a reply of nothing but names is kept: another as soon as one of them may have changed; null: nobody knows yet. */
  get names(): NamesReply | null {
    const known = this.#mailboxes;
    return known?.generation === this.mail.generation() ? known.names : null;
  }

  /** The list with the counters of the one mailbox that they have changed of; undefined if it is to be read anew. */
  async #recounted(known: Mailboxes): Promise<readonly Mailbox[] | undefined> {
    const [id, more] = known.changed;
    const fresh = id === undefined || more !== undefined ? undefined : await this.mail.mailbox(id);
    if (fresh === undefined) return undefined;
    const list = known.list.map((mailbox) => (mailbox.id === id ? fresh : mailbox));
    if (this.#mailboxes === known) this.#mailboxes = { ...known, list, changed: NONE };
    return list;
  }

  /** The mailbox of a path as `mailbox`, if that is known without reading anything. */
  known(path: string): Mailbox | undefined {
    const known = this.#mailboxes;
    if (known?.generation !== this.mail.generation()) return undefined;
    const found = known.list.find((mailbox) => mailbox.path === path);
    return found !== undefined && known.changed.has(found.id) ? undefined : found;
  }

  /** The mailbox of a path whose first level is INBOX in upper case if it is that. */
  async mailbox(path: string): Promise<Mailbox | undefined> {
    const named = (mailbox: Mailbox) => mailbox.path === path;
    const found = (await this.mailboxes(false)).find(named);
    if (found === undefined || this.#mailboxes?.changed.has(found.id) !== true) return found;
    return (await this.mailboxes()).find(named);
  }

  /** The special mailbox that a path means which is a mail program's own name for it and no mailbox (F175). */
  async alias(path: string): Promise<Mailbox | undefined> {
    const special = clientPurpose(path);
    if (special === '' || (await this.mailbox(path)) !== undefined) return undefined;
    return (await this.mailboxes()).find((mailbox) => mailbox.special === special);
  }

  /** The mailbox that a client means by a path: of that name, or the special one that it stands for. */
  async find(path: string): Promise<Mailbox | undefined> {
    return (await this.mailbox(path)) ?? (await this.alias(path));
  }

  /**
   * The mailbox of a path as it was when the list was last read, for an append, which itself holds it to the path: so
   * that a message that comes in does not make the next one read the list again.
   */
  async target(path: string): Promise<Mailbox | undefined> {
    return this.#mailboxes?.list.find((mailbox) => mailbox.path === path) ?? (await this.find(path));
  }

  /** Has anything been committed that the indexes do not show? */
  get behind(): boolean {
    return this.#seen !== this.mail.generation();
  }

  /** Is there an index of this mailbox, of a session or one that has just left? */
  hasOpen(mailbox: MailboxId): boolean {
    return this.#indexes.has(mailbox);
  }

  /** Brings the indexes up to everything that was committed before the call. */
  async catchUp(): Promise<void> {
    const generation = this.mail.generation();
    if (generation === this.#seen) return;
    // What a session has just changed itself is most often all there is, and waits for nothing.
    if (this.#working === 0 && this.#followOwn(generation)) this.#seen = generation;
    else await this.#exclusive(() => this.#follow());
  }

  /**
   * The index of a mailbox, up to date, for one more session: `release` it when it leaves. `reader`: whose \Seen is
   * meant, if not the owner's.
   */
  open(mailbox: MailboxId, reader?: AccountId): Promise<MailboxIndex> {
    return this.#exclusive(async () => {
      await this.#follow();
      const key = keyOf({ mailbox, reader });
      const opened = this.#opened.get(key);
      if (opened !== undefined) {
        opened.sessions++;
        return opened.index;
      }
      // The cursor first, then the rows: what is committed in between is seen twice, which changes nothing.
      this.#cursor ??= await this.mail.cursor('mail');
      const index = new MailboxIndex(mailbox, this.keywords, reader);
      await this.#load(index);
      this.#opened.set(key, { index, sessions: 1 });
      this.#indexes.set(mailbox, [...(this.#indexes.get(mailbox) ?? []), index]);
      return index;
    });
  }

  /** A session leaves a mailbox. */
  release(index: MailboxIndex): void {
    const key = keyOf(index);
    const opened = this.#opened.get(key);
    if (opened === undefined || --opened.sessions > 0) return;
    this.#opened.delete(key);
    if (opened.index.deleted) this.#drop(opened.index);
    else this.#opened.set(key, opened);
    this.#trim();
  }

  #drop(index: MailboxIndex): void {
    this.#opened.delete(keyOf(index));
    const left = (this.#indexes.get(index.mailbox) ?? []).filter((other) => other !== index);
    if (left.length === 0) this.#indexes.delete(index.mailbox);
    else this.#indexes.set(index.mailbox, left);
  }

  /** Rows that are in memory. */
  get rows(): number {
    let rows = 0;
    for (const { index } of this.#opened.values()) rows += index.view.rows.count;
    return rows;
  }

  /** Drops indexes that nobody has selected, from the one left longest ago, until the rest is within its limits. */
  #trim(): void {
    const kept = [...this.#opened].filter(([, { sessions }]) => sessions === 0);
    let rows = kept.reduce((sum, [, { index }]) => sum + index.view.rows.count, 0);
    for (const [at, [, { index }]] of kept.entries()) {
      if (rows <= KEPT_ROWS && kept.length - at <= KEPT_MAILBOXES) break;
      this.#drop(index);
      rows -= index.view.rows.count;
    }
    if (this.#opened.size === 0) this.#cursor = null;
  }

  #exclusive<T>(work: () => Promise<T>): Promise<T> {
    this.#working++;
    const result = this.#work.then(work);
    // The caller gets the error; the next one starts afresh.
    const done = () => {
      this.#working--;
    };
    this.#work = result.then(done, done);
    return result;
  }

  /** Reads the change log to its end. */
  async #follow(): Promise<void> {
    const generation = this.mail.generation();
    if (generation === this.#seen) return;
    if (!this.#followOwn(generation)) await this.#readLog();
    this.#seen = generation;
  }

  /** Takes over what a session has just changed, if that is all that the log has: then nothing need be read. */
  #followOwn(generation: number): boolean {
    const own = this.#cursor === null ? null : this.mail.ownChange(this.#cursor);
    if (own === null) return false;
    const indexes = this.#indexes.get(own.mailbox) ?? [];
    // What a reader of a shared mailbox sees of it is another matter.
    if (indexes.some(({ reader }) => reader !== undefined)) return false;
    for (const index of indexes) {
      if (own.kind === 'add') index.apply(own.placements);
      else if (own.kind === 'remove') index.remove(own.uids);
      else for (const range of own.uids) index.applyFlags(range, own.run, own.modseq);
      if (index.stale) return false;
      index.completeTo(own.modseq);
    }
    const known = this.#mailboxes;
    if (known?.generation === this.#seen) {
      const changed = known.changed.has(own.mailbox) ? known.changed : new Set([...known.changed, own.mailbox]);
      this.#mailboxes = { ...known, generation, changed };
    }
    this.#cursor = own.cursor;
    this.#applied = Math.max(this.#applied, own.modseq);
    return true;
  }

  async #readLog(): Promise<void> {
    // Up to which modseq each index has everything, once the log has been read to its end.
    const complete = new Map<MailboxIndex, number>();
    for (let more = this.#cursor !== null; more && this.#cursor !== null; ) {
      try {
        const page = await this.mail.changes('mail', this.#cursor, CHANGE_ROWS);
        await this.#apply(page.rows, complete);
        this.#cursor = page.cursor;
        // The rows of one modseq may go on in the next page.
        this.#applied = Math.max(this.#applied, (page.rows.at(-1)?.modseq ?? 0) - 1);
        more = page.more;
      } catch (error) {
        if (!(error instanceof StoreError) || error.code !== 'stale-cursor') throw error;
        await this.#reloadAll();
        more = false;
      }
    }
    for (const { index } of this.#opened.values()) if (index.stale) await this.#load(index);
    for (const [index, modseq] of complete) index.completeTo(modseq);
  }

  async #apply(rows: readonly ChangeRow[], complete: Map<MailboxIndex, number>): Promise<void> {
    const wanted = new Map<MailboxIndex, UidRange[]>();
    const seen = new Set<MailboxIndex>();
    let walked = 0;
    for (const row of rows) {
      for (const index of this.#indexes.get(row.collection) ?? []) {
        if (row.reason === 'seen') {
          // What another reader has seen is nobody else's business.
          if (row.reader !== index.reader) continue;
          complete.set(index, row.modseq);
          seen.add(index);
          continue;
        }
        complete.set(index, row.modseq);
        if (row.uid === 0) {
          if (row.reason === 'deleted') index.deleted = true;
        } else if (row.kind === 'remove') {
          index.remove([[row.uid, row.last]]);
        } else {
          if (row.reason === 'annotation' && concerns(row, index.reader ?? this.id))
            index.noteAnnotation(row.uid, row.name, row.modseq);
          const ranges = wanted.get(index);
          const run = index.reader === undefined ? readFlagRun(row) : null;
          // Only what has everything before it can be changed without looking.
          if (ranges !== undefined) ranges.push([row.uid, row.last]);
          else if (run === null || walked > FOLLOWED_ROWS) wanted.set(index, [[row.uid, row.last]]);
          else walked += index.applyFlags([row.uid, row.last], run, row.modseq);
        }
      }
    }
    for (const [index, ranges] of wanted) await this.#read(index, ranges);
    for (const index of seen) {
      index.applySeen(await this.mail.seenBy(index.mailbox, index.reader ?? this.id, this.#applied));
    }
  }

  /** Reads what changed in an open mailbox. */
  async #read(index: MailboxIndex, ranges: readonly UidRange[]): Promise<void> {
    const since = this.#applied;
    const pace = new Pace();
    for await (const page of this.mail.placements(index.mailbox, mergeRanges(ranges), { since })) {
      await this.#learn(page);
      index.apply(page);
      if (pace.late) await pace.rest();
    }
  }

  /** Reads a mailbox from the start. */
  async #load(index: MailboxIndex): Promise<void> {
    const rows = new Rows(0);
    const pace = new Pace();
    // Read first: all that it counts is in the rows that follow.
    const { mailbox, reader } = index;
    const modseq =
      reader === undefined
        ? ((await this.mail.mailbox(mailbox))?.modseq ?? 0)
        : (await this.mail.readerStatus(mailbox, reader)).modseq;
    for await (const page of this.mail.placements(mailbox, ALL_UIDS)) {
      await this.#learn(page);
      index.load(rows, page);
      // Pages come one after the other without a turn of the event loop.
      if (pace.late) await pace.rest();
    }
    index.replace(rows);
    // After the rows, so that no message that is seen is missing among them.
    if (reader !== undefined) index.applySeen(await this.mail.seenBy(mailbox, reader, -1));
    index.completeTo(modseq);
  }

  async #reloadAll(): Promise<void> {
    this.#cursor = await this.mail.cursor('mail');
    const existing = new Set((await this.mail.mailboxes()).map((mailbox) => mailbox.id));
    for (const { index } of this.#opened.values()) {
      if (existing.has(index.mailbox)) await this.#load(index);
      else index.deleted = true;
    }
  }

  /** Makes sure that every keyword in these rows has its name. */
  async #learn(placements: readonly { readonly keywords: string }[]): Promise<void> {
    if (placements.some(({ keywords }) => !this.keywords.knows(keywords))) {
      this.keywords.learn(await this.mail.keywords());
    }
  }
}

/** Is a change told to this reader? */
function concerns({ reader }: ChangeRow, who: AccountId): boolean {
  return reader === '' || reader === who;
}

/** An index's name among those of the account. */
function keyOf({ mailbox, reader }: { readonly mailbox: MailboxId; readonly reader: AccountId | undefined }): string {
  return reader === undefined ? `${mailbox}` : `${mailbox} ${reader}`;
}
