// Cutting the log: it is kept for 30 days and 100,000 rows a class. Whole transactions go, and the class's floor says
// how far. Each class by itself: a flood of mail never makes a contacts state stale.

import { begin } from '../account/unit.ts';
import { type Op, one, run } from '../operation.ts';
import type { ChangeClass } from '../ports.ts';

/** How much of the log is kept. */
export interface Keep {
  readonly rows: number;
  /** Milliseconds. */
  readonly age: number;
}

/** What JMAP and DAV clients that were away for a month can still be told; below, they start again (DESIGN 4). */
export const KEEP: Keep = { rows: 100_000, age: 30 * 86_400_000 };

/** Rows that one transaction deletes: about 5 ms. */
const PRUNE_ROWS = 5_000;

/** Notes how far the log is now, so that later its age is known; to be called about once a day. `now` in unix ms. */
export function* markLog(account: string, now: number, keep: Keep = KEEP): Op<void> {
  const unit = yield* begin(account);
  // One mark older than the age is needed, those before it are not.
  const oldest = yield* one<{ at: number }>(
    `SELECT at FROM mark WHERE account = $1 AND at <= $2 ORDER BY at DESC LIMIT 1`,
    [account, now - keep.age],
  );
  if (oldest !== undefined) yield* run(`DELETE FROM mark WHERE account = $1 AND at < $2`, [account, oldest.at]);
  yield* run(`INSERT INTO mark (account, at, modseq) VALUES ($1, $2, $3) ON CONFLICT (account, at) DO NOTHING`, [
    account,
    now,
    unit.modseq - 1,
  ]);
}

/** One step of cutting a class's log; true if there is more to cut. */
export function* pruneLog(account: string, changeClass: ChangeClass, now: number, keep: Keep = KEEP): Op<boolean> {
  yield* begin(account);
  const state = yield* one<{ floor: number; modseq: number }>(
    `SELECT c.floor, coalesce((SELECT h.modseq FROM change h WHERE h.account = c.account AND h.class = c.class
       ORDER BY h.modseq DESC LIMIT 1), c.floor) AS modseq FROM class c WHERE c.account = $1 AND c.class = $2`,
    [account, changeClass],
  );
  if (state === undefined) return false;
  const cut = Math.min(
    state.modseq,
    Math.max(yield* cutByAge(account, now - keep.age), yield* cutByRows(account, changeClass, keep.rows)),
  );
  if (cut > state.floor) {
    yield* run(`UPDATE class SET floor = $3 WHERE account = $1 AND class = $2`, [account, changeClass, cut]);
  }
  return yield* deleteRows(account, changeClass, Math.max(cut, state.floor));
}

/** The log's last modseq at the latest mark that is old enough. */
function* cutByAge(account: string, before: number): Op<number> {
  const row = yield* one<{ modseq: number }>(
    `SELECT modseq FROM mark WHERE account = $1 AND at <= $2 ORDER BY at DESC LIMIT 1`,
    [account, before],
  );
  return row?.modseq ?? 0;
}

/** The modseq of the first row too many, counted from the newest. */
function* cutByRows(account: string, changeClass: ChangeClass, rows: number): Op<number> {
  const row = yield* one<{ modseq: number }>(
    `SELECT modseq FROM change WHERE account = $1 AND class = $2 ORDER BY modseq DESC, seq DESC LIMIT 1 OFFSET $3`,
    [account, changeClass, rows],
  );
  return row?.modseq ?? 0;
}

/** Deletes rows up to a modseq, the oldest first; true if some are left. */
function* deleteRows(account: string, changeClass: ChangeClass, cut: number): Op<boolean> {
  const last = yield* one<{ modseq: number; seq: number }>(
    `SELECT modseq, seq FROM change WHERE account = $1 AND class = $2 AND modseq <= $3
     ORDER BY modseq, seq LIMIT 1 OFFSET $4`,
    [account, changeClass, cut, PRUNE_ROWS],
  );
  yield* run(`DELETE FROM change WHERE account = $1 AND class = $2 AND (modseq, seq) < ($3, $4)`, [
    account,
    changeClass,
    last?.modseq ?? cut + 1,
    last?.seq ?? 0,
  ]);
  return last !== undefined;
}
