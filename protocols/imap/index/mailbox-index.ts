// The in-memory index of one mailbox: its rows, which of them are dead, and what changed lately. One per mailbox and
// thread, shared by the sessions that have it selected; the account's feed keeps it up to date.

import type { FlagRun } from '#storage/changes/flag-run.ts';
import type { AccountId, MailboxId, Placement, SeenRun, UidRange } from '#storage/ports.ts';
import { Flag } from '#storage/ports.ts';
import { countBelow } from '../count-below.ts';
import { ANNOTATION_CHANGES } from '../limits.ts';
import { Columns } from '../sort/columns.ts';
import { View } from '../view/view.ts';
import { ChangedSlots, type SlotRun } from './changed-slots.ts';
import type { KeywordSets } from './keyword-sets.ts';
import { Rows } from './rows.ts';

/**
 * Runs of changed rows remembered, and how many of them stay when there are more, so that one change in many cuts the
 * log and not each; a session that missed more compares all modseqs.
 */
const LOG_RUNS = 1_000;
const KEPT_RUNS = 500;
/** Dead rows that are carried before new rows are made without them. */
const DEAD_ROWS = 1_000;
const NONE = new Uint32Array(0);
const NOTHING = new ChangedSlots([]);

interface Run extends SlotRun {
  last: number;
}

export class MailboxIndex {
  readonly mailbox: MailboxId;
  /** Whose \Seen its rows have, and when that changed; undefined: the owner's, as the placements have it. */
  readonly reader: AccountId | undefined;
  /** What its messages are sorted by. */
  readonly columns = new Columns();
  readonly #keywords: KeywordSets;
  #view = new View(new Rows(0), 0, NONE);
  /** Raised by each change of flags; a session compares it with the last one it saw. */
  #tick = 0;
  #log: Run[] = [];
  /** By UID, the last change that came first. */
  readonly #annotated = new Map<number, { readonly names: string; readonly modseq: number }>();
  /** Runs up to this tick are no longer in the log. */
  #forgotten = 0;
  #modseq = 0;
  #complete = 0;
  /** The mailbox is gone. */
  deleted = false;
  /** It can't be brought up to date by changes and must be loaded again. */
  stale = false;

  constructor(mailbox: MailboxId, keywords: KeywordSets, reader?: AccountId) {
    this.mailbox = mailbox;
    this.reader = reader;
    this.#keywords = keywords;
  }

  /** The mailbox as it is now. */
  get view(): View {
    return this.#view;
  }

  get tick(): number {
    return this.#tick;
  }

  /** The highest modseq of any row seen. */
  get modseq(): number {
    return this.#modseq;
  }

  /** Every change up to this modseq is here, expunges too: HIGHESTMODSEQ (RFC 7162 3.1.2.1). Rows may be newer. */
  get complete(): number {
    return this.#complete;
  }

  /** Every change up to a modseq is here now. */
  completeTo(modseq: number): void {
    if (modseq > this.#complete) this.#complete = modseq;
  }

  /** Takes rows from the store: new ones, and old ones whose flags may have changed. Ascending UIDs. */
  apply(placements: readonly Placement[]): void {
    const { rows } = this.#view;
    const tick = this.#tick + 1;
    for (const placement of placements) {
      const { uid, flags, modseq } = placement;
      const keywords = this.#keywords.intern(placement.keywords);
      if (modseq > this.#modseq) this.#modseq = modseq;
      if (rows.count === 0 || uid > rows.uid(rows.count - 1)) {
        rows.append(this.reader === undefined ? placement : unseen(placement), keywords);
        continue;
      }
      const slot = rows.slotOf(uid);
      if (slot === -1) this.stale = true;
      else if (this.reader !== undefined) this.#applyCommon(slot, placement, keywords, tick);
      else if (modseq > rows.modseq(slot)) {
        rows.set(slot, flags, keywords, modseq);
        this.#changed(slot, tick);
      }
    }
    this.#trim();
    this.#view = new View(rows, rows.count, this.#view.dead);
  }

  /** Takes a change that every message with these UIDs went through, all before it being here. How many slots it went over. */
  applyFlags([first, last]: UidRange, run: FlagRun, modseq: number): number {
    const { rows, slots } = this.#view;
    const tick = this.#tick + 1;
    const [start, end] = [rows.lowerBound(first), Math.min(rows.lowerBound(last + 1), slots)];
    // Rows may be newer than the log says, when they were read after it was.
    for (const { slot, count } of this.#view.spansOfSlots(start, end)) {
      rows.setFlags(slot, slot + count, { ...run, modseq }, (from, to) => this.#changed(from, tick, to));
    }
    if (this.#tick === tick && modseq > this.#modseq) this.#modseq = modseq;
    this.#trim();
    return Math.max(0, end - start);
  }

  /** A message's annotations have changed: these entries, separated by spaces. */
  noteAnnotation(uid: number, names: string, modseq: number): void {
    this.#annotated.delete(uid);
    this.#annotated.set(uid, { names, modseq });
    const [oldest] = this.#annotated.keys();
    if (this.#annotated.size > ANNOTATION_CHANGES && oldest !== undefined) this.#annotated.delete(oldest);
  }

  /** The entries of a message that have changed after a modseq, as far as that is remembered. */
  annotatedSince(uid: number, modseq: number): string {
    const noted = this.#annotated.get(uid);
    return noted !== undefined && noted.modseq > modseq ? noted.names : '';
  }

  /** Takes what a reader has in common with others. That the owner has seen a message is no change to him. */
  #applyCommon(slot: number, { flags: theirs, modseq }: Placement, keywords: number, tick: number): void {
    const { rows } = this.#view;
    const old = rows.flags(slot);
    const flags = (theirs & ~Flag.seen) | (old & Flag.seen);
    const changed = flags !== old || keywords !== rows.keywords(slot);
    rows.set(slot, flags, keywords, Math.max(modseq, rows.modseq(slot)));
    if (changed) this.#changed(slot, tick);
  }

  /** Takes what the reader has made seen and unseen; all messages that this can be about are here. */
  applySeen(runs: readonly SeenRun[]): void {
    const { rows, slots } = this.#view;
    const tick = this.#tick + 1;
    for (const { first, last, seen, modseq } of runs) {
      if (modseq > this.#modseq) this.#modseq = modseq;
      for (let slot = rows.lowerBound(first); slot < slots && rows.uid(slot) <= last; slot++) {
        const old = rows.flags(slot);
        const flags = seen ? old | Flag.seen : old & ~Flag.seen;
        rows.set(slot, flags, rows.keywords(slot), Math.max(modseq, rows.modseq(slot)));
        if (flags !== old && this.#view.has(slot)) this.#changed(slot, tick);
      }
    }
    this.#trim();
  }

  /** Logs that a slot has changed, or those up to `last`; slots ascend within a tick. */
  #changed(slot: number, tick: number, last = slot): void {
    const run = this.#log.at(-1);
    this.#tick = tick;
    if (run !== undefined && run.tick === tick && run.last === slot - 1) run.last = last;
    else this.#log.push({ tick, first: slot, last });
  }

  /** Takes out the messages with UIDs in ascending ranges. */
  remove(ranges: readonly UidRange[]): void {
    const { rows, slots, dead } = this.#view;
    const gone: number[] = [];
    for (const [first, last] of ranges) {
      let slot = rows.lowerBound(first);
      for (let at = countBelow(dead, slot); slot < slots && rows.uid(slot) <= last; slot++) {
        if (dead[at] === slot) at++;
        else gone.push(slot);
      }
    }
    if (gone.length === 0) return;
    const all = merged(dead, gone);
    this.#view = new View(rows, slots, all);
    if (all.length > DEAD_ROWS && all.length * 4 > slots) this.#compact();
  }

  /** Starts again with rows that are loaded anew; sessions find out what differs by comparing. */
  replace(rows: Rows): void {
    this.#view.rows.successor = rows;
    this.#view = new View(rows, rows.count, NONE);
    this.#tick++;
    this.#log = [];
    this.#forgotten = this.#tick;
    this.stale = false;
  }

  /** Adds a page of rows that are being loaded for `replace`. */
  load(rows: Rows, placements: readonly Placement[]): void {
    for (const placement of placements) {
      rows.append(this.reader === undefined ? placement : unseen(placement), this.#keywords.intern(placement.keywords));
      if (placement.modseq > this.#modseq) this.#modseq = placement.modseq;
    }
  }

  /**
   * Slots of `view` whose flags changed after `tick`; where the log does not reach back so far, those that are newer than
   * `modseq`, up to which everything has been told.
   */
  changedSince(view: View, tick: number, modseq: number): ChangedSlots {
    if (tick === this.#tick) return NOTHING;
    const { rows } = this.#view;
    const logged = tick >= this.#forgotten ? this.#loggedSince(tick) : null;
    if (logged !== null && view.rows === rows) return logged;
    const runs: Run[] = [];
    for (const { slot } of view.all()) {
      const now = view.rows === rows ? slot : rows.slotOf(view.rows.uid(slot));
      if (now === -1) continue;
      const changed = logged === null ? (rows.modseq(now) > modseq ? this.#tick : undefined) : logged.tickOf(now);
      if (changed === undefined) continue;
      const run = runs.at(-1);
      if (run?.last === slot - 1 && run.tick === changed) run.last = slot;
      else runs.push({ tick: changed, first: slot, last: slot });
    }
    return new ChangedSlots(runs);
  }

  #loggedSince(tick: number): ChangedSlots {
    return new ChangedSlots(this.#log.slice(this.#log.findLastIndex((run) => run.tick <= tick) + 1));
  }

  #trim(): void {
    if (this.#log.length <= LOG_RUNS) return;
    const excess = this.#log.length - KEPT_RUNS;
    this.#forgotten = this.#log[excess - 1]?.tick ?? 0;
    // A tick is forgotten as a whole.
    this.#log = this.#log.slice(excess).filter((run) => run.tick > this.#forgotten);
  }

  /** Makes rows without the dead ones. What has changed stays in the log, which counts the new slots from then on. */
  #compact(): void {
    const { rows, dead } = this.#view;
    const kept = new Rows(this.#view.exists);
    for (const { slot } of this.#view.all()) {
      kept.append(rows.at(slot), rows.keywords(slot));
    }
    const moved = (slot: number) => slot - countBelow(dead, slot);
    this.#log = this.#log
      .map(({ first, last, tick }) => ({ first: moved(first), last: moved(last + 1) - 1, tick }))
      .filter(({ first, last }) => first <= last);
    rows.successor = kept;
    this.#view = new View(kept, kept.count, NONE);
  }
}

/** A placement as a reader has it who has not seen it. */
function unseen(placement: Placement): Placement {
  return { ...placement, flags: placement.flags & ~Flag.seen };
}

/** Two ascending lists without anything in common as one: most often a few are put between many. */
function merged(many: Uint32Array, few: readonly number[]): Uint32Array {
  const all = new Uint32Array(many.length + few.length);
  let from = 0;
  for (let at = 0; at < few.length; at++) {
    const one = few[at] ?? 0;
    const end = from === many.length ? from : countBelow(many, one);
    if (end > from) all.set(many.subarray(from, end), from + at);
    all[end + at] = one;
    from = end;
  }
  if (from < many.length) all.set(many.subarray(from), from + few.length);
  return all;
}
