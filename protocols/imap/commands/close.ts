// CLOSE (RFC 9051 6.4.1): expunges without telling, unless the mailbox is read-only, and leaves it.

import { mayUse } from '../rights.ts';
import { deletedUids } from './expunge.ts';
import type { Verb } from './verb.ts';

export const close: Verb = {
  state: 'selected',
  expunges: false,
  async run(session, { scanner }) {
    scanner.end();
    const { current } = session;
    // RFC 4314 4: who may not expunge just leaves.
    const expunges = !current.readOnly && mayUse(current.rights, 'expunge');
    const uids = expunges ? deletedUids(current) : [];
    if (uids.length > 0) await current.account.mail.expunge(current.mailbox.id, uids, { onlyDeleted: true });
    session.deselect();
    return undefined;
  },
};
