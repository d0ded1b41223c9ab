// The contracts of the store: what every protocol and every job asks of it. Nothing above this file knows which
// engine holds the rows or where the bodies are. All methods reject with StoreError only.

import type { Readable } from 'node:stream';
import type { AnnotationChange, Annotations } from './account/annotation-port.ts';
import type { FlagRun } from './changes/flag-run.ts';
import type { Devices, Directory, DomainSettings, RouteCredentials, SigningKeys } from './directory/port.ts';
import type { ScannedMessage } from './message/scanned.ts';
import type { Policies, Queue, Suppression, TlsResults } from './queue/port.ts';
import type { Looked, LookQuery, TextFindings, TextQuery } from './search/port.ts';
import type { Sharing } from './sharing/port.ts';

export type * from './directory/port.ts';
export * from './queue/port.ts';
export type * from './search/port.ts';
export * from './sharing/port.ts';

// ---------------------------------------------------------------------------------------------------- identifiers

/** Random, never reused, independent of the address; safe in file names and IMAP object ids ([a-z0-9]{16}). */
export type AccountId = string;
export type MailboxId = number;
/** Names content; kept by move, copy and undelete. */
export type MessageId = number;
/** What a device knows: the message id at append, a new one on copy, kept by move and replace. */
export type ItemId = number;
export type Uid = number;
export type ThreadId = number;
/** A position in an account's change log; opaque above the store. */
export type Cursor = string;

/** Inclusive ranges of UIDs, ascending and disjoint. */
export type UidRange = readonly [first: Uid, last: Uid];
export type UidSet = readonly UidRange[];

// ---------------------------------------------------------------------------------------------------------- flags

/** System flags as bits of `Placement.flags`. */
export const Flag = { seen: 1, answered: 2, flagged: 4, deleted: 8, draft: 16 } as const;

/** `$Forwarded`, `$Junk`, `work`: a keyword's spelling is the one first used in the account; matched without case. */
export type Keyword = string;

// ------------------------------------------------------------------------------------------------------- mailboxes

/** The special uses of RFC 6154, plus our two: INBOX and Templates (F70). '' for an ordinary mailbox. */
export type SpecialUse = '' | 'inbox' | 'drafts' | 'sent' | 'junk' | 'trash' | 'archive' | 'templates';

export interface Mailbox {
  readonly id: MailboxId;
  /** The mailbox right above it; null at the top, and where only the name of a deleted one is there. */
  readonly parent: MailboxId | null;
  /** The whole path, with '/' between levels, in Unicode NFC. INBOX is always spelled so. */
  readonly path: string;
  readonly special: SpecialUse;
  readonly uidvalidity: number;
  readonly uidnext: Uid;
  /** The highest modseq of anything in it (IMAP HIGHESTMODSEQ). */
  readonly modseq: number;
  /** The modseq at which total or unseen last changed. */
  readonly counted: number;
  readonly total: number;
  readonly unseen: number;
  readonly bytes: number;
}

/** One message in one mailbox. */
export interface Placement {
  readonly uid: Uid;
  readonly message: MessageId;
  readonly item: ItemId;
  /** RFC822.SIZE: prefix and message, in bytes. */
  readonly size: number;
  /** Bits of Flag. */
  readonly flags: number;
  /** Keyword ids, ascending, joined by ' ' ('' for none); MailAccount.keywords() names them. */
  readonly keywords: string;
  readonly modseq: number;
}

/** What a listing can show of a message: the UID always, anything else only if it is asked for. */
export interface ListingRow extends Placement {
  /** INTERNALDATE: unix seconds, and its zone in minutes east of UTC. */
  readonly received: number;
  readonly receivedOffset: number;
  /** The Date header in unix seconds, or null if there is none that can be read. */
  readonly sent: number | null;
  readonly thread: ThreadId;
  /** When it was placed in this mailbox, unix ms (SAVEDATE). */
  readonly saved: number;
  readonly traits: number;
  /** A hash of the Message-ID; 0 if it has none. */
  readonly messageId: number;
  /** Hashes of the Message-IDs that it names as its ancestors (RFC 5256 3), eight bytes each; null if it names none. */
  readonly ancestors: Uint8Array | null;
  /** The final IMAP ENVELOPE text. */
  readonly envelope: string;
  /** See message/structure.ts. */
  readonly structure: string;
  readonly preview: string;
  /** The prefix and the header block, decompressed, as one buffer; null if it is damaged: the other rows are not. */
  readonly header: Uint8Array | null;
  /** As MailAccount.content gives it; what is missing shows when it is read. */
  readonly content: MessageContent;
  /** What follows the header block, for a reader who looks at nothing else. */
  readonly body: MessageBody;
}

/** Makes something of a prefix and header block, in memory of its own. */
export type OfHeader = (header: Uint8Array) => Uint8Array;

export type ListingColumn = Exclude<keyof ListingRow, 'uid'>;

/** A row with these columns and no others. */
export type Listed<C extends ListingColumn> = Pick<ListingRow, 'uid' | C>;

/** A message's bytes as a client gets them: the prefix (headers we added), then the message as received. */
export interface MessageContent extends MessageBody {
  /** prefix + message, in bytes. */
  readonly size: number;
  /** Length of the prefix alone; offsets in message/structure.ts count from the end of the prefix. */
  readonly prefixLength: number;
  /** Bytes [start, end) of the whole, decompressing only what is needed. May fail with `unavailable`. */
  read(start?: number, end?: number): AsyncIterable<Uint8Array>;
  /** The same as one buffer, for small ranges (the caller bounds it); synchronous work only when inline. */
  bytes(start?: number, end?: number): Promise<Uint8Array>;
  /**
   * The same at once, if the bytes are at hand: the pieces, which the reader only looks at, since they are overwritten
   * when it has returned. False, and nothing read, if they must be waited for. Errors: unavailable.
   */
  look(start: number, end: number, reader: (pieces: readonly Uint8Array[]) => void): boolean;
}

/** The bytes that follow a message's header block. */
export interface MessageBody {
  /**
   * All of them at once, if they are at hand: one piece, which the reader only looks at, since it is overwritten when it
   * has returned, and of which the bytes of these spans are there; the others need not be. False, and nothing read, if
   * they must be waited for, or are not there: MessageContent tells. Errors: unavailable.
   */
  lookAtBody(spans: readonly Span[], reader: (body: Uint8Array) => void): boolean;
}

/** Bytes [start, end) of a body. */
export type Span = readonly [start: number, end: number];

// -------------------------------------------------------------------------------------------------------- staging

/**
 * A body on its way in. Write it in pieces (await a returned promise: that is the back-pressure), then finish.
 * Hash, size and MIME offsets are computed on the way; a large body goes to a staged file, compressed in frames, and
 * never stands in memory. Disposing before `finish` removes every trace.
 */
export interface Staging extends AsyncDisposable {
  write(chunk: Uint8Array): void | Promise<void>;
  finish(): Promise<Staged>;
}

/** A finished body, ready to be placed in any number of accounts. Dispose it when the last append is done. */
export interface Staged extends AsyncDisposable {
  /** Bytes of the message as received, without any prefix. */
  readonly size: number;
  /** SHA-256 of those bytes, in hex. */
  readonly hash: string;
  readonly scanned: ScannedMessage;
  /** The header block as received, with the empty line that ends it (at most limits.HEADER_BYTES). */
  readonly header: Uint8Array;
  /** The bytes after it, of a small message; else null. */
  readonly body: Uint8Array | null;
  /** zstd of the header block, and, for a small message, zstd of all the bytes after it. */
  readonly headerCompressed: Uint8Array;
  readonly bodyCompressed: Uint8Array | null;
  /** The staged file of a large message's bytes after the header block; null when bodyCompressed is there. */
  readonly file: string | null;
  /** SHA-256 of the bytes in that file, in hex, by which an account names them; '' if there is none. */
  readonly fileHash: string;
  /** The bytes again, for filters and checks. */
  open(start?: number, end?: number): Readable;
}

// --------------------------------------------------------------------------------------------------------- append

export interface AppendEntry {
  readonly staged: Staged;
  /** Headers we add in front (Return-Path, Received, Delivered-To ...), CRLF-ended lines; may be empty. */
  readonly prefix?: Uint8Array;
  readonly flags?: number;
  readonly keywords?: readonly Keyword[];
  /** INTERNALDATE; now and UTC if absent. */
  readonly received?: { readonly seconds: number; readonly offsetMinutes: number };
  /** Annotations that it begins with, and whose those are that are not for all. */
  readonly annotations?: { readonly reader: AccountId; readonly changes: readonly AnnotationChange[] };
  /** The recipient address it came in for (F18). */
  readonly deliveredTo?: string;
  /** The same id within an hour in the same account adds nothing: the first placement is returned as a duplicate. */
  readonly deliveryId?: string;
}

export interface Appended {
  readonly mailbox: MailboxId;
  readonly uidvalidity: number;
  readonly uid: Uid;
  readonly message: MessageId;
  readonly item: ItemId;
  readonly thread: ThreadId;
  readonly modseq: number;
  /** True if the delivery id was known, and nothing was added. */
  readonly duplicate: boolean;
}

export interface FlagChange {
  /** add: set these; remove: clear these; replace: exactly these. */
  readonly action: 'add' | 'remove' | 'replace';
  readonly flags: number;
  readonly keywords: readonly Keyword[];
  /** What may change: bits of Flag, and KEYWORD_BIT; all if absent. */
  readonly only?: number;
}

/** Beside the bits of Flag: keywords. */
export const KEYWORD_BIT = 32;

/** Whose \Seen is meant in a mailbox that somebody else shares: absent, the owner's, which the placement has. */
export interface AsReader {
  readonly reader?: AccountId | undefined;
}

/** Messages that a reader has made seen or unseen, and when; what no run covers is unseen. */
export interface SeenRun {
  readonly first: Uid;
  readonly last: Uid;
  readonly seen: boolean;
  readonly modseq: number;
}

/** A shared mailbox as its reader has it. */
export interface ReaderStatus {
  readonly unseen: number;
  /** The highest modseq of anything in it that concerns him. */
  readonly modseq: number;
}

export interface Transferred {
  readonly uidvalidity: number;
  /** Source and target UIDs, pairwise in order; UIDs that no longer exist are left out. */
  readonly source: readonly Uid[];
  readonly target: readonly Uid[];
  readonly modseq: number;
}

// -------------------------------------------------------------------------------------------------------- changes

/** Each class has its own state and floor: a mail change never makes a contacts state stale. */
export type ChangeClass = 'mail' | 'contacts' | 'calendar' | 'tasks' | 'notes' | 'directory';
export type ChangeKind = 'add' | 'set' | 'remove';

/** One row of the change log: where to look. What is told to a client is what is live against what it has. */
export interface ChangeRow {
  readonly modseq: number;
  readonly seq: number;
  readonly kind: ChangeKind;
  /** add: new, copied, moved, restored, replaced; remove: expunged, moved, replaced; set: flags, and for a mailbox
   * itself (object = mailbox id, uid = 0): created, renamed, deleted, subscribed, metadata (name has the entries, a line
   * each; mailbox 0 is the account). annotation: name has the entries. */
  readonly reason: string;
  /** The mailbox. */
  readonly collection: number;
  /** The other mailbox of a move, else 0. */
  readonly other: number;
  /** A placement's UID, or the first of a run (kind set). */
  readonly uid: Uid;
  /** The last UID of a run; equals uid for add and remove (a skipped range of UIDs is one removed run). */
  readonly last: Uid;
  readonly item: ItemId;
  /** The message. */
  readonly object: number;
  readonly thread: ThreadId;
  /** The account that the change is for ('' for all readers). */
  readonly reader: string;
  /** A DAV name; of flags see changes/flag-run.ts. */
  readonly name: string;
}

export interface ChangePage {
  readonly rows: readonly ChangeRow[];
  /** Pass this next time. */
  readonly cursor: Cursor;
  readonly more: boolean;
}

// ---------------------------------------------------------------------------------------------------- mail account

/** What an account sent today (UTC). */
export interface Sending {
  readonly messages: number;
  /** Recipients of today that it never wrote to before. */
  readonly strangers: number;
  /** Of the recipients asked about: those it never wrote to. */
  readonly unknown: number;
}

/** An account's mail. A cheap handle: it holds no file open and may be kept for a session's life. */
/** One commit's change to one mailbox, complete: nothing need be read for it. */
export type OwnChange = {
  readonly mailbox: MailboxId;
  readonly modseq: number;
  /** After it. */
  readonly cursor: Cursor;
} & (
  | { readonly kind: 'add'; readonly placements: readonly Placement[] }
  /** Every message that is there went through it; one that had these flags already did not change. */
  | { readonly kind: 'flags'; readonly uids: UidSet; readonly run: FlagRun }
  | { readonly kind: 'remove'; readonly uids: UidSet }
);

export interface MailAccount extends Annotations {
  readonly id: AccountId;

  // -- mailboxes
  mailboxes(): Promise<Mailbox[]>;
  mailbox(id: MailboxId): Promise<Mailbox | undefined>;
  /** By path; INBOX in any case. */
  mailboxByPath(path: string): Promise<Mailbox | undefined>;
  /** Makes the mailbox and its missing parents. Errors: exists, invalid, limit. */
  createMailbox(path: string, options?: { special?: SpecialUse }): Promise<Mailbox>;
  /** Renames with all inferiors; `INBOX` as the source moves its messages (RFC 9051 6.3.6). */
  renameMailbox(id: MailboxId, path: string): Promise<void>;
  /**
   * The messages are kept as expunged ones. Mailboxes below it stay, with their paths; a mailbox that is made again at
   * the name is another one, above them. Errors: protected, not-found.
   */
  deleteMailbox(id: MailboxId): Promise<void>;
  setSubscribed(owner: AccountId, path: string, on: boolean): Promise<void>;
  subscriptions(owner: AccountId): Promise<string[]>;
  /** Annotations (RFC 5464) of a mailbox, or of the account (null), by name in lower case. Errors: not-found. */
  metadata(mailbox: MailboxId | null): Promise<ReadonlyMap<string, Uint8Array>>;
  /** Sets all of them, or none; null takes one away. Errors: not-found, limit, invalid. */
  setMetadata(
    mailbox: MailboxId | null,
    entries: readonly (readonly [name: string, value: Uint8Array | null])[],
  ): Promise<void>;

  // -- reading
  /** The cursor of now. */
  cursor(changeClass: ChangeClass): Promise<Cursor>;
  /**
   * The cursor after everything of a modseq that a client brings back; null where a power cut or a restore lost what was
   * seen at that modseq. One that has not been given yet has nothing after it.
   */
  cursorAfter(changeClass: ChangeClass, modseq: number): Promise<Cursor | null>;
  /** Rows after the cursor, in order. Errors: stale-cursor. No other code reads the log. */
  changes(
    changeClass: ChangeClass,
    cursor: Cursor,
    limit: number,
    filter?: { collection?: number; reader?: AccountId },
  ): Promise<ChangePage>;
  /**
   * Placements by UID, a page at a time, each page a short read; `since`: only those with a greater modseq, or all if a
   * power cut or a restore lost what was seen at that modseq.
   */
  placements(mailbox: MailboxId, uids: UidSet, options?: { since?: number }): AsyncIterable<Placement[]>;
  /**
   * Messages with what is asked for and nothing else, in UID order, a page at a time. `ofHeader`: what the column
   * `header` has of a header, all of it if absent; it only looks at what it is given, which is overwritten afterwards.
   */
  listing<C extends ListingColumn>(
    mailbox: MailboxId,
    uids: UidSet,
    columns: readonly C[],
    ofHeader?: OfHeader,
  ): AsyncIterable<Listed<C>[]>;
  /** A message's bytes. Errors: not-found, unavailable. */
  content(message: MessageId): Promise<MessageContent>;
  /**
   * Which messages can hold these texts, as far as the search index knows; null if it knows nothing (yet). It may be
   * behind and is never wrong. Aborted, it rejects with the signal's reason.
   */
  findText(queries: readonly TextQuery[], signal: AbortSignal): Promise<TextFindings | null>;
  /** Its mail may be searched soon: what the search index needs is made ready. */
  expectSearch(): void;
  /** Looks for texts in messages, elsewhere than in the thread that asks; null if nobody does. */
  lookInto(mailbox: MailboxId, query: LookQuery): Promise<Looked | null>;
  /** What a reader of a shared mailbox has seen, in order: the runs that changed after `since`. */
  seenBy(mailbox: MailboxId, reader: AccountId, since: number): Promise<SeenRun[]>;
  /** Errors: not-found. */
  readerStatus(mailbox: MailboxId, reader: AccountId): Promise<ReaderStatus>;
  /** Keyword names by id; ids are never reused. */
  keywords(): Promise<ReadonlyMap<number, Keyword>>;
  quota(): Promise<{ readonly bytes: number; readonly messages: number; readonly limit: number | null }>;
  /** Whether so many bytes more are within the quota, or exceed it by `overQuota` at most. */
  hasRoom(bytes: number, overQuota?: number): Promise<boolean>;

  // -- writing: each resolves when it is durable
  /**
   * All entries in one transaction, in order. `path`: what the mailbox must be called, for who looked it up a while ago;
   * `overQuota`: bytes that the quota may be exceeded by. Errors: not-found, over-quota, limit, no-space.
   */
  append(
    mailbox: MailboxId,
    entries: readonly AppendEntry[],
    options?: { path?: string; overQuota?: number } & AsReader,
  ): Promise<Appended[]>;
  /** `unchangedSince`: those changed later are left alone and returned in `modified` (RFC 7162 3.1.3). */
  setFlags(
    mailbox: MailboxId,
    uids: UidSet,
    change: FlagChange,
    options?: { unchangedSince?: number } & AsReader,
  ): Promise<{ readonly modseq: number; readonly modified: readonly Uid[] }>;
  /** Takes placements out of the mailbox; those kept for undelete count no quota. Resolves with the UIDs taken. */
  expunge(
    mailbox: MailboxId,
    uids: UidSet,
    options: { onlyDeleted: boolean },
  ): Promise<{ readonly uids: readonly Uid[]; readonly modseq: number }>;
  /** `keep`: flags that stay on them, bits of Flag, and KEYWORD_BIT; all if absent. */
  copy(from: MailboxId, uids: UidSet, to: MailboxId, options?: { keep?: number } & AsReader): Promise<Transferred>;
  move(from: MailboxId, uids: UidSet, to: MailboxId, options?: { keep?: number } & AsReader): Promise<Transferred>;
  /** New content under the same item (a draft edited): a new UID and message, the old placement expunged. */
  replace(mailbox: MailboxId, uid: Uid, entry: AppendEntry, to?: MailboxId, options?: AsReader): Promise<Appended>;
  /** Undelete: brings expunged placements back, into `to` or where they were (or INBOX, if that is gone). */
  restore(items: readonly ItemId[], to?: MailboxId): Promise<Transferred>;

  // -- what it sends (F23)
  /** What was sent today, and how many of these recipients the account never wrote to. */
  sending(recipients: readonly string[]): Promise<Sending>;
  /** Counts a message to these recipients. */
  noteSent(recipients: readonly string[]): Promise<void>;
  /** Today begins anew. */
  forgiveSent(): Promise<void>;

  // -- the feed
  /** Raised at each durable commit, by any thread, before it is answered: compare before every command. */
  generation(): number;
  /**
   * What the last write through this object changed, given once, if that is all that was committed after a cursor of
   * the class mail; null: `changes` tells.
   */
  ownChange(cursor: Cursor): OwnChange | null;
  /** Woken after each raise; merged, never lost. */
  subscribe(wake: () => void): Disposable;
}

// ---------------------------------------------------------------------------------------------------------- store

export interface Store extends AsyncDisposable {
  readonly directory: Directory;
  readonly domainSettings: DomainSettings;
  readonly sharing: Sharing;
  readonly queue: Queue;
  readonly suppression: Suppression;
  readonly tlsResults: TlsResults;
  readonly signingKeys: SigningKeys;
  readonly policies: Policies;
  readonly routeCredentials: RouteCredentials;
  readonly devices: Devices;
  mail(id: AccountId): MailAccount;
  /** 32 secret bytes for a purpose, always the same of one data directory. */
  derivedKey(purpose: string): Uint8Array;
  /** Starts a body on its way in; `maxBytes` more than that fails with `limit`. */
  stage(options: { maxBytes: number }): Staging;
}
