// The mailboxes that a MAILBOX on the command line means: one, or with `*` all, and those that will be made.

import type { Account, Mailbox, Store } from '#storage/ports.ts';
import { TOP } from '#storage/ports.ts';
import { Refused } from '../command.ts';

/** Stands for all mailboxes of an account. */
export const EVERY = '*';

/** Their ids; Refused if there is none of that name. */
export async function sharedMailboxes(store: Store, account: Account, name: string): Promise<number[]> {
  const mail = store.mail(account.id);
  if (name === EVERY) return [TOP, ...(await mail.mailboxes()).map(({ id }) => id)];
  const mailbox: Mailbox | undefined = await mail.mailboxByPath(name);
  if (mailbox === undefined) throw new Refused(`${account.address} has no mailbox ${name}`);
  return [mailbox.id];
}
