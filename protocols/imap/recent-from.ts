// Which messages of a mailbox are \Recent for whoever looks first.

import type { Mailbox } from '#storage/ports.ts';
import type { ImapAccount } from './index/account.ts';
import type { RecentLedger } from './recent.ts';

/**
 * The first UID that no session has been told of. Of a mailbox that nobody has looked at since the server started, it is
 * that of the first message placed there since: found by halving, since UIDs are given in the order of time.
 */
export async function recentFrom(account: ImapAccount, mailbox: Mailbox, ledger: RecentLedger): Promise<number> {
  const known = ledger.unclaimed(account.id, mailbox.id);
  if (known !== undefined) return known;
  // All messages below `low` are old, none from `high` on is.
  let low = 1;
  let high = mailbox.uidnext;
  // Most often nothing came, which the last message tells.
  for (let probe = high - 1; low < high; probe = (low + high) >>> 1) {
    const first = await firstFrom(account, mailbox, probe, high);
    if (first === undefined || first.saved >= ledger.started) high = probe;
    else low = first.uid + 1;
  }
  ledger.learn(account.id, mailbox.id, low);
  return low;
}

/** The first message with a UID from `probe` to below `end`. */
async function firstFrom(
  account: ImapAccount,
  mailbox: Mailbox,
  probe: number,
  end: number,
): Promise<{ uid: number; saved: number } | undefined> {
  for await (const page of account.mail.listing(mailbox.id, [[probe, end - 1]], ['saved'])) return page[0];
  return undefined;
}

/** How many messages of a mailbox no session has been told of (STATUS RECENT). */
export function countRecent(account: ImapAccount, mailbox: Mailbox, ledger: RecentLedger): number | Promise<number> {
  const known = ledger.unclaimed(account.id, mailbox.id);
  return known !== undefined && known >= mailbox.uidnext ? 0 : count(account, mailbox, ledger);
}

async function count(account: ImapAccount, mailbox: Mailbox, ledger: RecentLedger): Promise<number> {
  const first = await recentFrom(account, mailbox, ledger);
  if (first >= mailbox.uidnext) return 0;
  let recent = 0;
  for await (const page of account.mail.placements(mailbox.id, [[first, mailbox.uidnext - 1]])) recent += page.length;
  return recent;
}
