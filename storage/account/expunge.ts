// Expunging: a placement is moved to the table expunged, where undelete, legal hold and other sessions' views find it
// until the sweeper takes it. A large EXPUNGE is a series of transactions.

import { logPlaced, logPlacements } from '../changes/log.ts';
import { all, type Op, one, run } from '../operation.ts';
import { Flag, type UidRange, type UidSet } from '../ports.ts';
import { EXPUNGE_ROWS, PAGE_ROWS, RANGES, WALK_ROWS } from './limits.ts';
import { type MailboxRow, touchMailbox } from './mailbox-row.ts';
import { enterSettled } from './owed-flags.ts';
import { after, bounded, clip } from './uid-sets.ts';
import { count, finish, type Unit } from './unit.ts';

/** When and by whom something is expunged, and how long it is kept; unix ms. */
export interface Expunging {
  readonly now: number;
  readonly retainUntil: number;
}

export interface ExpungeJob extends Expunging {
  readonly account: string;
  readonly mailbox: number;
  readonly uids: UidSet;
  readonly onlyDeleted: boolean;
}

export interface ExpungeStep {
  readonly modseq: number;
  /** UIDs taken. */
  readonly uids: readonly number[];
  readonly rest: readonly UidRange[];
}

interface Tally {
  total: number;
  unseen: number;
  bytes: number;
}

/** The first step of an expunge; the caller goes on with `rest`. Errors: not-found. */
export function* expunge(job: ExpungeJob): Op<ExpungeStep> {
  const { unit, mailbox } = yield* enterSettled(job.account, job.mailbox);
  const mask = job.onlyDeleted ? Flag.deleted : 0;
  const tally = { total: 0, unseen: 0, bytes: 0 };
  const taken: number[] = [];
  const uids = clip(job.uids, mailbox.uidnext);
  let rest: readonly UidRange[] = [];
  let walk = WALK_ROWS;
  for (const [index, range] of uids.entries()) {
    if (index === RANGES || walk <= 0 || taken.length >= EXPUNGE_ROWS) {
      rest = uids.slice(index);
      break;
    }
    const last = yield* bounded(job.account, mailbox.id, range, walk);
    walk -= last - range[0] + 1;
    const limit = EXPUNGE_ROWS - taken.length;
    const found = yield* expungeRange(
      unit,
      { ...job, range: [range[0], last], mask, reason: 'expunged', limit },
      tally,
    );
    for (const uid of found) taken.push(uid);
    const done = found.length === limit ? (found.at(-1) ?? last) : last;
    if (done < range[1]) {
      rest = after(uids.slice(index), done);
      break;
    }
  }
  if (taken.length > 0) yield* subtract(unit, mailbox.id, tally);
  yield* finish(unit);
  return { modseq: taken.length > 0 ? unit.modseq : mailbox.modseq, uids: taken, rest };
}

/** Expunges everything of a mailbox inside a running transaction. */
export function* expungeAll(unit: Unit, mailbox: MailboxRow, options: Expunging): Op<void> {
  const tally = { total: 0, unseen: 0, bytes: 0 };
  for (let first = 1; first < mailbox.uidnext; ) {
    const range = [first, mailbox.uidnext - 1] as const;
    const job = { ...options, mailbox: mailbox.id, range, mask: 0, reason: 'expunged', limit: PAGE_ROWS };
    const found = yield* expungeRange(unit, job, tally);
    if (found.length < PAGE_ROWS) break;
    first = (found.at(-1) ?? mailbox.uidnext) + 1;
  }
  if (tally.total > 0) yield* subtract(unit, mailbox.id, tally);
}

/** Takes what went out of the mailbox's and the account's counters. */
export function* subtract(unit: Unit, mailbox: number, tally: Tally): Op<void> {
  count(unit, -tally.total, -tally.bytes);
  const delta = { total: -tally.total, unseen: -tally.unseen, bytes: -tally.bytes, uids: 0 };
  yield* touchMailbox(unit, mailbox, delta);
}

export interface ExpungeRange extends Expunging {
  readonly mailbox: number;
  readonly range: UidRange;
  /** Only those with all these flags. */
  readonly mask: number;
  readonly reason: string;
  readonly limit: number;
}

const FIND = `SELECT uid, flags, size FROM placement
  WHERE account = $1 AND mailbox = $2 AND uid BETWEEN $3 AND $4 AND (flags & $5) = $5 ORDER BY uid LIMIT $6`;

const KEEP = `INSERT INTO expunged (account, item, mailbox, uid, message, thread, flags, keywords, received, saved, origin,
    modseq, at, by, retain_until, hold)
  SELECT account, item, mailbox, uid, message, thread, flags, keywords, received, saved, origin, $6, $7, account, $8, 0
  FROM placement WHERE account = $1 AND mailbox = $2 AND uid BETWEEN $3 AND $4 AND (flags & $5) = $5`;

const DELETE = `DELETE FROM placement
  WHERE account = $1 AND mailbox = $2 AND uid BETWEEN $3 AND $4 AND (flags & $5) = $5`;

// One message is taken and put by its values: each statement that goes without a query of its own is cheaper.
const TAKE = `DELETE FROM placement WHERE account = $1 AND mailbox = $2 AND uid = $3 AND (flags & $4) = $4
  RETURNING item, message, thread, size, flags, keywords, received, saved, origin`;

const PUT = `INSERT INTO expunged (account, item, mailbox, uid, message, thread, flags, keywords, received, saved, origin,
    modseq, at, by, retain_until, hold)
  VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $1, $14, 0)`;

interface Taken {
  readonly item: number;
  readonly message: number;
  readonly thread: number;
  readonly size: number;
  readonly flags: number;
  readonly keywords: string;
  readonly received: number;
  readonly saved: number;
  readonly origin: number;
}

/** The same of one placement, the first of the range. */
function* expungeOne(unit: Unit, job: ExpungeRange, tally: Tally): Op<number[]> {
  const { mailbox, mask, reason } = job;
  const [uid] = job.range;
  const { account, modseq } = unit;
  const row = yield* one<Taken>(TAKE, [account, mailbox, uid, mask]);
  if (row === undefined) return [];
  const { item, message, thread, size, flags, keywords, received, saved, origin } = row;
  tally.total += 1;
  tally.unseen += 1 - (flags & 1);
  tally.bytes += size;
  yield* logPlaced(unit, { kind: 'remove', reason, mailbox, uid, item, message, thread });
  yield* run(PUT, [
    ...[account, item, mailbox, uid, message, thread, flags, keywords, received, saved, origin],
    ...[modseq, job.now, job.retainUntil],
  ]);
  return [uid];
}

/** Moves at most `limit` placements of a range to expunged, logs them and counts them in `tally`; their UIDs. */
export function* expungeRange(unit: Unit, job: ExpungeRange, tally: Tally): Op<number[]> {
  const { mailbox, mask } = job;
  const [first, end] = job.range;
  if (first === end) return yield* expungeOne(unit, job, tally);
  const rows = yield* all<{ uid: number; flags: number; size: number }>(FIND, [
    ...[unit.account, mailbox, first, end],
    ...[mask, job.limit],
  ]);
  const last = rows.at(-1)?.uid;
  if (last === undefined) return [];
  for (const row of rows) {
    tally.total += 1;
    tally.unseen += 1 - (row.flags & 1);
    tally.bytes += row.size;
  }
  const { reason } = job;
  yield* logPlacements(unit, { kind: 'remove', reason, mailbox, other: 0, first, last, mask, count: rows.length });
  const where = [unit.account, mailbox, first, last, mask];
  yield* run(KEEP, [...where, unit.modseq, job.now, job.retainUntil]);
  yield* run(DELETE, where);
  return rows.map((row) => row.uid);
}
