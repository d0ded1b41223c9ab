// Appending: message, content, placement, thread, counters and change rows of all entries in one transaction.

import { logPlaced } from '../changes/log.ts';
import { StoreError } from '../errors.ts';
import { type Op, one, run } from '../operation.ts';
import { type Appended, Flag } from '../ports.ts';
import { insertAnnotations } from './annotations.ts';
import type { Incoming } from './incoming.ts';
import { formatKeywords, keywordIds } from './keywords.ts';
import { DELIVERY_ID_MS, DELIVERY_ROWS } from './limits.ts';
import { enter, type MailboxRow, pathOf, touchMailbox } from './mailbox-row.ts';
import { checkRoom } from './quota.ts';
import { changeSeen } from './reader-seen.ts';
import { insertContent } from './single-instance.ts';
import { addReferences, lookUpReferences, type Reference } from './threads.ts';
import { runsOf } from './uid-sets.ts';
import { count, finish, takeId, type Unit } from './unit.ts';

export interface AppendJob {
  readonly account: string;
  readonly mailbox: number;
  /** What the mailbox must be called, if that matters. */
  readonly path: string | undefined;
  readonly entries: readonly Incoming[];
  /** Unix ms. */
  readonly now: number;
  /** Bytes that the account may hold, or null. */
  readonly quota: number | null;
  /** Who appends to somebody else's mailbox: \Seen is his alone. */
  readonly reader?: string | undefined;
}

const NONE: ReadonlyMap<number, Reference> = new Map();

/** Appends all entries, in order. Errors: not-found, over-quota, limit. */
export function* append(job: AppendJob): Op<Appended[]> {
  const { unit, mailbox } = yield* enter(job.account, job.mailbox);
  if (job.path !== undefined && (yield* pathOf(job.account, mailbox)) !== job.path) {
    throw new StoreError('not-found', `mailbox ${job.mailbox} is called otherwise now`);
  }
  const tally = { total: 0, unseen: 0, bytes: 0, uids: 0 };
  const appended: Appended[] = [];
  const seen: number[] = [];
  for (const given of job.entries) {
    const entry = job.reader === undefined ? given : { ...given, flags: given.flags & ~Flag.seen };
    const known = entry.references.length === 0 ? NONE : yield* lookUpReferences(job.account, entry.references);
    const before = entry.deliveryId === 0 ? undefined : yield* delivered(job, entry, known);
    if (before !== undefined) {
      appended.push(before);
      continue;
    }
    const uid = mailbox.uidnext + tally.uids;
    appended.push(yield* place(unit, { mailbox, uid, entry, known, now: job.now, reason: 'new' }));
    tally.total += 1;
    tally.uids += 1;
    tally.unseen += 1 - (entry.flags & 1);
    tally.bytes += entry.size;
    if (entry.flags !== given.flags) seen.push(uid);
  }
  if (tally.total === 0) return appended;
  checkRoom(unit, tally.bytes, job.quota);
  count(unit, tally.total, tally.bytes);
  yield* touchMailbox(unit, mailbox.id, tally);
  if (job.reader !== undefined) {
    yield* changeSeen(unit, { mailbox: mailbox.id, reader: job.reader }, runsOf(seen), true);
  }
  yield* finish(unit);
  return appended;
}

export interface NewPlacement {
  readonly mailbox: MailboxRow;
  readonly uid: number;
  readonly entry: Incoming;
  /** What is known of the entry's references. */
  readonly known: ReadonlyMap<number, Reference>;
  readonly now: number;
  readonly reason: 'new' | 'replaced';
  /** The item that gets new content; a new one if absent. */
  readonly item?: number;
}

/** Writes one new message and its placement; the caller counts it. */
export function* place(unit: Unit, what: NewPlacement): Op<Appended> {
  const { mailbox, uid, entry, known, now } = what;
  const { account } = unit;
  const message = takeId(unit);
  const item = what.item ?? message;
  const thread = threadOf(entry, known) ?? message;
  const keywords = entry.keywords.length === 0 ? '' : formatKeywords(yield* keywordIds(unit, entry.keywords));
  yield* insertMessage(account, message, thread, entry);
  const hash = entry.messageId;
  const usable = yield* insertContent(account, message, entry, known.get(hash));
  const holder = usable ? { hash, message } : null;
  yield* addReferences({ account, thread, hashes: entry.references, known, holder });
  yield* run(
    `INSERT INTO placement (account, mailbox, uid, message, thread, item, size, flags, keywords, received, modseq,
      saved, origin) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, 0)`,
    [
      ...[account, mailbox.id, uid, message, thread, item, entry.size, entry.flags, keywords, entry.received],
      ...[unit.modseq, now],
    ],
  );
  if (entry.annotations !== undefined) yield* insertAnnotations(unit, message, entry.annotations);
  yield* logPlaced(unit, { kind: 'add', reason: what.reason, mailbox: mailbox.id, uid, item, message, thread });
  const { uidvalidity } = mailbox;
  return { mailbox: mailbox.id, uidvalidity, uid, message, item, thread, modseq: unit.modseq, duplicate: false };
}

function* insertMessage(account: string, id: number, thread: number, entry: Incoming): Op<void> {
  yield* run(
    `INSERT INTO message (id, account, size, received, received_offset, sent, thread, message_id_hash, delivered_to,
      traits, envelope, structure, preview, delivery_id, blob, ancestors)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)`,
    [
      id,
      account,
      entry.size,
      entry.received,
      entry.receivedOffset,
      entry.sent,
      thread,
      entry.messageId,
      entry.deliveredTo,
      entry.traits,
      entry.envelope,
      entry.structure,
      entry.preview,
      entry.deliveryId,
      entry.blob,
      entry.ancestors,
    ],
  );
}

/** The thread that a message joins: of those who named it already, else of the first that it names. */
function threadOf(entry: Incoming, known: ReadonlyMap<number, Reference>): number | undefined {
  for (const hash of entry.references) {
    const found = known.get(hash);
    if (found !== undefined) return found.thread;
  }
  return undefined;
}

interface DeliveredRow {
  readonly mailbox: number;
  readonly uid: number;
  readonly item: number;
  readonly modseq: number;
  readonly message: number;
  readonly uidvalidity: number | null;
}

// A delivered message is in the thread that its first reference leads to, among the newest: an index that knew delivery
// ids would be one more page in every commit.
const DELIVERED = ['placement', 'expunged'].map(
  (table) => `SELECT p.mailbox, p.uid, p.item, p.modseq, p.message, b.uidvalidity
  FROM (SELECT account, mailbox, uid, item, modseq, message, saved FROM ${table}
      WHERE account = $1 AND thread = $2 ORDER BY message DESC LIMIT ${DELIVERY_ROWS}) AS p
    JOIN message m ON m.account = p.account AND m.id = p.message
    LEFT JOIN mailbox b ON b.account = p.account AND b.id = p.mailbox
  WHERE m.delivery_id = $3 AND p.saved > $4
  ORDER BY p.item LIMIT 1`,
);

/** The placement that an earlier delivery with the same id made within the hour. */
function* delivered(job: AppendJob, entry: Incoming, known: ReadonlyMap<number, Reference>): Op<Appended | undefined> {
  const thread = threadOf(entry, known);
  if (thread === undefined) return undefined;
  for (const sql of DELIVERED) {
    const row = yield* one<DeliveredRow>(sql, [job.account, thread, entry.deliveryId, job.now - DELIVERY_ID_MS]);
    if (row === undefined) continue;
    return { ...row, uidvalidity: row.uidvalidity ?? 0, thread, duplicate: true };
  }
  return undefined;
}
