// The operations that must be atomic and may take long: the bulk thread runs them, by name, under the account's lock.
// Their arguments are structured-cloneable.

import type { Op } from '../operation.ts';
import { append } from './append.ts';
import { deleteMailbox, renameMailbox } from './mailboxes.ts';
import { settleAccount } from './owed-flags.ts';
import { restore } from './restore.ts';
import { type TransferJob, transferAlone } from './transfer.ts';

const OPERATIONS = {
  append,
  delete: settled(deleteMailbox),
  rename: settled(renameMailbox),
  restore,
  transfer: settled(({ account, job }: { account: string; job: TransferJob }) => transferAlone(account, job)),
} as const;

/** An operation that needs the flags of all messages as they are: it may take the time. */
function settled<J extends { readonly account: string }, T>(operation: (job: J) => Op<T>): (job: J) => Op<T> {
  return function* (job) {
    yield* settleAccount(job.account);
    return yield* operation(job);
  };
}

/** Every bulk operation by its name. */
export type BulkOperations = typeof OPERATIONS;
export type BulkName = keyof BulkOperations;

/** The operation of a name that came with a request to the bulk thread, applied to its arguments. */
export function bulkOperation(name: string, args: unknown): () => Op<unknown> {
  if (!Object.hasOwn(OPERATIONS, name)) throw new TypeError(`no bulk operation ${name}`);
  const operation = OPERATIONS[name as BulkName] as (args: unknown) => Op<unknown>;
  return () => operation(args);
}
