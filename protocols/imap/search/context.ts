// Searches whose results are kept up to date (RFC 5267 4.3): what comes to match and what no longer does is told beside
// the changes that cause it.

import type { UidRange } from '#storage/ports.ts';
import { fetch } from '../fetch/fetch.ts';
import { type FetchPlan, planFetch } from '../fetch/plan.ts';
import type { FetchItem } from '../grammar/fetch-att.ts';
import type { Search, SearchKey } from '../grammar/search-key.ts';
import { resolveSet } from '../grammar/sequence-set.ts';
import { mergeRanges, writeRanges } from '../ranges.ts';
import type { Session } from '../session.ts';
import type { Selected } from '../view/selected.ts';
import { uidRanges, uidsOf } from '../view/uid-ranges.ts';
import type { Member } from '../view/view.ts';
import { search } from './search.ts';

export class UpdatedSearch {
  /** What is told of new messages that match (RFC 5465 7). */
  readonly #plan: FetchPlan | null;
  readonly #tag: string;
  readonly #keys: Search;
  readonly #byUid: boolean;
  /** UIDs of the messages that match. */
  readonly #matching: Set<number>;

  constructor(
    selected: Selected,
    asked: { tag: string; keys: Search; byUid: boolean; items: readonly FetchItem[]; utf8: boolean },
    found: readonly Member[],
  ) {
    this.#tag = asked.tag;
    this.#byUid = asked.byUid;
    this.#keys = { ...asked.keys, key: frozen(asked.keys.key, selected) };
    this.#plan = asked.items.length === 0 ? null : planFetch(asked.items, false, asked.utf8);
    this.#matching = new Set(found.map(({ slot }) => selected.view.rows.uid(slot)));
  }

  /** Before expunges are told: their numbers still mean these messages (RFC 5267 4.3.4). */
  tellExpunged(session: Session, { view, index }: Selected): void {
    const gone: Member[] = [];
    for (const uid of this.#matching) {
      const slot = view.slotOfUid(uid);
      if (slot === -1 || index.view.slotOfUid(uid) !== -1) continue;
      this.#matching.delete(uid);
      gone.push({ slot, seq: view.seqOf(slot) });
    }
    this.#tell(session, 'REMOVEFROM', gone);
  }

  /** After changes were told: these messages have changed, or are new if their UID is above `lastUid`. */
  async tellChanged(session: Session, selected: Selected, changed: readonly Member[], lastUid: number): Promise<void> {
    const uid = ({ slot }: Member) => selected.view.rows.uid(slot);
    const matched = new Set((await search(session, this.#keys, selected, changed)).map(uid));
    const removed = changed.filter((member) => this.#matching.has(uid(member)) && !matched.has(uid(member)));
    const added = changed.filter((member) => !this.#matching.has(uid(member)) && matched.has(uid(member)));
    // RFC 5465 7: EXISTS, FETCH, ESEARCH; not of messages that only come to match.
    const fresh = added.filter((member) => uid(member) > lastUid);
    if (this.#plan !== null && fresh.length > 0) await fetch(session, fresh, this.#plan);
    for (const member of removed) this.#matching.delete(uid(member));
    for (const member of added) this.#matching.add(uid(member));
    this.#tell(session, 'REMOVEFROM', removed);
    this.#tell(session, 'ADDTO', added);
  }

  /** In the order of the mailbox, which is that of position 0 (RFC 5267 4.3.3). */
  #tell(session: Session, item: 'ADDTO' | 'REMOVEFROM', members: readonly Member[]): void {
    if (members.length === 0) return;
    const { out } = session.connection;
    out.text(`* ESEARCH (TAG "${this.#tag}")${this.#byUid ? ' UID' : ''} ${item} (0 `);
    const { rows } = session.current.view;
    writeRanges(
      out,
      mergeRanges(
        members.map(({ slot, seq }): UidRange => {
          const number = this.#byUid ? rows.uid(slot) : seq;
          return [number, number];
        }),
      ),
    );
    out.text(')\r\n');
  }
}

/** Sequence numbers mean what they meant when the search was asked for (RFC 5267 4.3), and so does `$`. */
function frozen(key: SearchKey, selected: Selected): SearchKey {
  switch (key.kind) {
    case 'and':
      return { kind: 'and', keys: key.keys.map((inner) => frozen(inner, selected)) };
    case 'or':
      return { kind: 'or', first: frozen(key.first, selected), second: frozen(key.second, selected) };
    case 'not':
      return { kind: 'not', key: frozen(key.key, selected) };
    case 'sequence': {
      const { view } = selected;
      const pairs = uidRanges(view, view.bySequence(resolveSet(key.set, view.exists)));
      return { kind: 'uid', set: { pairs, saved: false } };
    }
    case 'uid':
      return key.set.saved ? { kind: 'uid', set: { pairs: uidsOf(selected, key.set), saved: false } } : key;
    default:
      return key;
  }
}

/** Tells changes to a selected mailbox by `tell`, and what they mean for its searches. A promise if it has some. */
export function tellWithSearches<T>(
  session: Session,
  selected: Selected,
  expunges: boolean,
  tell: () => T | Promise<T>,
): T | Promise<T> {
  return selected.searches.size === 0 ? tell() : tellBoth(session, selected, expunges, tell);
}

async function tellBoth<T>(
  session: Session,
  selected: Selected,
  expunges: boolean,
  tell: () => T | Promise<T>,
): Promise<T> {
  const searches = [...selected.searches.values()];
  const { view } = selected;
  const changed = [...selected.untold().except([])].filter((slot) => view.has(slot)).map((slot) => view.rows.uid(slot));
  if (expunges) for (const one of searches) one.tellExpunged(session, selected);
  const told = await tell();
  const fresh: UidRange = [view.lastUid + 1, 0xffff_ffff];
  const affected = mergeRanges([...changed.map((uid): UidRange => [uid, uid]), fresh]);
  const members = [...selected.view.byUid(affected)];
  if (members.length > 0) for (const one of searches) await one.tellChanged(session, selected, members, view.lastUid);
  return told;
}
