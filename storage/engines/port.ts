// What the operations need of a database engine. One engine serves a whole process thread; SQLite keeps one file per
// account, another engine may keep all accounts in one database.

import type { Op } from '../operation.ts';

/** Which database: one account's mail, the shared directory, or the shared queue. */
export type DatabaseKey = { readonly kind: 'account'; readonly id: string } | { readonly kind: 'directory' | 'queue' };

/** Drives operations. Every error that leaves it is a StoreError. */
export interface Engine {
  /** Runs a reading operation in one read transaction. */
  read<T>(db: DatabaseKey, op: () => Op<T>): Promise<T>;
  /**
   * Runs a writing operation under the database's process-wide fair lock in one transaction, and resolves once it is
   * durable (the WAL is synced). After the sync, and before it resolves, the database's generation is raised and its
   * subscribers are woken. A transaction lasts at most about 10 ms on a server thread.
   * A read-only outcome (nothing changed) needs no sync and raises nothing.
   */
  write<T>(db: DatabaseKey, op: () => Op<T>): Promise<T>;
  /**
   * Runs writing operations one after the other, each in a transaction as `write` does, with a turn of the event loop
   * and of the other writers in between, and resolves once all of them are durable. None but the last need be waited
   * for: the next one may begin while the syncs of those before are in hand. `next` gives the first operation, and with
   * what that came to, which may still be lost with the power, the following one; undefined ends the series. Where one
   * fails those before it stay.
   */
  series<T>(db: DatabaseKey, next: (last: T | undefined) => (() => Op<T>) | undefined): Promise<void>;
  /**
   * As write, for a named operation that must be atomic and may take longer than 10 ms (COPY of 100,000): runs in the
   * bulk thread under the same lock. `name` is a key of the table of bulk operations, `args` are structured-cloneable.
   */
  bulk<T>(db: DatabaseKey, name: string, args: unknown): Promise<T>;
  /** Makes a new, empty account's database and its folders, synced, before any directory row names it. */
  createAccount(id: string): Promise<void>;
  /** Closes and deletes everything of an account. */
  destroyAccount(id: string): Promise<void>;
  /**
   * A number that is raised at each durable commit of this database, by any thread, before that commit is answered: by
   * as many as there were operations in it.
   */
  generation(db: DatabaseKey): number;
  /** Calls `wake` soon after each raise of the generation (merged and never lost: compare generations). */
  subscribe(db: DatabaseKey, wake: () => void): Disposable;
  /** Stops taking work, waits for what is in hand, syncs, closes. */
  close(): Promise<void>;
}
