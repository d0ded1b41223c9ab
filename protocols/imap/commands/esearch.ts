// ESEARCH (RFC 7377): UID SEARCH in several mailboxes, without leaving the one that is selected.

import type { Mailbox } from '#storage/ports.ts';
import { filteredMailboxes } from '../filtered-mailboxes.ts';
import { BadCommand } from '../grammar/errors.ts';
import { type MailboxFilter, searchSources } from '../grammar/mailbox-filter.ts';
import { mailboxReply } from '../grammar/mailbox-name.ts';
import type { Search } from '../grammar/search-key.ts';
import { searchReturn } from '../grammar/search-return.ts';
import { Scores } from '../search/fuzzy.ts';
import { ALL, type Results, returned, save, tellExtended } from '../search/results.ts';
import { search } from '../search/search.ts';
import type { Session } from '../session.ts';
import { Selected } from '../view/selected.ts';
import { afterSearch, keepUpdated, mayUpdate, searchKeys, wantsScores } from './search.ts';
import type { Verb } from './verb.ts';

const SELECTED: readonly MailboxFilter[] = [{ kind: 'selected' }];

export const esearch: Verb = {
  state: 'authenticated',
  expunges: true,
  async run(session, { tag, scanner }) {
    scanner.space();
    const sources = searchSources(scanner) ?? SELECTED;
    const wanted = searchReturn(scanner) ?? ALL;
    const keys = searchKeys(session, scanner);
    const selected = sources.some(({ kind }) => kind === 'selected') ? session.current : null;
    // RFC 7377 2.2
    if (wanted.save && !sources.every(({ kind }) => kind === 'selected')) throw new BadCommand('SAVE is for selected');
    if (wanted.update !== null && session.selected === null) throw new BadCommand('UPDATE is for the selected mailbox');
    mayUpdate(session, tag, wanted);
    const scored = wantsScores(keys, wanted);
    const mailboxes = await filteredMailboxes(session.owner, sources);
    if (selected !== null && !mailboxes.some(({ id }) => id === selected.mailbox.id))
      mailboxes.unshift(selected.mailbox);
    for (const mailbox of mailboxes) {
      const results = await find(session, mailbox, keys, scored ? new Scores() : null);
      const mailboxName = mailboxReply(mailbox.path, session.utf8);
      const place = ` MAILBOX ${mailboxName} UIDVALIDITY ${mailbox.uidvalidity}`;
      // RFC 7377 2.1: nothing is told of a mailbox with no match.
      if (results.members.length > 0) await tellExtended(session, { ...results, tag, place }, wanted);
      const isSelected = results.selected === session.selected;
      if (isSelected) keepUpdated(session, { tag, byUid: true, keys, update: wanted.update }, results.members);
      if (wanted.save) save(results.selected, returned(results.members, wanted));
    }
    return afterSearch(keys);
  },
};

/** Searches one mailbox; the selected one as the client knows it. */
async function find(
  session: Session,
  mailbox: Mailbox,
  keys: Search,
  scores: Scores | null,
): Promise<Omit<Results, 'tag'>> {
  const { owner, server, enabled } = session;
  const searched = async (selected: Selected) => ({
    ...{ selected, byUid: true, withModseq: keys.modseqs.length > 0, ...(scores && { scores }) },
    members: await search(session, keys, selected, selected.view.all(), scores),
  });
  if (session.selected?.mailbox.id === mailbox.id) {
    return await searched(session.selected);
  }
  const index = await owner.open(mailbox.id);
  try {
    const place = { account: owner, mailbox, index, readOnly: true, enabled };
    const selected = new Selected(place, server.recent, index.view.lastUid + 1);
    return await searched(selected);
  } finally {
    owner.release(mailbox.id);
  }
}
