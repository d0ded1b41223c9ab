// What a client that was away is told at SELECT (RFC 7162 3.2.5): which of the messages that it knows are gone, and
// which have other flags.

import { Pace } from '#protocols/net/pace.ts';
import type { UidRange } from '#storage/ports.ts';
import type { Resync } from '../grammar/mod-sequence.ts';
import { resolveSet, type SequenceSet } from '../grammar/sequence-set.ts';
import { ALL_UIDS } from '../index/account.ts';
import { intersectRanges } from '../ranges.ts';
import type { Session } from '../session.ts';
import type { View } from '../view/view.ts';
import { changedSince, historyAfter, tellVanished } from './history.ts';

/** Tells VANISHED (EARLIER), then the flags that changed, about the mailbox that has just been selected. */
export async function resync(session: Session, { uidvalidity, modseq, known, match }: Resync): Promise<void> {
  const { current, connection } = session;
  // RFC 7162 3.2.5: the client finds out by comparing.
  if (uidvalidity !== current.mailbox.uidvalidity) return;
  const { view } = current;
  const history = await historyAfter(session, modseq);
  const asked = known === null ? ALL_UIDS : resolveSet(known, 0);
  const matched = match === null ? 0 : lastMatch(view, match);
  const unsure: UidRange[] = [[matched + 1, 0xffff_ffff]];
  await tellVanished(session, history, intersectRanges(asked, unsure));
  const pace = new Pace(connection);
  for (const member of changedSince(view, view.byUid(asked), history)) {
    current.tellFlags(connection.out, member, true);
    if (pace.due) await pace.rest();
  }
}

/**
 * The highest UID that still has the sequence number it is said to have had (RFC 7162 3.2.5.2): all below it are still
 * there too. 0 if there is none.
 */
export function lastMatch(view: View, { numbers, uids }: { numbers: SequenceSet; uids: SequenceSet }): number {
  let last = 0;
  for (const [number, uid, length] of pairs(resolveSet(numbers, 0), resolveSet(uids, 0))) {
    // UIDs rise at least as fast as the numbers do: those that match stand together.
    let [low, high] = [0, Math.min(length, Math.max(0, view.exists - number + 1))];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (uidOf(view, number + middle) <= uid + middle) low = middle + 1;
      else high = middle;
    }
    if (low > 0 && uidOf(view, number + low - 1) === uid + low - 1) last = Math.max(last, uid + low - 1);
  }
  return last;
}

function uidOf(view: View, number: number): number {
  return view.rows.uid(view.slotOf(number));
}

/** Two sets side by side: runs of the first with the runs of the second that stand for them. */
function* pairs(
  numbers: readonly UidRange[],
  uids: readonly UidRange[],
): Generator<[number: number, uid: number, length: number]> {
  let [at, skipped] = [0, 0];
  for (const [first, last] of numbers) {
    for (let number = first; number <= last; ) {
      const [start, end] = uids[at] ?? [1, 0];
      if (end < start) return;
      const uid = start + skipped;
      const length = Math.min(last - number, end - uid) + 1;
      yield [number, uid, length];
      number += length;
      skipped += length;
      if (uid + length > end) [at, skipped] = [at + 1, 0];
    }
  }
}
