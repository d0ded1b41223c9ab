// Sets of UIDs as a transaction works through them: clipped to what can exist, a bounded piece at a time.

import { type Op, one } from '../operation.ts';
import type { UidRange, UidSet } from '../ports.ts';

/** Ranges, and UIDs of each. */
const FEW = 8;

/** The set without what can't exist in a mailbox with this UIDNEXT. */
export function clip(uids: UidSet, uidnext: number): UidRange[] {
  const clipped: UidRange[] = [];
  for (const [first, last] of uids) {
    const range = [Math.max(1, first), Math.min(last, uidnext - 1)] as const;
    if (range[0] <= range[1]) clipped.push(range);
  }
  return clipped;
}

/** Are they so few that every operation does all of them in one transaction, as a rule? */
export function isFew(uids: UidSet): boolean {
  return uids.length <= FEW && uids.every(([first, last]) => last - first < FEW);
}

/** What is left of a set after a UID. Page after page of a set of many ranges: so it does not go over all of them. */
export function after(uids: UidSet, uid: number): UidRange[] {
  let [low, high] = [0, uids.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((uids[middle]?.[1] ?? 0) > uid) high = middle;
    else low = middle + 1;
  }
  const rest = uids.slice(low);
  const [first] = rest;
  if (first !== undefined && first[0] <= uid) rest[0] = [uid + 1, first[1]];
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
