// Where large bodies lie: a folder per account here, an object store elsewhere. Small bodies never come here; they are
// rows (DESIGN 4, "Bodies").

import type { AccountId, Staged, Staging } from '../ports.ts';
import type { Packers } from './packer.ts';

/** The owner of the bodies that wait to be sent; no account has this id. */
export const QUEUE_OWNER = 'queue';

/** A large body of one account, by ranges. Dispose it to free its file descriptor. */
export interface BlobReader extends AsyncDisposable {
  /** Plain bytes. */
  readonly size: number;
  /** Bytes [start, end); only the frames that they lie in are read and decompressed. Errors: unavailable. */
  read(start: number, end: number): AsyncIterable<Uint8Array>;
}

/** A body placed in an account, and safe from the sweeper until `release`. */
export interface Adopted {
  /** What to write into the message's row. */
  readonly name: string;
  /** Call it after the commit that names it, or when there will be none. */
  release(): void;
}

export interface Blobs {
  /** What packs the pieces that become rows: this thread's. */
  readonly packers: Packers;
  /** Starts a body on its way in; more than `maxBytes` fails with `limit`. */
  stage(options: { maxBytes: number }): Staging;
  /**
   * Makes a staged file a blob of the account, durably (file, then folder); several accounts share one inode. To be
   * called before the commit that names it, outside the account's lock. Errors: no-space, unavailable.
   */
  adopt(account: AccountId, staged: Staged): Promise<Adopted>;
  /** Errors: unavailable (missing or damaged). */
  open(account: AccountId, name: string): Promise<BlobReader>;
  /** Every blob of an account, for `verify` and backups. */
  names(account: AccountId): AsyncIterable<string>;
  /**
   * Deletes the blobs that nothing names; the caller holds the account's lock, and `referenced` says which of a page of
   * names are in use. What a running delivery has pinned stays. Resolves with the number deleted.
   */
  sweep(account: AccountId, referenced: (names: readonly string[]) => Promise<ReadonlySet<string>>): Promise<number>;
  /** The blobs that nothing names and no running delivery has pinned; for `verify`, beside a running server. */
  unreferenced(
    account: AccountId,
    referenced: (names: readonly string[]) => Promise<ReadonlySet<string>>,
  ): AsyncIterable<string>;
}
