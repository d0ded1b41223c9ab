// An account's mail over an engine and blobs: the port MailAccount. Each method is one operation, or a series of them
// where one transaction would take too long; the operations are in the files beside this one.

import { messageBody, messageContent, missingContent } from '../blobs/content.ts';
import type { Adopted, Blobs } from '../blobs/port.ts';
import { currentCursor, cursorAfter, readChanges } from '../changes/feed.ts';
import type { DatabaseKey, Engine } from '../engines/port.ts';
import { StoreError } from '../errors.ts';
import type { Op } from '../operation.ts';
import type {
  AccountId,
  AppendEntry,
  Appended,
  AsReader,
  ChangeClass,
  ChangePage,
  Cursor,
  FlagChange,
  ItemId,
  Listed,
  ListingColumn,
  MailAccount,
  Mailbox,
  MailboxId,
  MessageContent,
  MessageId,
  OfHeader,
  OwnChange,
  Placement,
  ReaderStatus,
  SeenRun,
  Sending,
  SpecialUse,
  Transferred,
  Uid,
  UidSet,
} from '../ports.ts';
import type { Looked, LookQuery, SearchIndex, TextFindings, TextQuery } from '../search/port.ts';
import type { AnnotationChange, MessageAnnotation } from './annotation-port.ts';
import { annotate, annotationsPage } from './annotations.ts';
import { append } from './append.ts';
import type { BulkName, BulkOperations } from './bulk.ts';
import { expunge } from './expunge.ts';
import { changeFlags } from './flags.ts';
import { type Incoming, incoming } from './incoming.ts';
import { readKeywords } from './keywords.ts';
import { APPEND_ENTRIES, SETTLINGS, TRANSFER_ROWS } from './limits.ts';
import {
  type ContentRow,
  changedPage,
  contentRow,
  listingOf,
  listingPage,
  type Page,
  placementsPage,
} from './listing.ts';
import {
  createMailbox,
  deleteMailbox,
  getMailbox,
  getMailboxByPath,
  listMailboxes,
  renameMailbox,
} from './mailboxes.ts';
import { type MetadataJob, OF_ACCOUNT, readMetadata, writeMetadata } from './metadata.ts';
import { settle, settledFirst, Unsettled } from './owed-flags.ts';
import { addedBy, flagsSetBy, OwnChanges, removedBy } from './own-changes.ts';
import { usage } from './quota.ts';
import { readerStatus, seenRuns } from './reader-seen.ts';
import { replace } from './replace.ts';
import { restore } from './restore.ts';
import { correspondentHash, dayOf, forgiveSent, noteSent, readSending } from './sending.ts';
import { setSubscribed, subscriptions } from './subscriptions.ts';
import { countPlacements, type TransferJob, transferAlone } from './transfer.ts';
import { isFew } from './uid-sets.ts';

/** What an account's mail is made of. */
export interface MailAccountParts {
  readonly engine: Engine;
  readonly blobs: Blobs;
  /** Unix ms. */
  readonly now: () => number;
  /** The bytes that an account may hold, or null. */
  readonly quota: (id: AccountId) => Promise<number | null>;
  /** How long expunged messages are kept, ms. */
  readonly retention: number;
  /** Called when a large body was brought into the account and no message names it: something has to sweep it. */
  readonly loose?: (id: AccountId) => void;
  /** Called when flags are owed to the messages of a mailbox: somebody should settle them soon. */
  readonly owed?: (id: AccountId, mailbox: MailboxId) => void;
  /** Where there is none, every search looks into the messages. */
  readonly search?: SearchIndex;
}

/** The mail of one account; see MailAccount. */
export class SqlMailAccount implements MailAccount {
  readonly id: AccountId;
  readonly #db: DatabaseKey;
  readonly #parts: MailAccountParts;
  readonly #own = new OwnChanges(() => this.generation());

  constructor(id: AccountId, parts: MailAccountParts) {
    this.id = id;
    this.#db = { kind: 'account', id };
    this.#parts = parts;
  }

  // -- mailboxes

  mailboxes(): Promise<Mailbox[]> {
    return this.#read(() => listMailboxes(this.id));
  }

  mailbox(id: MailboxId): Promise<Mailbox | undefined> {
    return this.#read(() => getMailbox(this.id, id));
  }

  mailboxByPath(path: string): Promise<Mailbox | undefined> {
    return this.#read(() => getMailboxByPath(this.id, path));
  }

  createMailbox(path: string, options: { special?: SpecialUse } = {}): Promise<Mailbox> {
    const wanted = { account: this.id, path, special: options.special ?? '', now: this.#parts.now() } as const;
    return this.#write(() => createMailbox(wanted));
  }

  async renameMailbox(id: MailboxId, path: string): Promise<void> {
    const job = { account: this.id, id, path, now: this.#parts.now() };
    const mailbox = await this.mailbox(id);
    // Only INBOX gives up its messages; the rename of any other is one row.
    if (mailbox?.special === 'inbox' && mailbox.total > TRANSFER_ROWS) return await this.#bulk('rename', job);
    await this.#settled('write', () => renameMailbox(job));
  }

  async deleteMailbox(id: MailboxId): Promise<void> {
    const job = { account: this.id, id, ...this.#expunging() };
    const mailbox = await this.mailbox(id);
    if ((mailbox?.total ?? 0) > TRANSFER_ROWS) return await this.#bulk('delete', job);
    await this.#settled('write', () => deleteMailbox(job));
  }

  setSubscribed(owner: AccountId, path: string, on: boolean): Promise<void> {
    return this.#write(() => setSubscribed(this.id, owner, path, on));
  }

  subscriptions(owner: AccountId): Promise<string[]> {
    return this.#read(() => subscriptions(this.id, owner));
  }

  metadata(mailbox: MailboxId | null): Promise<ReadonlyMap<string, Uint8Array>> {
    return this.#read(() => readMetadata(this.id, mailbox ?? OF_ACCOUNT));
  }

  setMetadata(mailbox: MailboxId | null, entries: MetadataJob['entries']): Promise<void> {
    const job = { account: this.id, mailbox: mailbox ?? OF_ACCOUNT, entries };
    return this.#write(() => writeMetadata(job));
  }

  // -- reading

  cursor(changeClass: ChangeClass): Promise<Cursor> {
    return this.#read(() => currentCursor(this.id, changeClass));
  }

  cursorAfter(changeClass: ChangeClass, modseq: number): Promise<Cursor | null> {
    return this.#read(() => cursorAfter(this.id, changeClass, modseq));
  }

  changes(
    changeClass: ChangeClass,
    cursor: Cursor,
    limit: number,
    filter: { collection?: number; reader?: AccountId } = {},
  ): Promise<ChangePage> {
    const { collection, reader } = filter;
    return this.#read(() => readChanges({ account: this.id, changeClass, cursor, limit, collection, reader }));
  }

  placements(mailbox: MailboxId, uids: UidSet, options: { since?: number } = {}): AsyncIterable<Placement[]> {
    const { since } = options;
    return this.#pages(uids, (rest) =>
      since === undefined ? placementsPage(this.id, mailbox, rest) : changedPage(this.id, mailbox, rest, since),
    );
  }

  listing<C extends ListingColumn>(
    mailbox: MailboxId,
    uids: UidSet,
    columns: readonly C[],
    ofHeader?: OfHeader,
  ): AsyncIterable<Listed<C>[]> {
    const { packers } = this.#parts.blobs;
    const packer = packers.header;
    const content = (message: MessageId, row: ContentRow) => this.#contentOf(row) ?? missingContent(message, row.size);
    const body = (packed: Uint8Array | null) => messageBody(packed, packers);
    const listing = listingOf({ account: this.id, mailbox, columns, ofHeader, packer, content, body });
    return this.#pages(uids, (rest) => listingPage(listing, rest));
  }

  async content(message: MessageId): Promise<MessageContent> {
    const row = await this.#read(() => contentRow(this.id, message));
    if (row === undefined) throw new StoreError('not-found', `no message ${message}`);
    const content = this.#contentOf(row);
    if (content === undefined) throw new StoreError('unavailable', `message ${message} has no content`);
    return content;
  }

  /** Undefined if its bytes are not there. */
  #contentOf({ size, prefix, header, body, blob }: ContentRow): MessageContent | undefined {
    if (prefix === null || header === null || (body === null && blob === '')) return undefined;
    const { blobs } = this.#parts;
    const where = body ?? (() => blobs.open(this.id, blob));
    return messageContent({ size, prefix, header, body: where }, blobs.packers);
  }

  async findText(queries: readonly TextQuery[], signal: AbortSignal): Promise<TextFindings | null> {
    return (await this.#parts.search?.find(this.id, queries, signal)) ?? null;
  }

  expectSearch(): void {
    this.#parts.search?.expect();
  }

  async lookInto(mailbox: MailboxId, query: LookQuery): Promise<Looked | null> {
    return (await this.#parts.search?.look(this.id, mailbox, query)) ?? null;
  }

  seenBy(mailbox: MailboxId, reader: AccountId, since: number): Promise<SeenRun[]> {
    return this.#read(() => seenRuns(this.id, { mailbox, reader }, since));
  }

  readerStatus(mailbox: MailboxId, reader: AccountId): Promise<ReaderStatus> {
    return this.#read(() => readerStatus(this.id, { mailbox, reader }));
  }

  annotations(mailbox: MailboxId, uids: UidSet, reader: AccountId): AsyncIterable<MessageAnnotation[]> {
    return this.#pages(uids, (rest) => annotationsPage({ account: this.id, mailbox, reader }, rest));
  }

  async annotate(
    mailbox: MailboxId,
    uids: UidSet,
    changes: readonly AnnotationChange[],
    { reader, unchangedSince }: { reader: AccountId; unchangedSince?: number },
  ): Promise<{ modified: readonly Uid[] }> {
    const steps = await this.#steps(uids, (rest) =>
      annotate({ account: this.id, mailbox, uids: rest, changes, reader, unchangedSince }),
    );
    return { modified: steps.flatMap((step) => step.modified) };
  }

  keywords(): Promise<ReadonlyMap<number, string>> {
    return this.#read(() => readKeywords(this.id));
  }

  sending(recipients: readonly string[]): Promise<Sending> {
    const day = dayOf(this.#parts.now());
    return this.#read(() => readSending(this.id, day, recipients.map(correspondentHash)));
  }

  async noteSent(recipients: readonly string[]): Promise<void> {
    const day = dayOf(this.#parts.now());
    await this.#write(() => noteSent(this.id, day, recipients.map(correspondentHash)));
  }

  async forgiveSent(): Promise<void> {
    const day = dayOf(this.#parts.now());
    await this.#write(() => forgiveSent(this.id, day));
  }

  async quota(): Promise<{ bytes: number; messages: number; limit: number | null }> {
    const { bytes, messages } = await this.#read(() => usage(this.id));
    return { bytes, messages, limit: await this.#parts.quota(this.id) };
  }

  async hasRoom(bytes: number, overQuota = 0): Promise<boolean> {
    const limit = await this.#parts.quota(this.id);
    return limit === null || (await this.#read(() => usage(this.id))).bytes + bytes <= limit + overQuota;
  }

  // -- writing

  async append(
    mailbox: MailboxId,
    entries: readonly AppendEntry[],
    { path, reader, overQuota = 0 }: { path?: string; overQuota?: number } & AsReader = {},
  ): Promise<Appended[]> {
    const now = this.#parts.now();
    const limit = await this.#parts.quota(this.id);
    const quota = limit === null ? null : limit + overQuota;
    return await this.#adopting(entries, now, async (ready) => {
      const job = { account: this.id, mailbox, path, entries: ready, now, quota, reader };
      const appended = await this.#own.note(
        () => (ready.length > APPEND_ENTRIES ? this.#bulk('append', job) : this.#write(() => append(job))),
        (done) => (reader === undefined ? addedBy(ready, done) : null),
      );
      return { value: appended, named: !appended.some(({ duplicate }) => duplicate) };
    });
  }

  async setFlags(
    mailbox: MailboxId,
    uids: UidSet,
    change: FlagChange,
    options: { unchangedSince?: number } & AsReader = {},
  ): Promise<{ modseq: number; modified: readonly Uid[] }> {
    const { unchangedSince, reader } = options;
    const isPlain = unchangedSince === undefined && reader === undefined;
    const steps = await this.#own.note(
      () =>
        this.#steps(uids, (rest) =>
          changeFlags({ account: this.id, mailbox, uids: rest, change, unchangedSince, reader }),
        ),
      ([only, more]) =>
        isPlain && only?.changed === true && more === undefined ? flagsSetBy(mailbox, uids, change, only.modseq) : null,
    );
    if (steps.some(({ owed }) => owed)) this.#parts.owed?.(this.id, mailbox);
    return { modseq: steps.at(-1)?.modseq ?? 0, modified: steps.flatMap((step) => step.modified) };
  }

  async expunge(
    mailbox: MailboxId,
    uids: UidSet,
    options: { onlyDeleted: boolean },
  ): Promise<{ uids: readonly Uid[]; modseq: number }> {
    const expunging = this.#expunging();
    const steps = await this.#own.note(
      () => this.#steps(uids, (rest) => expunge({ account: this.id, mailbox, uids: rest, ...options, ...expunging })),
      ([only, more]) => (only !== undefined && more === undefined ? removedBy(mailbox, only.uids, only.modseq) : null),
    );
    return { uids: steps.flatMap((step) => step.uids), modseq: steps.at(-1)?.modseq ?? 0 };
  }

  copy(from: MailboxId, uids: UidSet, to: MailboxId, options: Keeping = {}): Promise<Transferred> {
    return this.#transfer({ kind: 'copy', from, uids, to, ...options });
  }

  move(from: MailboxId, uids: UidSet, to: MailboxId, options: Keeping = {}): Promise<Transferred> {
    return this.#transfer({ kind: 'move', from, uids, to, ...options });
  }

  async replace(
    mailbox: MailboxId,
    uid: Uid,
    entry: AppendEntry,
    to = mailbox,
    { reader }: AsReader = {},
  ): Promise<Appended> {
    const expunging = this.#expunging();
    const quota = await this.#parts.quota(this.id);
    return await this.#adopting([entry], expunging.now, async ([ready]) => {
      if (ready === undefined) throw new StoreError('invalid', 'nothing to replace it with');
      const job = { account: this.id, mailbox, uid, entry: ready, to, quota, reader, ...expunging };
      return { value: await this.#settled('write', () => replace(job)), named: true };
    });
  }

  async restore(items: readonly ItemId[], to?: MailboxId): Promise<Transferred> {
    const quota = await this.#parts.quota(this.id);
    const job = { account: this.id, items, to, now: this.#parts.now(), quota };
    return await (items.length > TRANSFER_ROWS ? this.#bulk('restore', job) : this.#write(() => restore(job)));
  }

  // -- the feed

  ownChange(cursor: Cursor): OwnChange | null {
    return this.#own.after(cursor);
  }

  generation(): number {
    return this.#parts.engine.generation(this.#db);
  }

  subscribe(wake: () => void): Disposable {
    return this.#parts.engine.subscribe(this.#db, wake);
  }

  #read<T>(op: () => Op<T>): Promise<T> {
    return this.#parts.engine.read(this.#db, op);
  }

  #write<T>(op: () => Op<T>): Promise<T> {
    return this.#parts.engine.write(this.#db, op);
  }

  /** Runs an operation that needs the flags of messages as they are, after what is owed to them. */
  async #settled<T>(how: 'read' | 'write', op: () => Op<T>): Promise<T> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.#parts.engine[how](this.#db, op);
      } catch (error) {
        const last = await this.#settleAfter(error, attempt);
        if (last !== undefined) return await this.#write(() => settledFirst(this.id, last, op));
      }
    }
  }

  /**
   * Settles what an operation met; throws what it was, if it was anything else. The mailbox, if others have been quicker
   * with new changes so often that it has to be settled in the operation's own transaction.
   */
  async #settleAfter(error: unknown, attempt: number): Promise<MailboxId | undefined> {
    if (!(error instanceof Unsettled)) throw error;
    const { mailbox, owed } = error;
    if (attempt >= SETTLINGS) return mailbox;
    await this.#parts.engine.series<boolean>(this.#db, (more) =>
      more === false ? undefined : () => settle(this.id, mailbox, owed),
    );
    return undefined;
  }

  /** What is too much for one transaction, in steps that are each right by themselves; durable when it resolves. */
  async #steps<S extends { readonly rest: UidSet }>(uids: UidSet, step: (rest: UidSet) => Op<S>): Promise<S[]> {
    const steps: S[] = [];
    let last: MailboxId | undefined;
    const settled = (rest: UidSet): Op<S> =>
      last === undefined ? step(rest) : settledFirst(this.id, last, () => step(rest));
    for (let attempt = 1; ; attempt++) {
      try {
        // Of a message or two it is one step, which needs none of what a series has to follow.
        if (steps.length === 0 && isFew(uids)) steps.push(await this.#write(() => settled(uids)));
        if (steps.at(-1)?.rest.length === 0) return steps;
        await this.#parts.engine.series<S>(this.#db, (done) => {
          if (done !== undefined) steps.push(done);
          const rest = steps.at(-1)?.rest ?? uids;
          return steps.length === 0 || rest.length > 0 ? () => settled(rest) : undefined;
        });
        return steps;
      } catch (error) {
        // What is done is not done again.
        last = await this.#settleAfter(error, attempt);
      }
    }
  }

  #bulk<N extends BulkName>(name: N, job: Parameters<BulkOperations[N]>[0]): Promise<ReturnOf<BulkOperations[N]>> {
    return this.#parts.engine.bulk(this.#db, name, job);
  }

  /** Each page in a read transaction of its own: nothing of SQLite's stays open while the reader is busy. */
  async *#pages<R>(uids: UidSet, read: (rest: UidSet) => Op<Page<R>>): AsyncGenerator<R[]> {
    for (let rest = uids; rest.length > 0; ) {
      const ranges = rest;
      const page = await this.#settled('read', () => read(ranges));
      if (page.rows.length > 0) yield page.rows;
      rest = page.rest;
    }
  }

  /** Brings large bodies into the account, pinned until the work that names them has ended. */
  async #adopting<T>(
    entries: readonly AppendEntry[],
    now: number,
    work: (ready: Incoming[]) => Promise<{ readonly value: T; readonly named: boolean }>,
  ): Promise<T> {
    const adopted: Adopted[] = [];
    let allNamed = false;
    try {
      const ready: Incoming[] = [];
      for (const entry of entries) {
        const blob = entry.staged.file === null ? undefined : await this.#parts.blobs.adopt(this.id, entry.staged);
        if (blob !== undefined) adopted.push(blob);
        ready.push(incoming(entry, blob?.name ?? '', now));
      }
      const { value, named } = await work(ready);
      allNamed = named;
      return value;
    } finally {
      for (const blob of adopted) blob.release();
      if (adopted.length > 0 && !allNamed) this.#parts.loose?.(this.id);
    }
  }

  async #transfer(wanted: Omit<TransferJob, 'now' | 'quota'>): Promise<Transferred> {
    const quota = wanted.kind === 'copy' ? await this.#parts.quota(this.id) : null;
    const job: TransferJob = { ...wanted, now: this.#parts.now(), quota };
    const { from, uids } = job;
    const size = await this.#read(() => countPlacements(this.id, from, uids, TRANSFER_ROWS + 1));
    if (size > TRANSFER_ROWS) return await this.#bulk('transfer', { account: this.id, job });
    return await this.#settled('write', () => transferAlone(this.id, job));
  }

  #expunging(): { now: number; retainUntil: number } {
    const now = this.#parts.now();
    return { now, retainUntil: now + this.#parts.retention };
  }
}

/** How a copy or a move is done. */
type Keeping = { keep?: number } & AsReader;

/** What an operation comes to. */
type ReturnOf<F> = F extends (...args: never[]) => Op<infer T> ? T : never;
