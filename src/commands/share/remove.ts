// posthuis share remove ADDRESS MAILBOX IDENTIFIER

import { findAccount } from '../account/find.ts';
import { deed } from '../command.ts';
import { sharedMailboxes } from './mailboxes.ts';

export const command = deed(
  ['ADDRESS', 'MAILBOX', 'IDENTIFIER'],
  ({ ADDRESS, MAILBOX, IDENTIFIER }) => `${MAILBOX} of ${ADDRESS} is no longer shared with ${IDENTIFIER}`,
  async ({ store }, { ADDRESS, MAILBOX, IDENTIFIER }) => {
    const account = await findAccount(store, ADDRESS);
    for (const id of await sharedMailboxes(store, account, MAILBOX)) {
      await store.sharing.deleteAcl(account.id, id, IDENTIFIER);
    }
  },
);
