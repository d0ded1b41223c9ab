// The mailboxes that specifiers name (RFC 5465 6, RFC 7377 2.2), but for the selected one.

import type { Mailbox } from '#storage/ports.ts';
import type { MailboxFilter } from './grammar/mailbox-filter.ts';
import { SEPARATOR } from './grammar/mailbox-name.ts';
import type { ImapAccount } from './index/account.ts';

/** Each mailbox once, in the order of the names; a name without a mailbox is ignored (RFC 5465 3.1). */
export async function filteredMailboxes(account: ImapAccount, filters: readonly MailboxFilter[]): Promise<Mailbox[]> {
  const subscribed = filters.some(({ kind }) => kind === 'subscribed')
    ? new Set(await account.mail.subscriptions(account.id))
    : new Set<string>();
  const all = await account.mailboxes();
  const found = all.filter(({ path }) => filters.some((filter) => coversMailbox(filter, path, subscribed)));
  return found.sort((a, b) => (a.path < b.path ? -1 : 1));
}

/** Is a mailbox of this name among them? */
export function coversMailbox(filter: MailboxFilter, path: string, subscribed: ReadonlySet<string>): boolean {
  switch (filter.kind) {
    // Mail can be delivered to any mailbox, by rules (RFC 5465 6.3).
    case 'inboxes':
    case 'personal':
      return true;
    case 'subscribed':
      return subscribed.has(path);
    case 'mailboxes':
      return filter.paths.includes(path);
    case 'subtree':
      return filter.paths.some((root) => path === root || path.startsWith(root + SEPARATOR));
    case 'subtree-one':
      return filter.paths.some((root) => path === root || isChild(root, path));
    default:
      return false;
  }
}

function isChild(parent: string, path: string): boolean {
  return path.startsWith(parent + SEPARATOR) && !path.slice(parent.length + 1).includes(SEPARATOR);
}
