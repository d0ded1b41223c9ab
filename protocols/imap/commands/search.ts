// SEARCH and UID SEARCH (RFC 3501 6.4.4), with RETURN (RFC 4731), SAVE (RFC 5182) and mod-sequences (RFC 7162 3.1.5).

import { BadCommand } from '../grammar/errors.ts';
import type { Scanner } from '../grammar/scanner.ts';
import { search as readKeys } from '../grammar/search-key.ts';
import { type SearchReturn, searchReturn } from '../grammar/search-return.ts';
import { returned, save, tellExtended, tellList } from '../search/results.ts';
import { search as run } from '../search/search.ts';
import { charsetDecoder } from '../search/text.ts';
import type { Session } from '../session.ts';
import type { Reply, Verb } from './verb.ts';

export const search: Verb = searching(false);
export const uidSearch: Verb = searching(true);

function searching(byUid: boolean): Verb {
  return {
    state: 'selected',
    expunges: byUid,
    async run(session, { tag, scanner }) {
      scanner.space();
      const wanted = searchReturn(scanner);
      try {
        return await find(session, { tag, scanner, byUid, wanted });
      } catch (error) {
        // RFC 5182 2.1: one that fails saves nothing; one that is malformed changes nothing.
        if (wanted?.save === true && !(error instanceof BadCommand) && session.selected !== null) save(session, []);
        throw error;
      }
    },
  };
}

interface Asked {
  readonly tag: string;
  readonly scanner: Scanner;
  readonly byUid: boolean;
  readonly wanted: SearchReturn | null;
}

async function find(session: Session, { tag, scanner, byUid, wanted }: Asked): Promise<Reply | undefined> {
  const keys = readKeys(scanner, charsetDecoder);
  // RFC 9755 3: strings are UTF-8 then.
  const fixed = session.enabled.has('UTF8=ACCEPT');
  if (fixed && keys.charset !== null) throw new BadCommand('No CHARSET after UTF8=ACCEPT');
  const withModseq = keys.modseqs.length > 0;
  if (withModseq) session.enable('CONDSTORE'); // RFC 7162 3.1
  const members = await run(session, keys);
  const results = { tag, members, byUid, withModseq };
  if (wanted === null) await tellList(session, 'SEARCH', results);
  else await tellExtended(session, results, wanted);
  if (wanted?.save === true) save(session, returned(members, wanted));
  // RFC 7162 3.2.10.2: numbers among the keys must mean what they meant.
  return keys.numbered ? { expunges: false } : undefined;
}
