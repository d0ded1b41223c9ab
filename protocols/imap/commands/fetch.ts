// FETCH and UID FETCH (RFC 9051 6.4.5), with CHANGEDSINCE and VANISHED (RFC 7162 3.1.4, 3.2.6) and PARTIAL (RFC 9394).

import { Flag } from '#storage/ports.ts';
import { fetch as run } from '../fetch/fetch.ts';
import { type FetchPlan, planFetch } from '../fetch/plan.ts';
import { BadCommand } from '../grammar/errors.ts';
import { type FetchItem, fetchItems } from '../grammar/fetch-att.ts';
import { type FetchModifiers, fetchModifiers } from '../grammar/mod-sequence.ts';
import { Scanner } from '../grammar/scanner.ts';
import { within } from '../grammar/search-return.ts';
import { type SequenceSet, sequenceSet } from '../grammar/sequence-set.ts';
import { KEPT_FETCH_TEXT, KEPT_FETCHES } from '../limits.ts';
import type { Session } from '../session.ts';
import { changedSince, historyAfter, tellVanished } from '../sync/history.ts';
import { membersOf, uidsOf } from '../view/uid-ranges.ts';
import type { Member } from '../view/view.ts';
import type { Verb } from './verb.ts';

export const fetch: Verb = fetching(false);
export const uidFetch: Verb = fetching(true);

function fetching(byUid: boolean): Verb {
  return {
    state: 'selected',
    expunges: byUid,
    async run(session, { scanner }) {
      scanner.space();
      const set = sequenceSet(scanner);
      scanner.space();
      const asked = readAsked(session, scanner);
      const { modifiers } = asked;
      check(session, modifiers, byUid);
      const plan = planOf(asked, withModseq(session, asked.items, modifiers), byUid, session.utf8);
      await run(session, await chosen(session, set, modifiers, byUid), plan);
      return undefined;
    },
  };
}

/** What a FETCH asks for, as it was read; programs send the same again and again, of other messages. */
export interface AskedFetch {
  readonly items: readonly FetchItem[];
  readonly modifiers: FetchModifiers;
  /** Plans of these items, by what else they depend on. */
  readonly plans: FetchPlan[];
}

/** All that follows the messages' numbers. */
function readAsked({ server: { fetches } }: Session, scanner: Scanner): AskedFetch {
  const { rest } = scanner;
  if (rest === null || rest.length > KEPT_FETCH_TEXT) return parsed(scanner);
  let asked = fetches.get(rest);
  if (asked === undefined) {
    // In memory of its own: a piece of a text holds all of it.
    const text = Buffer.from(rest, 'latin1').toString('latin1');
    asked = parsed(new Scanner([{ text, literal: null }]));
    // A mod-sequence is hardly asked for twice.
    if (asked.modifiers.changedSince === null) keep(fetches, text, asked);
  }
  scanner.takeRest();
  return asked;
}

function parsed(scanner: Scanner): AskedFetch {
  const asked = { items: fetchItems(scanner), modifiers: fetchModifiers(scanner), plans: [] };
  scanner.end();
  return asked;
}

function keep(fetches: Map<string, AskedFetch>, text: string, asked: AskedFetch): void {
  const [oldest] = fetches.size < KEPT_FETCHES ? [] : fetches.keys();
  if (oldest !== undefined) fetches.delete(oldest);
  fetches.set(text, asked);
}

/** `items`: those that were asked for, or these with others. */
function planOf(asked: AskedFetch, items: readonly FetchItem[], byUid: boolean, utf8: boolean): FetchPlan {
  if (items !== asked.items) return planFetch(items, byUid, utf8);
  const at = (byUid ? 1 : 0) + (utf8 ? 2 : 0);
  asked.plans[at] ??= planFetch(items, byUid, utf8);
  return asked.plans[at];
}

/** Where VANISHED (RFC 7162 3.2.6) and PARTIAL may stand. */
function check(session: Session, { changedSince, vanished, partial }: FetchModifiers, byUid: boolean): void {
  if (partial !== null && !byUid) throw new BadCommand('PARTIAL belongs to UID FETCH'); // RFC 9394 3.3
  if (!vanished) return;
  if (!byUid) throw new BadCommand('VANISHED belongs to UID FETCH');
  if (changedSince === null) throw new BadCommand('VANISHED without CHANGEDSINCE');
  if (!session.enabled.has('QRESYNC')) throw new BadCommand('QRESYNC is not enabled');
}

/** The items, with what mod-sequences add to them; asking for them switches them on (RFC 7162 3.1). */
function withModseq(
  session: Session,
  items: readonly FetchItem[],
  { changedSince }: FetchModifiers,
): readonly FetchItem[] {
  const asked = items.some(({ kind }) => kind === 'modseq');
  if (asked || changedSince !== null) session.enable('CONDSTORE');
  if (asked) return items;
  // RFC 7162 3.2.4: a reply that tells a change of flags has both.
  const seen = (session.current.changeable & Flag.seen) !== 0;
  const marks = seen && items.some((item) => item.kind === 'section' && !item.peek);
  if (marks && session.enabled.has('CONDSTORE')) return [{ kind: 'uid' }, { kind: 'modseq' }, ...items];
  return changedSince === null ? items : [{ kind: 'modseq' }, ...items];
}

/** The messages to answer for; what has vanished is told before them. */
async function chosen(
  session: Session,
  set: SequenceSet,
  modifiers: FetchModifiers,
  byUid: boolean,
): Promise<Iterable<Member>> {
  const { current } = session;
  const { view, mailbox } = current;
  const named = membersOf(current, set, byUid);
  // RFC 9394 3.4: the range first, then what has changed.
  const members = modifiers.partial === null ? named : within([...named], modifiers.partial);
  if (modifiers.changedSince === null) return members;
  const history = await historyAfter(session, modifiers.changedSince);
  // '*' stands for the last one that there was, too.
  if (modifiers.vanished) {
    await tellVanished(session, history, uidsOf(current, set, Math.max(view.lastUid, mailbox.uidnext - 1)));
  }
  return changedSince(view, members, history);
}
