// Writing the change log. A commit's rows say where to look: one complete row a placement for add and remove, UID runs
// for set. Nothing else announces a change (DESIGN 4, "Modseq").

import { takeSeq, type Unit } from '../account/unit.ts';
import { type Op, run } from '../operation.ts';
import type { ChangeClass, ChangeKind } from '../ports.ts';

/** A row to write; what is left out is 0 or ''. */
export interface NewChange {
  readonly kind: ChangeKind;
  readonly reason: string;
  readonly collection: number;
  readonly other?: number;
  readonly uid?: number;
  readonly last?: number;
  readonly item?: number;
  readonly object?: number;
  readonly thread?: number;
  readonly reader?: string;
  readonly name?: string;
}

const COLUMNS =
  'account, class, modseq, seq, kind, reason, collection, other, uid, last, item, object, thread, reader, name';

const INSERT = `INSERT INTO change (${COLUMNS})
  VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)`;

/** Fewer parameters, and so cheaper, where every delivery writes one. */
const INSERT_PLACED = `INSERT INTO change (${COLUMNS})
  VALUES ($1, 'mail', $2, $3, $4, $5, $6, 0, $7, $7, $8, $9, $10, '', '')`;

/** A message's placement that came or went, as it is logged. */
export interface Placed {
  readonly kind: 'add' | 'remove';
  readonly reason: string;
  readonly mailbox: number;
  readonly uid: number;
  readonly item: number;
  readonly message: number;
  readonly thread: number;
}

/** Logs one placement that was added or removed. */
export function* logPlaced(unit: Unit, placed: Placed): Op<void> {
  const { kind, reason, mailbox, uid, item, message, thread } = placed;
  const seq = takeSeq(unit, 'mail', 1) + 1;
  yield* run(INSERT_PLACED, [unit.account, unit.modseq, seq, kind, reason, mailbox, uid, item, message, thread]);
}

const INSERT_FLAG_RUN = `INSERT INTO change (${COLUMNS})
  VALUES ($1, 'mail', $2, $3, 'set', 'flags', $4, 0, $5, $6, 0, 0, 0, '', $7)`;

/** Messages of a mailbox whose flags have changed. */
export interface LoggedFlags {
  readonly mailbox: number;
  readonly first: number;
  readonly last: number;
  /** What flagRunName says; '': only the rows themselves say how. */
  readonly name: string;
}

/** Logs that flags have changed. */
export function* logFlagRun(unit: Unit, { mailbox, first, last, name }: LoggedFlags): Op<void> {
  const seq = takeSeq(unit, 'mail', 1) + 1;
  yield* run(INSERT_FLAG_RUN, [unit.account, unit.modseq, seq, mailbox, first, last, name]);
}

/** Logs one change of this transaction. */
export function* log(unit: Unit, changeClass: ChangeClass, row: NewChange): Op<void> {
  const seq = takeSeq(unit, changeClass, 1) + 1;
  const uid = row.uid ?? 0;
  yield* run(INSERT, [
    unit.account,
    changeClass,
    unit.modseq,
    seq,
    row.kind,
    row.reason,
    row.collection,
    row.other ?? 0,
    uid,
    row.last ?? uid,
    row.item ?? 0,
    row.object ?? 0,
    row.thread ?? 0,
    row.reader ?? '',
    row.name ?? '',
  ]);
}

/** Placements of one mailbox that are logged together. */
export interface LoggedPlacements {
  readonly kind: 'add' | 'remove';
  readonly reason: string;
  readonly mailbox: number;
  readonly other: number;
  readonly first: number;
  readonly last: number;
  /** Only those with all these flags. */
  readonly mask: number;
  /** How many they are. */
  readonly count: number;
}

// The rows are complete in themselves: they outlive what they name.
const insertPlacements = (seq: string) => `INSERT INTO change (${COLUMNS})
  SELECT p.account, 'mail', $5, $6 + ${seq}, $7, $8, p.mailbox, $9, p.uid, p.uid,
    p.item, p.message, p.thread, '', ''
  FROM placement p
  WHERE p.account = $1 AND p.mailbox = $2 AND p.uid BETWEEN $3 AND $4 AND (p.flags & $10) = $10`;
const INSERT_PLACEMENTS = insertPlacements('row_number() OVER (ORDER BY p.uid)');
/** A window to count one row in is a seventh of its expunge. */
const INSERT_PLACEMENT = insertPlacements('1');

/** Logs a row for each placement of a range as it stands now: after adding them, before removing them. */
export function* logPlacements(unit: Unit, what: LoggedPlacements): Op<void> {
  const before = takeSeq(unit, 'mail', what.count);
  yield* run(what.count === 1 ? INSERT_PLACEMENT : INSERT_PLACEMENTS, [
    unit.account,
    what.mailbox,
    what.first,
    what.last,
    unit.modseq,
    before,
    what.kind,
    what.reason,
    what.other,
    what.mask,
  ]);
}

/** Joins UID runs, in any order, nearest first, until at most `limit` are left: a set run may cover more than what was changed. */
export function joinRuns(runs: readonly (readonly [number, number])[], limit: number): [number, number][] {
  let gap = 0;
  const sorted = runs.toSorted((a, b) => a[0] - b[0]);
  let joined = joinCloserThan(sorted, gap);
  while (joined.length > limit) {
    gap = gap * 2 + 1;
    joined = joinCloserThan(joined, gap);
  }
  return joined;
}

/** Joins ascending runs with at most `gap` UIDs between them. */
function joinCloserThan(runs: readonly (readonly [number, number])[], gap: number): [number, number][] {
  const joined: [number, number][] = [];
  for (const [first, last] of runs) {
    const previous = joined.at(-1);
    if (previous !== undefined && first - previous[1] - 1 <= gap) previous[1] = Math.max(previous[1], last);
    else joined.push([first, last]);
  }
  return joined;
}
