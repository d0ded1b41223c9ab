// EXPUNGE (RFC 9051 6.4.3) and UID EXPUNGE (RFC 4315 2.1), with HIGHESTMODSEQ (RFC 7162 3.2.7, 3.2.9).

import type { UidRange } from '#storage/ports.ts';
import { Flag } from '#storage/ports.ts';
import { Refusal } from '../grammar/errors.ts';
import { sequenceSet } from '../grammar/sequence-set.ts';
import type { Selected } from '../view/selected.ts';
import { appendUid, uidsOf } from '../view/uid-ranges.ts';
import type { Verb } from './verb.ts';

export const expunge: Verb = expunging(false);
export const uidExpunge: Verb = expunging(true);

function expunging(byUid: boolean): Verb {
  return {
    state: 'selected',
    expunges: true,
    async run(session, { scanner }) {
      const { current } = session;
      if (byUid) scanner.space();
      const set = byUid ? sequenceSet(scanner) : null;
      scanner.end();
      if (current.readOnly) throw new Refusal('', 'The mailbox is read-only');
      session.demand('expunge');
      const uids = deletedUids(current, set === null ? undefined : uidsOf(current, set));
      if (uids.length === 0) return undefined;
      const done = await current.account.mail.expunge(current.mailbox.id, uids, { onlyDeleted: true });
      return { expunged: done.uids.length > 0 };
    },
  };
}

/** The messages with \Deleted (of these ranges): those of the mailbox as it is now, told or not. */
export function deletedUids({ index }: Selected, within?: readonly UidRange[]): UidRange[] {
  const { view } = index;
  const ranges: [number, number][] = [];
  for (const { slot: first, count } of within === undefined ? view.allSpans() : view.spansByUid(within)) {
    for (let slot = first; slot < first + count; slot++) {
      if ((view.rows.flags(slot) & Flag.deleted) !== 0) appendUid(ranges, view.rows.uid(slot));
    }
  }
  return ranges;
}
