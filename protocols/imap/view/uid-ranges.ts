// Ranges of UIDs for the store, from messages of a view.

import type { UidRange } from '#storage/ports.ts';
import { resolveSet, type SequenceSet } from '../grammar/sequence-set.ts';
import type { Member, View } from './view.ts';

/** Adds a UID that is above all in the ranges. */
export function appendUid(ranges: [number, number][], uid: number): void {
  const last = ranges.at(-1);
  if (last !== undefined && last[1] === uid - 1) last[1] = uid;
  else ranges.push([uid, uid]);
}

/** The UIDs of messages, which come in order. */
export function uidRanges(view: View, members: Iterable<Member>): UidRange[] {
  const ranges: [number, number][] = [];
  for (const { slot } of members) appendUid(ranges, view.rows.uid(slot));
  return ranges;
}

/** The messages that a command's set names, by sequence number or UID, in order; what is not there is left out. */
export function membersOf(view: View, set: SequenceSet, byUid: boolean): Generator<Member> {
  if (byUid) return view.byUid(resolveSet(set, view.lastUid));
  return view.bySequence(resolveSet(set, view.exists));
}
