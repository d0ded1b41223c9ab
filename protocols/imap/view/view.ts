// What one session believes the mailbox to be (RFC 9051 5.2, 7.5.1): sequence numbers stand for the same messages until
// the session has been told otherwise. A view is a few words: the shared rows, how many of them it knows, and which of
// those it has been told are expunged.

import type { UidRange } from '#storage/ports.ts';
import { countBelow } from '../count-below.ts';
import type { Rows } from '../index/rows.ts';

export class View {
  readonly rows: Rows;
  /** Slots that are known. */
  readonly slots: number;
  /** Slots below `slots` that are gone, ascending. Shared, never changed. */
  readonly dead: Uint32Array;

  constructor(rows: Rows, slots: number, dead: Uint32Array) {
    this.rows = rows;
    this.slots = slots;
    this.dead = dead;
  }

  /** Messages: the largest sequence number. */
  get exists(): number {
    return this.slots - this.dead.length;
  }

  /** The largest UID, 0 in an empty view. */
  get lastUid(): number {
    const slot = this.slotOf(this.exists);
    return slot === -1 ? 0 : this.rows.uid(slot);
  }

  /** The slot of a sequence number, or -1. */
  slotOf(seq: number): number {
    if (seq < 1 || seq > this.exists) return -1;
    // The slot is seq - 1 plus the dead before it: find how many of the dead have at most seq - 1 living before them.
    const { dead } = this;
    let low = 0;
    let high = dead.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((dead[middle] ?? 0) - middle <= seq - 1) low = middle + 1;
      else high = middle;
    }
    return seq - 1 + low;
  }

  /** The sequence number of a slot that is alive in this view. */
  seqOf(slot: number): number {
    return slot - countBelow(this.dead, slot) + 1;
  }

  /** Is this slot a message of this view? */
  has(slot: number): boolean {
    return slot >= 0 && slot < this.slots && this.dead[countBelow(this.dead, slot)] !== slot;
  }

  /** The slot of a UID in this view, or -1. */
  slotOfUid(uid: number): number {
    const slot = this.rows.slotOf(uid);
    return this.has(slot) ? slot : -1;
  }

  /** The messages of ascending ranges of sequence numbers, in order. */
  bySequence(ranges: readonly UidRange[]): Generator<Member> {
    return membersIn(this.spansBySequence(ranges));
  }

  /** The messages whose UIDs are in ascending ranges, in order. */
  byUid(ranges: readonly UidRange[]): Generator<Member> {
    return membersIn(this.spansByUid(ranges));
  }

  /** How many messages have UIDs in ascending ranges. */
  countByUid(ranges: readonly UidRange[]): number {
    const { rows, slots, dead } = this;
    let count = 0;
    for (const [first, last] of ranges) {
      const start = rows.lowerBound(first);
      const end = Math.min(rows.lowerBound(last + 1), slots);
      if (end > start) count += end - start - countBelow(dead, end) + countBelow(dead, start);
    }
    return count;
  }

  /** All messages, in order. */
  all(): Generator<Member> {
    return membersIn(this.allSpans());
  }

  /** The slots of all messages, in order. */
  allSlots(): Uint32Array {
    const slots = new Uint32Array(this.exists);
    let next = 0;
    for (const { slot, count } of this.allSpans()) {
      for (let at = slot; at < slot + count; at++) slots[next++] = at;
    }
    return slots;
  }

  /** As `all`. */
  allSpans(): Generator<Span> {
    return this.spansOfSlots(0, this.slots);
  }

  /** As `bySequence`, for who goes over 100,000 messages and needs no object for each. */
  *spansBySequence(ranges: readonly UidRange[]): Generator<Span> {
    for (const [first, last] of ranges) {
      const end = Math.min(last, this.exists);
      if (first <= end) yield* this.spansOfSlots(this.slotOf(first), this.slotOf(end) + 1);
    }
  }

  /** As `byUid`. */
  *spansByUid(ranges: readonly UidRange[]): Generator<Span> {
    const { rows, slots } = this;
    for (const [first, last] of ranges) {
      yield* this.spansOfSlots(rows.lowerBound(first), Math.min(rows.lowerBound(last + 1), slots));
    }
  }

  /** What is alive of the slots [slot, end). */
  *spansOfSlots(slot: number, end: number): Generator<Span> {
    const { dead } = this;
    let deadAt = countBelow(dead, slot);
    for (let at = slot; at < end; deadAt++) {
      const next = Math.min(dead[deadAt] ?? end, end);
      if (next > at) yield { slot: at, seq: at - deadAt + 1, count: next - at };
      at = next + 1;
    }
  }
}

function* membersIn(spans: Iterable<Span>): Generator<Member> {
  for (const { slot, seq, count } of spans) {
    for (let at = 0; at < count; at++) yield { slot: slot + at, seq: seq + at };
  }
}

/** Messages of a view in slots that follow each other: the first one's slot and number, and how many there are. */
export interface Span {
  readonly slot: number;
  readonly seq: number;
  readonly count: number;
}

/** One message of a view. */
export interface Member {
  readonly slot: number;
  readonly seq: number;
}

/** Of two views of the same mailbox, the sequence numbers in `before` of what is gone in `after`, from the highest. */
export function expungedBetween(before: View, after: View): number[] {
  if (before.dead === after.dead && before.rows === after.rows) return [];
  const gone: number[] = [];
  if (before.rows === after.rows) {
    // What is gone in `before` is gone in `after` too: of the same slots, as many are the same up to the first new one.
    const same = commonStart(before.dead, after.dead);
    let known = before.dead.length;
    for (let at = countBelow(after.dead, before.slots) - 1; at >= same; at--) {
      const slot = after.dead[at] ?? 0;
      if (before.dead[known - 1] === slot) known--;
      else gone.push(slot - known + 1);
    }
    return gone;
  }
  for (const { slot, seq } of before.all()) if (after.slotOfUid(before.rows.uid(slot)) === -1) gone.push(seq);
  return gone.reverse();
}

/** How many numbers two ascending lists begin with alike, where all of the first are in the second. */
function commonStart(some: Uint32Array, all: Uint32Array): number {
  let low = 0;
  let high = some.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (some[middle] === all[middle]) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** How many messages of `after` are not in `before`: new ones have higher UIDs. */
export function addedBetween(before: View, after: View, expunged: number): number {
  return after.exists - (before.exists - expunged);
}
