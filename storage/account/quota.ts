// The quota: the sum of RFC822.SIZE of all live placements, prefixes included.

import { StoreError } from '../errors.ts';
import { type Op, one } from '../operation.ts';
import type { Unit } from './unit.ts';

/**
 * Refuses what would take the account over its quota; what takes nothing is never refused. This is the one place that
 * decides: making room first, by purging the oldest of Trash (F130), belongs in front of its callers' transactions.
 */
export function checkRoom(unit: Unit, bytes: number, quota: number | null): void {
  if (quota !== null && bytes > 0 && unit.bytes + bytes > quota) {
    throw new StoreError('over-quota', `${unit.bytes} bytes and ${bytes} more are over the quota of ${quota}`);
  }
}

/** What an account holds. */
export function* usage(account: string): Op<{ bytes: number; messages: number }> {
  const row = yield* one<{ bytes: number; messages: number }>(
    `SELECT bytes, messages FROM counter WHERE account = $1`,
    [account],
  );
  if (row === undefined) throw new StoreError('not-found', `account ${account} has no counter row`);
  return row;
}
