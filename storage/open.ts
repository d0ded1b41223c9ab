// Opens the store: the SQLite engine over a data directory, bodies in files, and over both the directory and the
// accounts. One in every server thread; what they share is made once, in the main thread.

import { SqlMailAccount } from './account/mail-account.ts';
import { clearStaging, createFileBlobs } from './blobs/files.ts';
import { type DataDirectory, type DataDirectoryOptions, openDataDirectory } from './data-directory.ts';
import { SqlDirectory } from './directory/directory.ts';
import type { AccountId, Store } from './ports.ts';

export { createStoreShared, type StoreShared } from './engines/sqlite/shared.ts';

export interface OpenStoreOptions extends DataDirectoryOptions {
  /** Days that an expunged message is kept for undelete. */
  readonly retentionDays: number;
}

const DAY = 86_400_000;

/**
 * Opens the store of a data directory, which the main thread makes if it is empty. The main thread opens first and
 * closes last. Errors: busy (another process has it), newer, corrupt, no-space.
 */
export async function openStore(options: OpenStoreOptions): Promise<Store> {
  await using stack = new AsyncDisposableStack();
  const data = stack.use(await openDataDirectory(options));
  if (options.main) await clearStaging(data.layout.data);
  const store = compose(data, options);
  const open = stack.move();
  return { ...store, [Symbol.asyncDispose]: () => open.disposeAsync() };
}

function compose(data: DataDirectory, options: OpenStoreOptions): Omit<Store, typeof Symbol.asyncDispose> {
  const { engine, layout, control } = data;
  const { log, now = Date.now } = options;
  const blobs = createFileBlobs({ directory: layout.data, log });
  const directory = new SqlDirectory({ engine, now });
  const quota = async (id: AccountId) => (await directory.account(id))?.quota ?? null;
  const loose = (id: AccountId) => control.tell('loose', id);
  const parts = { engine, blobs, now, quota, loose, retention: options.retentionDays * DAY };
  return {
    directory,
    mail: (id) => new SqlMailAccount(id, parts),
    stage: (limits) => blobs.stage(limits),
  };
}
