// Devices that can't log in (F209): a network of their own is known by its address and sends as an account, with all that
// holds for that account: as whom it may send, how much a day, and who can unblock it.

import type { Peer, Principal } from '#protocols/ports.ts';
import type { Directory } from '#storage/ports.ts';
import { networkMatcher } from '../peers.ts';

export interface RelayRule {
  readonly network: string;
  /** The account's address. */
  readonly account: string;
}

/** As whom a peer sends without a login. */
export function relayPrincipals(
  directory: Pick<Directory, 'accountByAddress'>,
  rules: readonly RelayRule[],
): (peer: Peer) => Promise<Principal | null> {
  const matchers = rules.map(({ network, account }) => ({ account, matches: networkMatcher([network]) }));
  return async ({ address }) => {
    const rule = matchers.find(({ matches }) => matches(address));
    const account = rule === undefined ? undefined : await directory.accountByAddress(rule.account);
    return account?.enabled === true ? { account, login: account.address, byAddress: true } : null;
  };
}
