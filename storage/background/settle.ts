// After a killed run under the same boot: what it had committed is readable from the page cache, and may not be on the
// disk. Nothing is lost by that, until the boot is called cleanly ended; so every write-ahead log is synced first.

import { type FileHandle, open, readdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Layout } from '../engines/sqlite/layout.ts';
import type { SyncCalls } from '../engines/sqlite/wal-sync.ts';

/** Syncs every write-ahead log that lies in the data directory. Opening them drops no lock of SQLite's. */
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
  const path = `${database}-wal`;
  const file = await openIfThere(path);
  if (file === null) return;
  try {
    await sync.file(file.fd, path);
  } finally {
    await file.close();
  }
  await sync.folder(dirname(path));
}

async function openIfThere(path: string): Promise<FileHandle | null> {
  try {
    return await open(path, 'r');
  } catch (error) {
    // The last handle to close deletes it, synced into its database.
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null;
    throw error;
  }
}
