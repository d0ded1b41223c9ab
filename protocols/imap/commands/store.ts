// STORE and UID STORE (RFC 9051 6.4.6), with UNCHANGEDSINCE (RFC 7162 3.1.3).

import { Pace } from '#protocols/net/pace.ts';
import type { AnnotationChange } from '#storage/account/annotation-port.ts';
import { ALL_FLAGS, flagRun } from '#storage/changes/flag-run.ts';
import { type FlagChange, KEYWORD_BIT } from '#storage/ports.ts';
import { annotationChanges } from '../grammar/annotation.ts';
import { BadCommand, Refusal } from '../grammar/errors.ts';
import { storeFlags } from '../grammar/flags.ts';
import { unchangedSince } from '../grammar/mod-sequence.ts';
import type { Scanner } from '../grammar/scanner.ts';
import { formatSet, sequenceSet } from '../grammar/sequence-set.ts';
import type { ChangedSlots } from '../index/changed-slots.ts';
import type { RowStates } from '../index/rows.ts';
import { noPermission } from '../rights.ts';
import type { Session } from '../session.ts';
import type { Selected } from '../view/selected.ts';
import { membersOf, rangesOfSpans, spansOf } from '../view/uid-ranges.ts';
import type { Span, View } from '../view/view.ts';
import { storeAnnotations } from './store-annotation.ts';
import type { Reply, Verb } from './verb.ts';

export const store: Verb = storing(false);
export const uidStore: Verb = storing(true);

/** Every flag and keyword. */
const ALL_CHANGEABLE = ALL_FLAGS | KEYWORD_BIT;

const ITEM = /([+-]?)FLAGS(\.SILENT)?/iy;

function storing(byUid: boolean): Verb {
  return {
    state: 'selected',
    expunges: byUid,
    async run(session, { scanner }) {
      scanner.space();
      const set = sequenceSet(scanner);
      const since = unchangedSince(scanner);
      scanner.space();
      const notes = scanner.takeWord('ANNOTATION') ? annotationArgument(scanner) : null;
      const { change, silent } = notes === null ? storeArguments(scanner) : NO_CHANGE;
      scanner.end();
      const { current } = session;
      if (since !== undefined) session.enable('CONDSTORE'); // RFC 7162 3.1
      if (current.readOnly) throw new Refusal('', 'The mailbox is read-only');
      if (notes !== null) {
        const members = [...membersOf(current, set, byUid)];
        return members.length === 0 ? undefined : await storeAnnotations(session, members, notes, { byUid, since });
      }
      const allowed = permitted(change, current);
      const spans = [...spansOf(current, set, byUid)];
      if (spans.length === 0) return undefined;
      return await apply(session, spans, allowed, { silent, byUid, since });
    },
  };
}

/** The part of a change that the session may make; it fails where that is nothing of it (RFC 4314 4). */
function permitted(change: FlagChange, { changeable }: Selected): FlagChange {
  if (changeable === ALL_CHANGEABLE) return change;
  const { action, flags, keywords } = change;
  const named = flags | (keywords.length > 0 ? KEYWORD_BIT : 0);
  // A list that replaces all names by leaving out.
  const wanted = action === 'replace' ? ALL_CHANGEABLE : named;
  if ((wanted & changeable) === 0) throw noPermission();
  const isEmpty = (changeable & KEYWORD_BIT) === 0;
  return { action, flags: flags & changeable, keywords: isEmpty ? [] : keywords, only: changeable };
}

const NO_CHANGE = { change: { action: 'add', flags: 0, keywords: [] }, silent: true } as const;

function annotationArgument(scanner: Scanner): AnnotationChange[] {
  scanner.space();
  return annotationChanges(scanner);
}

function storeArguments(scanner: Scanner): { change: FlagChange; silent: boolean } {
  const item = scanner.match(ITEM);
  if (item === null) throw new BadCommand('Expected FLAGS, +FLAGS or -FLAGS');
  scanner.space();
  const { flags, keywords } = storeFlags(scanner);
  const action = item[1] === '+' ? 'add' : item[1] === '-' ? 'remove' : 'replace';
  return { change: { action, flags, keywords }, silent: item[2] !== undefined };
}

interface Options {
  readonly silent: boolean;
  readonly byUid: boolean;
  /** UNCHANGEDSINCE */
  readonly since: number | undefined;
}

/** Changes the flags and tells what they are now; silently, only those that are not what the client can expect. */
async function apply(
  session: Session,
  spans: readonly Span[],
  change: FlagChange,
  options: Options,
): Promise<Reply | undefined> {
  const { current } = session;
  const { view, account, reader } = current;
  // What the client knew of the messages before they were changed.
  const untold = current.untold();
  const known = spans.map((span) => ({ ...span, before: view.rows.state(span.slot, span.count) }));
  const condition = options.since === undefined ? { reader } : { unchangedSince: options.since, reader };
  const { modified } = await account.mail.setFlags(current.mailbox.id, rangesOfSpans(view, spans), change, condition);
  await account.catchUp();
  const failed = new Set(modified);
  await tell(session, { known, untold, change, failed, options });
  if (failed.size === 0) return undefined;
  const named = options.byUid ? modified : numbersOf(view, spans, failed);
  return { code: `MODIFIED ${formatSet(named)}`, text: 'Some were changed by others' };
}

/** The sequence numbers of the messages with these UIDs. */
function numbersOf({ rows }: View, spans: readonly Span[], uids: ReadonlySet<number>): number[] {
  const numbers: number[] = [];
  for (const { slot, seq, count } of spans) {
    for (let at = 0; at < count; at++) if (uids.has(rows.uid(slot + at))) numbers.push(seq + at);
  }
  return numbers;
}

interface Done {
  readonly known: readonly (Span & { readonly before: RowStates })[];
  readonly untold: ChangedSlots;
  readonly change: FlagChange;
  /** UIDs of those that had been changed by others. */
  readonly failed: ReadonlySet<number>;
  readonly options: Options;
}

async function tell(session: Session, done: Done): Promise<void> {
  const { current, connection } = session;
  const pace = new Pace(connection);
  for (const { slot, seq, count, before } of done.known) {
    for (let at = 0; at < count; at += PIECE) {
      if (pace.late) await pace.rest();
      const piece = { slot: slot + at, seq: seq + at, count: Math.min(PIECE, count - at) };
      // Nothing but the flags of messages that are all there: no need to look at each.
      if (!done.options.silent && isComplete(current)) current.tellFlagsOf(connection.out, piece, done.options.byUid);
      else tellEach(session, piece, { before, at }, done);
    }
  }
}

/** Messages that are told before the clock is looked at. */
const PIECE = 64;

/** `before`: what the client knew, of these messages from `at` on. */
function tellEach(
  session: Session,
  { slot: first, seq, count }: Span,
  { before, at: start }: { readonly before: RowStates; readonly at: number },
  { untold, change, failed, options }: Done,
): void {
  const { current, connection } = session;
  const { rows } = current.view;
  const conditional = options.since !== undefined;
  const withModseq = session.enabled.has('CONDSTORE');
  const { keep, set } = flagRun(change);
  const complete = isComplete(current);
  for (let slot = first, at = start; slot < first + count; slot++, at++) {
    const flags = ((before.flags[at] ?? 0) & keep) | set;
    const keywords = changedKeywords(current, before.keywords[at] ?? 0, change);
    if (!complete && isGone(current, slot)) {
      // A message that another session has expunged is still the client's: its flags change for it alone, unless it
      // asked that nothing had happened to it.
      if (conditional) continue;
      rows.set(slot, flags, keywords, rows.modseq(slot));
    }
    const member = { slot, seq: seq + slot - first };
    // RFC 7162 3.1.3: who failed is told what it is now.
    if (!options.silent || failed.has(rows.uid(slot))) {
      current.tellFlags(connection.out, member, options.byUid);
      continue;
    }
    const expected = flags === rows.flags(slot) && keywords === rows.keywords(slot) && !untold.has(slot);
    if (!expected) continue;
    if (conditional || (withModseq && rows.modseq(slot) !== before.modseqs[at]))
      current.tellModseq(connection.out, member);
    else current.markTold(slot);
  }
}

/** Is everything still there that the client counts? */
function isComplete({ view, index }: Selected): boolean {
  return index.view.rows === view.rows && index.view.dead === view.dead;
}

/** Has it been expunged, though the client still counts it? */
function isGone({ view, index }: Selected, slot: number): boolean {
  return index.view.slotOfUid(view.rows.uid(slot)) === -1;
}

function changedKeywords({ account }: Selected, before: number, { action, keywords, only }: FlagChange): number {
  if (only !== undefined && (only & KEYWORD_BIT) === 0) return before;
  return account.keywords.changed(before, action, keywords);
}
