// posthuis share remove ADDRESS MAILBOX IDENTIFIER

import { findAccount } from '../account/find.ts';
import { type StoreCommand, takeWords } from '../command.ts';
import { sharedMailboxes } from './mailboxes.ts';

type Args = { readonly address: string; readonly mailbox: string; readonly identifier: string };

export const command: StoreCommand<Args, null> = {
  kind: 'store',
  prepare(invocation, terminal) {
    const words = takeWords(invocation, 'ADDRESS', 'MAILBOX', 'IDENTIFIER');
    const { ADDRESS: address, MAILBOX: mailbox, IDENTIFIER: identifier } = words;
    return {
      args: { address, mailbox, identifier },
      show() {
        terminal.out(`${mailbox} of ${address} is no longer shared with ${identifier}`);
        return undefined;
      },
    };
  },
  async run({ store }, { address, mailbox, identifier }) {
    const account = await findAccount(store, address);
    for (const id of await sharedMailboxes(store, account, mailbox)) {
      await store.sharing.deleteAcl(account.id, id, identifier);
    }
    return null;
  },
};
