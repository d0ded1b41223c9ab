// What `verify` finds, and the form of its checks.

import { all, type Op, type Value } from '../operation.ts';

/** Something that is not as it must be. */
export interface Finding {
  /** An account's id, `directory` or `queue`. */
  readonly database: string;
  /** The account's address, where it has one. */
  readonly address?: string;
  /** A word for each kind of damage (`wrong-total`, `missing-blob`). */
  readonly code: string;
  /** Which thing, and how it is wrong. */
  readonly detail: string;
}

export type Found = Pick<Finding, 'code' | 'detail'>;

/** Most findings of one check: a damaged table is said once and not a million times. */
export const MOST = 50;

/** A query that finds nothing in a sound database; $1 is the account. */
export interface Check {
  readonly code: string;
  /** Returns `detail`, a text. */
  readonly sql: string;
}

/** Runs checks in one transaction: they see one state, however much is being written. */
export function* runChecks(checks: readonly Check[], account: Value): Op<Found[]> {
  const found: Found[] = [];
  for (const { code, sql } of checks) {
    for (const { detail } of yield* all<{ detail: string }>(`${sql} LIMIT ${MOST}`, [account])) {
      found.push({ code, detail });
    }
  }
  return found;
}
