// The namespaces (RFC 2342): one's own mailboxes stand at the top, those that somebody shares below `Other Users/` and
// his address, those of accounts that nobody logs in to below `Shared/` and the account's address (F142).

import type { Account } from '#storage/ports.ts';
import { SEPARATOR } from './grammar/mailbox-name.ts';

export const OTHER_USERS = 'Other Users';
export const SHARED = 'Shared';

/** Where an account's mailboxes stand for all others. */
export function prefixOf({ address, shared }: Account): string {
  // An address may have the separator, and has no colon.
  const level = address.replaceAll(SEPARATOR, ':');
  return `${shared === true ? SHARED : OTHER_USERS}${SEPARATOR}${level}`;
}

/** Is this the name of a namespace, or a name below it? */
export function isInNamespace(path: string): boolean {
  return [OTHER_USERS, SHARED].some((name) => path === name || path.startsWith(name + SEPARATOR));
}
