// SEARCH and UID SEARCH (RFC 3501 6.4.4), with mod-sequences (RFC 7162 3.1.5, 3.1.6).

import { Pace } from '#protocols/net/pace.ts';
import { BadCommand } from '../grammar/errors.ts';
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
      const wanted = readKeys(scanner, charsetDecoder);
      // RFC 9755 3: strings are UTF-8 then.
      const fixed = session.enabled.has('UTF8=ACCEPT');
      if (fixed && wanted.charset !== null) throw new BadCommand('No CHARSET after UTF8=ACCEPT');
      if (wanted.modseqs.length > 0) session.enable('CONDSTORE'); // RFC 7162 3.1
      const { view } = session.current;
      const matched = await run(session, wanted);
      // Always sent, also when nothing matched (RFC 3501 7.2.5).
      const { out } = session.connection;
      const pace = new Pace(session.connection);
      out.text('* SEARCH');
      let highest = 0;
      for (const { slot, seq } of matched) {
        out.text(' ').number(byUid ? view.rows.uid(slot) : seq);
        highest = Math.max(highest, view.rows.modseq(slot));
        if (pace.due) await pace.rest();
      }
      if (wanted.modseqs.length > 0 && matched.length > 0) out.text(` (MODSEQ ${highest})`);
      out.text('\r\n');
      // RFC 7162 3.2.10.2: numbers among the keys must mean what they meant.
      return wanted.numbered ? { expunges: false } : undefined;
    },
  };
}
