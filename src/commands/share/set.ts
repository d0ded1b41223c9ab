// posthuis share set ADDRESS MAILBOX IDENTIFIER RIGHTS

import { parseRights, type Rights } from '#storage/sharing/rights.ts';
import { findAccount } from '../account/find.ts';
import { type StoreCommand, takeWords, UsageError } from '../command.ts';
import { sharedMailboxes } from './mailboxes.ts';

type Args = {
  readonly address: string;
  readonly mailbox: string;
  readonly identifier: string;
  readonly rights: Rights;
};

export const command: StoreCommand<Args, null> = {
  kind: 'store',
  prepare(invocation, terminal) {
    const words = takeWords(invocation, 'ADDRESS', 'MAILBOX', 'IDENTIFIER', 'RIGHTS');
    const { ADDRESS: address, MAILBOX: mailbox, IDENTIFIER: identifier } = words;
    const rights = parseRights(words.RIGHTS);
    if (rights === undefined || rights === 0) throw new UsageError('RIGHTS are letters among lrswipkxtena');
    return {
      args: { address, mailbox, identifier, rights },
      show() {
        terminal.out(`${mailbox} of ${address} is shared with ${identifier}: ${words.RIGHTS}`);
        return undefined;
      },
    };
  },
  async run({ store }, { address, mailbox, identifier, rights }) {
    const account = await findAccount(store, address);
    for (const id of await sharedMailboxes(store, account, mailbox)) {
      await store.sharing.setAcl(account.id, id, identifier, { action: 'set', rights });
    }
    return null;
  },
};
