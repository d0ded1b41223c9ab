// ESEARCH (RFC 7377): UID SEARCH in several mailboxes, without leaving the one that is selected.

import { filteredPlaces } from '../filtered-mailboxes.ts';
import { BadCommand } from '../grammar/errors.ts';
import { type MailboxFilter, searchSources } from '../grammar/mailbox-filter.ts';
import { mailboxReply } from '../grammar/mailbox-name.ts';
import type { Search } from '../grammar/search-key.ts';
import { searchReturn } from '../grammar/search-return.ts';
import type { Place } from '../places.ts';
import { mayUse } from '../rights.ts';
import { Scores } from '../search/fuzzy.ts';
import { ALL, type Results, returned, save, tellExtended } from '../search/results.ts';
import { search } from '../search/search.ts';
import type { Session } from '../session.ts';
import { Selected } from '../view/selected.ts';
import type { Member } from '../view/view.ts';
import { afterSearch, keepUpdated, mayUpdate, searchKeys, wantsScores } from './search.ts';
import type { Verb } from './verb.ts';

const SELECTED: readonly MailboxFilter[] = [{ kind: 'selected' }];

export const esearch: Verb = {
  state: 'authenticated',
  expunges: true,
  async run(session, { tag, scanner }) {
    scanner.space();
    const sources = searchSources(scanner) ?? SELECTED;
    const wanted = searchReturn(scanner, 'MULTISEARCH') ?? ALL;
    const keys = searchKeys(session, scanner);
    const selected = sources.some(({ kind }) => kind === 'selected') ? session.current : null;
    // RFC 7377 2.2
    if (wanted.save && !sources.every(({ kind }) => kind === 'selected')) throw new BadCommand('SAVE is for selected');
    mayUpdate(session, tag, wanted);
    const scored = wantsScores(keys, wanted);
    // RFC 7377 2.2: what may not be read is left out.
    const places = (await filteredPlaces(session.places, sources)).filter(({ rights }) => mayUse(rights, 'read'));
    if (selected !== null && !places.some((place) => isSelected(session, place))) {
      const { account, mailbox, rights } = selected;
      places.unshift({ account, mailbox, local: mailbox.path, rights });
    }
    let found: readonly Member[] = [];
    for (const searched of places) {
      const { mailbox } = searched;
      const results = await find(session, searched, keys, scored ? new Scores() : null);
      const mailboxName = mailboxReply(mailbox.path, session.utf8);
      const place = ` MAILBOX ${mailboxName} UIDVALIDITY ${mailbox.uidvalidity}`;
      // RFC 7377 2.1: nothing is told of a mailbox with no match.
      if (results.members.length > 0) await tellExtended(session, { ...results, tag, place }, wanted);
      if (results.selected === session.selected) found = results.members;
      if (wanted.save) save(results.selected, returned(results.members, wanted));
    }
    // RFC 5267 4.3: of these the selected mailbox is kept up to date; where it is not among them, that is said.
    const refused = !places.some((place) => isSelected(session, place));
    keepUpdated(session, { tag, byUid: true, keys, update: wanted.update, refused }, found);
    return afterSearch(keys);
  },
};

/** Searches one mailbox; the selected one as the client knows it. */
async function find(
  session: Session,
  place: Place,
  keys: Search,
  scores: Scores | null,
): Promise<Omit<Results, 'tag'>> {
  const { server, enabled } = session;
  const searched = async (selected: Selected) => ({
    ...{ selected, byUid: true, withModseq: keys.modseqs.length > 0, ...(scores && { scores }) },
    members: await search(session, keys, selected, null, scores),
  });
  if (session.selected !== null && isSelected(session, place)) return await searched(session.selected);
  const { account, mailbox, rights, reader } = place;
  const index = await account.open(mailbox.id, reader);
  try {
    const opened = { account, mailbox, index, readOnly: true, rights, enabled };
    const selected = new Selected(opened, server.recent, index.view.lastUid + 1);
    return await searched(selected);
  } finally {
    account.release(index);
  }
}

function isSelected({ selected }: Session, place: Place): boolean {
  return selected?.is(place) === true;
}
