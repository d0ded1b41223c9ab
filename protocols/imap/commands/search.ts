// SEARCH and UID SEARCH (RFC 3501 6.4.4), SORT and UID SORT (RFC 5256 3), with RETURN (RFC 4731, RFC 5267 3), SAVE (RFC
// 5182) and mod-sequences (RFC 7162 3.1.5, 3.1.9).

import { BadCommand } from '../grammar/errors.ts';
import type { FetchItem } from '../grammar/fetch-att.ts';
import type { Scanner } from '../grammar/scanner.ts';
import { criteria, search as readKeys, type Search } from '../grammar/search-key.ts';
import { type SearchReturn, searchReturn } from '../grammar/search-return.ts';
import { sortCriteria } from '../grammar/sort-criteria.ts';
import { SELECTED_SEARCHES } from '../limits.ts';
import { UpdatedSearch } from '../search/context.ts';
import { Scores } from '../search/fuzzy.ts';
import { ALL, returned, save, tellExtended, tellList, tellSlots } from '../search/results.ts';
import { search as run, searchSlots } from '../search/search.ts';
import { charsetDecoder } from '../search/text.ts';
import type { Session } from '../session.ts';
import { sort as sorted, sortSlots } from '../sort/sort.ts';
import type { Member } from '../view/view.ts';
import type { Reply, Verb } from './verb.ts';

export const search: Verb = searching('SEARCH', false, searched);
export const uidSearch: Verb = searching('SEARCH', true, searched);
export const sort: Verb = searching('SORT', false, sortedBy);
export const uidSort: Verb = searching('SORT', true, sortedBy);

/** Reads what stands behind RETURN: the keys, and what is done with the messages they find. */
type Program = (
  session: Session,
  scanner: Scanner,
) => {
  keys: Search;
  scored: boolean;
  order: (found: Member[], scores: Scores) => Promise<Member[]>;
  /** The same of slots alone, for a reply that lists them. */
  orderSlots?: (found: Uint32Array) => Promise<Uint32Array>;
};

function searched(session: Session, scanner: Scanner): ReturnType<Program> {
  return { keys: searchKeys(session, scanner), scored: false, order: async (found) => found };
}

/** What SEARCH looks for; its use of mod-sequences switches them on (RFC 7162 3.1). */
export function searchKeys(session: Session, scanner: Scanner): Search {
  const keys = readKeys(scanner, charsetDecoder);
  // RFC 9755 3: strings are UTF-8 then.
  const fixed = session.enabled.has('UTF8=ACCEPT');
  if (fixed && keys.charset !== null) throw new BadCommand('No CHARSET after UTF8=ACCEPT');
  if (keys.modseqs.length > 0) session.enable('CONDSTORE');
  return keys;
}

function sortedBy(session: Session, scanner: Scanner): ReturnType<Program> {
  const by = sortCriteria(scanner);
  scanner.space();
  return {
    keys: criteria(scanner, charsetDecoder),
    scored: by.some(({ key }) => key === 'relevancy'),
    order: (found, scores) => sorted(session, found, by, scores),
    orderSlots: (found) => sortSlots(session, found, by),
  };
}

function searching(name: 'SEARCH' | 'SORT', byUid: boolean, program: Program): Verb {
  return {
    state: 'selected',
    expunges: byUid,
    async run(session, { tag, scanner }) {
      scanner.space();
      const wanted = searchReturn(scanner, name === 'SORT' ? 'ESORT' : 'ESEARCH');
      mayUpdate(session, tag, wanted);
      try {
        return await find(session, program(session, scanner), { tag, name, byUid, wanted });
      } catch (error) {
        // RFC 5182 2.1: one that fails saves nothing; one that is malformed changes nothing.
        if (wanted?.save === true && !(error instanceof BadCommand) && session.selected !== null)
          save(session.selected, []);
        throw error;
      }
    },
  };
}

interface Asked {
  readonly tag: string;
  readonly name: 'SEARCH' | 'SORT';
  readonly byUid: boolean;
  readonly wanted: SearchReturn | null;
}

async function find(session: Session, program: ReturnType<Program>, asked: Asked): Promise<Reply | undefined> {
  const { keys, order, orderSlots, scored } = program;
  const { tag, name, byUid } = asked;
  // RFC 9051 6.4.4: SEARCH is always answered by ESEARCH.
  const wanted = asked.wanted ?? (session.rev2 && name === 'SEARCH' ? ALL : null);
  const withModseq = keys.modseqs.length > 0;
  if (withModseq) session.enable('CONDSTORE');
  const scores = wantsScores(keys, wanted, scored) ? new Scores() : null;
  if (orderSlots !== undefined && wanted === null && scores === null && !withModseq) {
    await tellSlots(session, await orderSlots(await searchSlots(session, keys)), byUid);
    return afterSearch(keys);
  }
  const { current } = session;
  const members = await order(await run(session, keys, current, null, scores), scores ?? new Scores());
  const results = { tag, selected: current, members, byUid, withModseq, ...(scores && { scores }) };
  if (wanted === null) await tellList(session, name, results);
  else await tellExtended(session, results, wanted);
  if (wanted?.save === true) save(session.current, returned(members, wanted));
  keepUpdated(session, { tag, byUid, keys, update: wanted?.update ?? null, refused: name === 'SORT' }, members);
  return afterSearch(keys);
}

/** Are scores asked for? Only a fuzzy search has some (RFC 6203 4, 6). */
export function wantsScores(keys: Search, wanted: SearchReturn | null, sorted = false): boolean {
  const asked = sorted || wanted?.relevancy === true;
  if (asked && !keys.fuzzy) throw new BadCommand('RELEVANCY needs a FUZZY key');
  return asked;
}

/** RFC 5267 4.3: a tag names one search. */
export function mayUpdate({ selected }: Session, tag: string, wanted: SearchReturn | null): void {
  if (wanted?.update != null && selected?.searches.has(tag) === true) throw new BadCommand('Tag reuse');
}

interface Updated {
  readonly tag: string;
  readonly byUid: boolean;
  readonly keys: Search;
  readonly update: readonly FetchItem[] | null;
  /** There are no updates of SORT, and none of mailboxes that are not selected. */
  readonly refused: boolean;
}

/** Keeps what was found in the selected mailbox up to date, if that is asked for (RFC 5267 4.3, 4.3.1). */
export function keepUpdated({ selected, connection, utf8 }: Session, asked: Updated, found: readonly Member[]): void {
  const { tag, byUid, keys, update, refused } = asked;
  if (update === null) return;
  if (refused || selected === null || selected.searches.size >= SELECTED_SEARCHES) {
    connection.out.text(`* NO [NOUPDATE "${tag}"] Not kept up to date\r\n`);
  } else selected.keepSearch(tag, new UpdatedSearch(selected, { tag, byUid, keys, items: update, utf8 }, found));
}

/** RFC 7162 3.2.10.2: numbers among the keys must mean what they meant, so expunges wait. */
export function afterSearch({ numbered }: Search): Reply | undefined {
  return numbered ? { expunges: false } : undefined;
}
