// THREAD and UID THREAD (RFC 5256 3).

import { criteria } from '../grammar/search-key.ts';
import { threadAlgorithm } from '../grammar/sort-criteria.ts';
import { searchSlots } from '../search/search.ts';
import { charsetDecoder } from '../search/text.ts';
import { tellThreads } from '../sort/thread.ts';
import { afterSearch } from './search.ts';
import type { Verb } from './verb.ts';

export const thread: Verb = threading(false);
export const uidThread: Verb = threading(true);

function threading(byUid: boolean): Verb {
  return {
    state: 'selected',
    expunges: byUid,
    async run(session, { scanner }) {
      scanner.space();
      const algorithm = threadAlgorithm(scanner);
      scanner.space();
      const keys = criteria(scanner, charsetDecoder);
      // RFC 7162 3.1.9: THREAD's reply has no mod-sequence.
      if (keys.modseqs.length > 0) session.enable('CONDSTORE');
      await tellThreads(session, await searchSlots(session, keys), { algorithm, byUid });
      return afterSearch(keys);
    },
  };
}
