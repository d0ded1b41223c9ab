// SEARCH and UID SEARCH (RFC 3501 6.4.4).

import { Pace } from '#protocols/net/pace.ts';
import { search as readKeys } from '../grammar/search-key.ts';
import { search as run } from '../search/search.ts';
import { charsetDecoder } from '../search/text.ts';
import type { Verb } from './verb.ts';

export const search: Verb = searching(false);
export const uidSearch: Verb = searching(true);

function searching(byUid: boolean): Verb {
  return {
    state: 'selected',
    expunges: byUid,
    async run(session, { scanner }) {
      scanner.space();
      const { key } = readKeys(scanner, charsetDecoder);
      const { view } = session.current;
      const matched = await run(session, key);
      // Always sent, also when nothing matched (RFC 3501 7.2.5).
      const { out } = session.connection;
      const pace = new Pace(session.connection);
      out.text('* SEARCH');
      for (const { slot, seq } of matched) {
        out.text(' ').number(byUid ? view.rows.uid(slot) : seq);
        if (pace.due) await pace.rest();
      }
      out.text('\r\n');
      return undefined;
    },
  };
}
