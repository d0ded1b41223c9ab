// Tells what SEARCH and SORT have found: as SEARCH or SORT lists it (RFC 3501 7.2.5), or as ESEARCH (RFC 4731).

import { Pace } from '#protocols/net/pace.ts';
import type { UidRange } from '#storage/ports.ts';
import { type SearchReturn, within } from '../grammar/search-return.ts';
import type { Session } from '../session.ts';
import type { Selected } from '../view/selected.ts';
import { appendUid } from '../view/uid-ranges.ts';
import type { Member } from '../view/view.ts';
import type { Scores } from './fuzzy.ts';

/** What is told if nothing else is said: (ALL). */
export const ALL: SearchReturn = {
  min: false,
  max: false,
  all: true,
  count: false,
  save: false,
  relevancy: false,
  partial: null,
  update: null,
};

/** What was found, in its order, and how it was asked for. */
export interface Results {
  readonly tag: string;
  /** Where it was found. */
  readonly selected: Selected;
  /** What an ESEARCH says of that beside the tag (RFC 7377 2.1). */
  readonly place?: string;
  readonly members: readonly Member[];
  /** UIDs are told, not sequence numbers. */
  readonly byUid: boolean;
  /** MODSEQ was among the keys: the highest of what is told is told too (RFC 7162 3.1.6). */
  readonly withModseq: boolean;
  /** Of a fuzzy search. */
  readonly scores?: Scores;
}

/** `* SEARCH 2 3 (MODSEQ 7)`: always sent, also when nothing was found. */
export async function tellList(session: Session, name: 'SEARCH' | 'SORT', results: Results): Promise<void> {
  const { members, byUid, withModseq, selected } = results;
  const { out } = session.connection;
  const { rows } = selected.view;
  const pace = new Pace(session.connection);
  out.text(`* ${name}`);
  for (const { slot, seq } of members) {
    out.text(' ').number(byUid ? rows.uid(slot) : seq);
    if (pace.due) await pace.rest();
  }
  if (withModseq && members.length > 0) out.text(` (MODSEQ ${highest(selected, members)})`);
  out.text('\r\n');
}

/** `* SORT 3 2` of messages by their slots, which may be many. */
export async function tellSlots(session: Session, slots: Uint32Array, byUid: boolean): Promise<void> {
  const { out } = session.connection;
  const { view } = session.current;
  const pace = new Pace(session.connection);
  out.text('* SORT');
  for (let at = 0; at < slots.length; at++) {
    const slot = slots[at] ?? 0;
    out.text(' ').number(byUid ? view.rows.uid(slot) : view.seqOf(slot));
    if (pace.due) await pace.rest();
  }
  out.text('\r\n');
}

/** `* ESEARCH (TAG "a") UID ALL 2:3`; with SAVE alone nothing (RFC 5182 1). */
export async function tellExtended(session: Session, results: Results, wanted: SearchReturn): Promise<void> {
  const { tag, members, byUid, selected, place = '' } = results;
  const { min, max, all, count, save, partial, relevancy } = wanted;
  if (save && !min && !max && !all && !count && !relevancy && partial === null) return;
  const { out } = session.connection;
  const { rows } = selected.view;
  const number = ({ slot, seq }: Member) => (byUid ? rows.uid(slot) : seq);
  const [first, last] = [members[0], members.at(-1)];
  // A quoted tag: new Outlook does not take an atom.
  out.text(`* ESEARCH (TAG "${tag}"${place})`);
  if (byUid) out.text(' UID');
  if (min && first !== undefined) out.text(' MIN ').number(number(first));
  if (max && last !== undefined) out.text(' MAX ').number(number(last));
  if (count) out.text(' COUNT ').number(members.length);
  const pace = new Pace(session.connection);
  const tellRuns = async (some: readonly Member[]) => {
    let separate = false;
    for (let at = 0; at < some.length; ) {
      const start = number(some[at] ?? none);
      let end = start;
      // RFC 5267 3.2: only runs that rise.
      for (at++; at < some.length && number(some[at] ?? none) === end + 1; at++) end++;
      if (separate) out.text(',');
      out.number(start);
      if (end > start) out.text(':').number(end);
      separate = true;
      if (pace.due) await pace.rest();
    }
  };
  if (all && members.length > 0) {
    out.text(' ALL ');
    await tellRuns(members);
  }
  if (partial !== null) {
    const part = within(members, partial);
    out.text(` PARTIAL (${partial.text} `);
    if (part.length === 0) out.text('NIL');
    else await tellRuns(part);
    out.text(')');
  }
  if (wanted.relevancy) {
    // A score for each message that is told, in their order.
    const scored = all || partial === null ? members : within(members, partial);
    out.text(' RELEVANCY (');
    for (const [at, member] of scored.entries()) {
      if (at > 0) out.text(' ');
      out.number(results.scores?.percent(member) ?? 1);
      if (pace.due) await pace.rest();
    }
    out.text(')');
  }
  const told = returned(members, wanted);
  if (results.withModseq && told.length > 0) out.text(` MODSEQ ${highest(selected, told)}`);
  out.text('\r\n');
}

const none: Member = { slot: -1, seq: 0 };

/** What a reply is about, and what SAVE keeps (RFC 5182 2.4, RFC 9394 3.2, RFC 4731 3.2). */
export function returned(members: readonly Member[], wanted: SearchReturn): readonly Member[] {
  const { min, max, all, count, partial } = wanted;
  if (all || count || (!min && !max && partial === null)) return members;
  const part = new Set(partial === null ? [] : within(members, partial));
  const [first, last] = [members[0], members.at(-1)];
  if (min && first !== undefined) part.add(first);
  if (max && last !== undefined) part.add(last);
  return [...part].sort((a, b) => a.seq - b.seq);
}

/** Keeps them as what `$` stands for (RFC 5182 2.1). */
export function save(selected: Selected, members: readonly Member[]): void {
  const uids: [number, number][] = [];
  for (const { slot } of members.toSorted((a, b) => a.slot - b.slot)) appendUid(uids, selected.view.rows.uid(slot));
  selected.found = uids as UidRange[];
}

function highest({ view: { rows } }: Selected, members: readonly Member[]): number {
  let found = 0;
  for (const { slot } of members) found = Math.max(found, rows.modseq(slot));
  return found;
}
