// The mailboxes that specifiers name (RFC 5465 6, RFC 7377 2.2), but for the selected one.

import type { MailboxFilter } from './grammar/mailbox-filter.ts';
import { SEPARATOR } from './grammar/mailbox-name.ts';
import { isInNamespace } from './namespaces.ts';
import type { Place, Places } from './places.ts';

/** Each mailbox once, in the order of the names; a name without a mailbox is ignored (RFC 5465 3.1). */
export async function filteredPlaces(places: Places, filters: readonly MailboxFilter[]): Promise<Place[]> {
  const subscribed = filters.some(({ kind }) => kind === 'subscribed')
    ? new Set(await places.subscriptions())
    : new Set<string>();
  const found = (await places.all()).filter((place) => filters.some((filter) => covers(filter, place, subscribed)));
  return found.sort((a, b) => (a.mailbox.path < b.mailbox.path ? -1 : 1));
}

/** Is this place among them? What is personal is one's own (RFC 5465 6.3, 6.4). */
export function covers(filter: MailboxFilter, place: Place, subscribed: ReadonlySet<string>): boolean {
  const personal = filter.kind === 'personal' || filter.kind === 'inboxes';
  return personal ? place.reader === undefined : coversName(filter, place.mailbox.path, subscribed);
}

/** Is a mailbox of this name among them? */
export function coversName(filter: MailboxFilter, path: string, subscribed: ReadonlySet<string>): boolean {
  switch (filter.kind) {
    // Mail can be delivered to any mailbox, by rules (RFC 5465 6.3).
    case 'inboxes':
    case 'personal':
      return !isInNamespace(path);
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
