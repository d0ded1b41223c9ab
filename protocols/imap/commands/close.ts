// CLOSE (RFC 9051 6.4.1): expunges without telling, unless the mailbox is read-only, and leaves it.

import { deletedUids } from './expunge.ts';
import type { Verb } from './verb.ts';

export const close: Verb = {
  state: 'selected',
  expunges: false,
  async run(session, { scanner }) {
    scanner.end();
    const { current, owner } = session;
    const uids = current.readOnly ? [] : deletedUids(current);
    if (uids.length > 0) await owner.mail.expunge(current.mailbox.id, uids, { onlyDeleted: true });
    session.deselect();
    return undefined;
  },
};
