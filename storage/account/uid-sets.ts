// Sets of UIDs as a transaction works through them: clipped to what can exist, a bounded piece at a time.

import { type Op, one } from '../operation.ts';
import type { UidRange, UidSet } from '../ports.ts';

/** The set without what can't exist in a mailbox with this UIDNEXT. */
export function clip(uids: UidSet, uidnext: number): UidRange[] {
  const clipped: UidRange[] = [];
  for (const [first, last] of uids) {
    const range = [Math.max(1, first), Math.min(last, uidnext - 1)] as const;
    if (range[0] <= range[1]) clipped.push(range);
  }
  return clipped;
}

/** What is left of a set after a UID. */
export function after(uids: readonly UidRange[], uid: number): UidRange[] {
  const rest: UidRange[] = [];
  for (const [first, last] of uids) {
    if (last > uid) rest.push([Math.max(first, uid + 1), last]);
  }
  return rest;
}

/** The last UID up to which a range of a mailbox has at most `rows` placements. */
export function* bounded(account: string, mailbox: number, range: UidRange, rows: number): Op<number> {
  const [first, last] = range;
  if (last - first < rows) return last;
  const row = yield* one<{ uid: number }>(
    `SELECT uid FROM placement WHERE account = $1 AND mailbox = $2 AND uid BETWEEN $3 AND $4
     ORDER BY uid LIMIT 1 OFFSET $5`,
    [account, mailbox, first, last, rows - 1],
  );
  return row?.uid ?? last;
}

/** Ascending UIDs as runs. */
export function runsOf(uids: Iterable<number>): [number, number][] {
  const runs: [number, number][] = [];
  for (const uid of uids) {
    const previous = runs.at(-1);
    if (previous !== undefined && previous[1] === uid - 1) previous[1] = uid;
    else runs.push([uid, uid]);
  }
  return runs;
}
