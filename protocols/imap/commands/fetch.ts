// FETCH and UID FETCH (RFC 9051 6.4.5).

import { fetch as run } from '../fetch/fetch.ts';
import { planFetch } from '../fetch/plan.ts';
import { fetchItems } from '../grammar/fetch-att.ts';
import { sequenceSet } from '../grammar/sequence-set.ts';
import { membersOf } from '../view/uid-ranges.ts';
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
      const plan = planFetch(fetchItems(scanner), byUid);
      scanner.end();
      await run(session, membersOf(session.current.view, set, byUid), plan);
      return undefined;
    },
  };
}
