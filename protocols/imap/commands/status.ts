// STATUS (RFC 3501 6.3.10): from the mailbox's counters, never from its messages.

import { mailboxName } from '../grammar/mailbox-name.ts';
import { statusItems, tellStatus } from '../status-items.ts';
import type { Verb } from './verb.ts';

export const status: Verb = {
  state: 'authenticated',
  expunges: true,
  async run(session, { scanner }) {
    scanner.space();
    const path = mailboxName(scanner);
    scanner.space();
    const wanted = statusItems(scanner);
    scanner.end();
    const place = await session.places.need(path, 'status');
    if (wanted.has('HIGHESTMODSEQ')) session.enable('CONDSTORE'); // RFC 7162 3.1
    await tellStatus(session, place, path, wanted);
    return undefined;
  },
};
