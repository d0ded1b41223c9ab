// After a killed run under the same boot: what it had committed is readable from the page cache, and may not be on the
// disk. Nothing is lost by that, until the boot is called cleanly ended; so every write-ahead log is synced first.

import { readdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Layout } from '../engines/sqlite/layout.ts';
import { openLog, type SyncCalls } from '../engines/sqlite/wal-sync.ts';

/** Syncs every write-ahead log that lies in the data directory. */
export async function syncLogs(layout: Layout, sync: SyncCalls, signal: AbortSignal): Promise<void> {
  await syncLog(layout.directory, sync);
  await syncLog(layout.queue, sync);
  for (const prefix of await readdir(layout.accounts)) {
    for (const id of await readdir(join(layout.accounts, prefix))) {
      signal.throwIfAborted();
      await syncLog(join(layout.accounts, prefix, id, 'mail.db'), sync);
    }
  }
}

async function syncLog(database: string, sync: SyncCalls): Promise<void> {
  await using file = await openLog(database, 'r');
  if (file === null) return;
  await sync.file(file.fd, `${database}-wal`);
  await sync.folder(dirname(database));
}
