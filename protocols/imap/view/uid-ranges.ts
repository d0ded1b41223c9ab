// Ranges of UIDs for the store, from messages of a view.

import type { UidRange } from '#storage/ports.ts';
import { BadCommand } from '../grammar/errors.ts';
import { resolveSet, type SequenceSet, STAR } from '../grammar/sequence-set.ts';
import type { Selected } from './selected.ts';
import type { Member, Span, View } from './view.ts';

/** Adds a UID that is above all in the ranges. */
export function appendUid(ranges: [number, number][], uid: number): void {
  const last = ranges.at(-1);
  if (last !== undefined && last[1] === uid - 1) last[1] = uid;
  else ranges.push([uid, uid]);
}

/**
 * Ranges for the messages, which come in order, and no other of the view: what had a UID between two that follow each
 * other is gone, so where much was expunged these are fewer than `uidRanges`.
 */
export function spanRanges(view: View, members: Iterable<Member>): UidRange[] {
  const ranges: [number, number][] = [];
  let previous = 0;
  for (const { slot, seq } of members) {
    const uid = view.rows.uid(slot);
    const last = ranges.at(-1);
    if (last !== undefined && seq === previous + 1) last[1] = uid;
    else ranges.push([uid, uid]);
    previous = seq;
  }
  return ranges;
}

/** The same of messages that come in spans. */
export function rangesOfSpans(view: View, spans: Iterable<Span>): UidRange[] {
  const ranges: [number, number][] = [];
  let next = 0;
  for (const { slot, seq, count } of spans) {
    const range = ranges.at(-1);
    const end = view.rows.uid(slot + count - 1);
    if (range !== undefined && seq === next) range[1] = end;
    else ranges.push([view.rows.uid(slot), end]);
    next = seq + count;
  }
  return ranges;
}

/** The UIDs of messages, which come in order. */
export function uidRanges(view: View, members: Iterable<Member>): UidRange[] {
  const ranges: [number, number][] = [];
  for (const { slot } of members) appendUid(ranges, view.rows.uid(slot));
  return ranges;
}

/**
 * The messages that a command's set names, in order. Of UIDs, what is not there is left out; a sequence number that is
 * not there is BAD.
 */
export function membersOf(selected: Selected, set: SequenceSet, byUid: boolean): Generator<Member> {
  const { view } = selected;
  if (byUid || set.saved) return view.byUid(uidsOf(selected, set));
  return view.bySequence(numbersOf(view, set));
}

/** The same in spans. */
export function spansOf(selected: Selected, set: SequenceSet, byUid: boolean): Generator<Span> {
  const { view } = selected;
  if (byUid || set.saved) return view.spansByUid(uidsOf(selected, set));
  return view.spansBySequence(numbersOf(view, set));
}

/**
 * RFC 9051 9, seq-number: a number above that of the last message is BAD. '*' should be where there is no message at all,
 * but programs that copy mail send `1:*` to a mailbox that they have just made: it is nothing, as `9:*`, which clients
 * send to ask for news, is the last message, as of UIDs.
 */
function numbersOf({ exists }: View, set: SequenceSet): UidRange[] {
  for (const [first, second] of set.pairs) {
    if (first !== STAR && second !== STAR && Math.max(first, second) > exists)
      throw new BadCommand('There is no message of that number');
  }
  return resolveSet(set, exists);
}

/** The UIDs that a set of them names, or that the last SEARCH saved (RFC 5182). */
export function uidsOf({ view, found }: Selected, set: SequenceSet, largest = view.lastUid): readonly UidRange[] {
  return set.saved ? found : resolveSet(set, largest);
}
