// Copy and move between mailboxes of one account: always one transaction. A copy is a new item, a moved one stays what
// it was (DESIGN 4, "Ids").

import { ALL_FLAGS } from '../changes/flag-run.ts';
import { logPlacements } from '../changes/log.ts';
import { StoreError } from '../errors.ts';
import { all, type Op, one, run } from '../operation.ts';
import { Flag, KEYWORD_BIT, type Transferred, type UidRange, type UidSet } from '../ports.ts';
import { ADDED_UIDS, PAGE_ROWS } from './limits.ts';
import { theMailbox, touchMailbox } from './mailbox-row.ts';
import { theSettledMailbox } from './owed-flags.ts';
import { checkRoom } from './quota.ts';
import { changeSeen, overlapping } from './reader-seen.ts';
import { clip, runsOf } from './uid-sets.ts';
import { begin, count, finish, takeIds, type Unit } from './unit.ts';

export interface TransferJob {
  readonly kind: 'copy' | 'move';
  readonly from: number;
  readonly uids: UidSet;
  readonly to: number;
  /** Unix ms. */
  readonly now: number;
  /** Bytes that the account may hold, or null. */
  readonly quota: number | null;
  /** Flags that stay on them, bits of Flag, and KEYWORD_BIT; all if absent. */
  readonly keep?: number | undefined;
  /** Who does it in somebody else's mailboxes: whose \Seen stays on them. */
  readonly reader?: string | undefined;
}

/** Copies or moves in a transaction of its own. Errors: not-found, over-quota, limit. */
export function* transferAlone(account: string, job: TransferJob): Op<Transferred> {
  const unit = yield* begin(account);
  const transferred = yield* transfer(unit, job);
  yield* finish(unit);
  return transferred;
}

/** How many placements a transfer would take: what decides in which thread it runs. */
export function* countPlacements(account: string, mailbox: number, uids: UidSet, atMost: number): Op<number> {
  let found = 0;
  for (const [first, last] of uids) {
    const row = yield* one<{ n: number }>(
      `SELECT count(*) AS n FROM (SELECT uid FROM placement
       WHERE account = $1 AND mailbox = $2 AND uid BETWEEN $3 AND $4 LIMIT $5) AS found`,
      [account, mailbox, first, last, atMost - found],
    );
    found += row?.n ?? 0;
    if (found >= atMost) break;
  }
  return found;
}

interface Totals {
  readonly n: number;
  /** As they are in the source, and as they will be in the target. */
  readonly unseen: number;
  readonly unseenThere: number;
  readonly bytes: number;
}

const TOTALS = `SELECT count(*) AS n, CAST(coalesce(sum(1 - (p.flags & 1)), 0) AS BIGINT) AS unseen,
    CAST(coalesce(sum(1 - (p.flags & $5 & 1)), 0) AS BIGINT) AS "unseenThere",
    CAST(coalesce(sum(p.size), 0) AS BIGINT) AS bytes
  FROM placement p
  WHERE p.account = $1 AND p.mailbox = $2 AND p.uid BETWEEN $3 AND $4`;

const COPY = `INSERT INTO placement (account, mailbox, uid, message, thread, item, size, flags, keywords, received,
    modseq, saved, origin)
  SELECT account, $5, $6 + row_number() OVER (ORDER BY uid), message, thread, $7 + row_number() OVER (ORDER BY uid), size,
    flags & $10, CASE WHEN $11 = 1 THEN keywords ELSE '' END, received, $8, $9, mailbox
  FROM placement WHERE account = $1 AND mailbox = $2 AND uid BETWEEN $3 AND $4`;

// The row itself moves, so that its item is never there twice.
const MOVE = `UPDATE placement SET mailbox = $5, uid = $6 + moved.n, modseq = $7, saved = $8, origin = $2,
    flags = flags & $9, keywords = CASE WHEN $10 = 1 THEN keywords ELSE '' END
  FROM (SELECT uid AS was, row_number() OVER (ORDER BY uid) AS n FROM placement
    WHERE account = $1 AND mailbox = $2 AND uid BETWEEN $3 AND $4) AS moved
  WHERE placement.account = $1 AND placement.mailbox = $2 AND placement.uid = moved.was`;

/** Copies or moves inside a running transaction. */
export function* transfer(unit: Unit, job: TransferJob): Op<Transferred> {
  const { account } = unit;
  const from = yield* theSettledMailbox(account, job.from);
  const to = yield* theMailbox(account, job.to);
  const source: number[] = [];
  const sum = { total: 0, unseen: 0, bytes: 0 };
  let unseenThere = 0;
  const { flags } = kept(job);
  for (const range of clip(job.uids, from.uidnext)) {
    const totals = yield* one<Totals>(TOTALS, [account, from.id, range[0], range[1], flags]);
    if (totals === undefined || totals.n === 0) continue;
    sum.total += totals.n;
    sum.unseen += totals.unseen;
    unseenThere += totals.unseenThere;
    sum.bytes += totals.bytes;
    if (sum.total > ADDED_UIDS) throw new StoreError('limit', `more than ${ADDED_UIDS} messages at once`);
    if (job.kind === 'copy') checkRoom(unit, sum.bytes, job.quota);
    yield* collectUids(account, from.id, range, source);
    yield* transferRange(unit, job, range, { base: to.uidnext - 1 + sum.total - totals.n, count: totals.n });
  }
  const target = source.map((_, index) => to.uidnext + index);
  if (source.length === 0) return { uidvalidity: to.uidvalidity, source, target, modseq: to.modseq };
  if (job.kind === 'copy') count(unit, sum.total, sum.bytes);
  else yield* touchMailbox(unit, from.id, { total: -sum.total, unseen: -sum.unseen, bytes: -sum.bytes, uids: 0 });
  yield* touchMailbox(unit, to.id, { ...sum, unseen: unseenThere, uids: sum.total });
  if (job.reader !== undefined) yield* carrySeen(unit, job, source, to.uidnext);
  return { uidvalidity: to.uidvalidity, source, target, modseq: unit.modseq };
}

/** Gives the placements of one range UIDs from `base` + 1 in the target, and logs them. */
function* transferRange(
  unit: Unit,
  job: TransferJob,
  [first, last]: UidRange,
  { base, count: rows }: { base: number; count: number },
): Op<void> {
  const where = [unit.account, job.from, first, last, job.to, base];
  const { flags, keywords } = kept(job);
  if (job.kind === 'copy') {
    yield* run(COPY, [...where, takeIds(unit, rows) - 1, unit.modseq, job.now, flags, keywords]);
  } else {
    const gone = { kind: 'remove', reason: 'moved', mailbox: job.from, other: job.to } as const;
    yield* logPlacements(unit, { ...gone, first, last, mask: 0, count: rows });
    yield* run(MOVE, [...where, unit.modseq, job.now, flags, keywords]);
  }
  const reason = job.kind === 'copy' ? 'copied' : 'moved';
  const come = { kind: 'add', reason, mailbox: job.to, other: job.from } as const;
  yield* logPlacements(unit, { ...come, first: base + 1, last: base + rows, mask: 0, count: rows });
}

/** What stays of flags and keywords; of a reader's \Seen see carrySeen, the owner's always stays. */
function kept({ keep = ALL_FLAGS | KEYWORD_BIT, reader }: TransferJob): { flags: number; keywords: number } {
  const flags = (keep & ALL_FLAGS) | (reader === undefined ? 0 : Flag.seen);
  return { flags, keywords: (keep & KEYWORD_BIT) === 0 ? 0 : 1 };
}

/** What a reader has seen stays seen for him, where it may. */
function* carrySeen(unit: Unit, job: TransferJob, source: readonly number[], firstTarget: number): Op<void> {
  const { reader = '', keep = ALL_FLAGS } = job;
  if ((keep & Flag.seen) === 0) return;
  const span = [source[0] ?? 0, source.at(-1) ?? 0] as const;
  const runs = (yield* overlapping(unit.account, { mailbox: job.from, reader }, span)).filter(({ seen }) => seen !== 0);
  const targets: number[] = [];
  let at = 0;
  for (const [index, uid] of source.entries()) {
    while ((runs[at]?.last ?? uid) < uid) at++;
    if ((runs[at]?.first ?? uid + 1) <= uid) targets.push(firstTarget + index);
  }
  yield* changeSeen(unit, { mailbox: job.to, reader }, runsOf(targets), true);
}

/** Adds the UIDs of a range to `into`. */
function* collectUids(account: string, mailbox: number, [first, last]: UidRange, into: number[]): Op<void> {
  for (let from = first; ; ) {
    const rows = yield* all<{ uid: number }>(
      `SELECT uid FROM placement WHERE account = $1 AND mailbox = $2 AND uid BETWEEN $3 AND $4
       ORDER BY uid LIMIT ${PAGE_ROWS}`,
      [account, mailbox, from, last],
    );
    for (const row of rows) into.push(row.uid);
    if (rows.length < PAGE_ROWS) return;
    from = (into.at(-1) ?? last) + 1;
  }
}
