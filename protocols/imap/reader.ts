// Who reads.

import type { AccountId } from '#storage/ports.ts';
import type { Session } from './session.ts';

/** Whose annotations are meant that are not for all. */
export function readerOf({ principal, owner }: Session): AccountId {
  return principal?.account.id ?? owner.id;
}
