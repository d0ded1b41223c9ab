// postmaster and abuse: who writes there has something to say of our mail, and is not sent away.

import { ROLE_BYTES } from './limits.ts';

/** RFC 5321 4.5.1, RFC 2142 2: addresses that are never refused and that no block applies to. */
export function isRole(address: string): boolean {
  return /^(?:postmaster(?:@|$)|abuse@)/i.test(address);
}

/** Bytes that mail to an address may exceed its reader's quota by. */
export function roomBeyondQuota(address: string): number {
  return isRole(address) ? ROLE_BYTES : 0;
}
