// The account that an ADDRESS on the command line means.

import type { Account, Store } from '#storage/ports.ts';
import { Refused } from '../command.ts';

/** The account with this address; Refused if there is none. */
export async function findAccount(store: Store, address: string): Promise<Account> {
  const account = await store.directory.accountByAddress(address);
  if (account === undefined) throw new Refused(`there is no account ${address}`);
  return account;
}
