// What a file needs before operations may run on it: its migrations, and the epoch rule of storage/account/epoch.ts.

import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { jumpEpoch, lastBoot, stampBoot } from '../../account/epoch.ts';
import { isMigrated, migrate } from '../../schema/steps.ts';
import type { DatabaseKey } from '../port.ts';
import { Database } from './database.ts';
import { databaseFile, databaseName, type Layout } from './layout.ts';
import type { SyncCalls } from './wal-sync.ts';

/** What is known of the kernel boots under which this store ran. */
export interface Boots {
  readonly current: string;
  /** True if everything that was committed under this boot is durable. */
  endedCleanly(id: string): boolean;
}

/** `settle`: not to be used yet; `stamp`: may be read, must be stamped before it is written; `current`: all is well. */
export type Fitness = 'settle' | 'stamp' | 'current';

/** What an open file still needs. Errors: newer. */
export function inspect(database: Database, db: DatabaseKey, boots: Boots): Fitness {
  if (!isMigrated(database, db.kind)) return 'settle';
  const boot = database.read(() => lastBoot(databaseName(db)));
  if (boot === boots.current) return 'current';
  return boot !== undefined && boots.endedCleanly(boot) ? 'stamp' : 'settle';
}

/** Migrates and jumps as needed; to be synced before anything else. Runs under the database's lock. */
export function settle(database: Database, db: DatabaseKey, boots: Boots, now: number): void {
  migrate(database, db.kind);
  if (inspect(database, db, boots) !== 'settle') return;
  const jump = { bootId: boots.current, now, hasMailboxes: db.kind === 'account' };
  database.write(() => jumpEpoch(databaseName(db), jump));
}

/** Says in the file under which boot it is written; to be synced before the first write. */
export function stamp(database: Database, db: DatabaseKey, boots: Boots): void {
  database.write(() => stampBoot(databaseName(db), boots.current));
}

/** Makes a new database with its first rows, durable with its folders up to the data directory. */
export async function create(layout: Layout, db: DatabaseKey, boots: Boots, sync: SyncCalls): Promise<void> {
  const file = databaseFile(layout, db);
  const folder = dirname(file);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const database = new Database({ file, busyTimeout: 0, create: true });
  try {
    settle(database, db, boots, 0);
  } finally {
    // Closing the only handle moves the WAL into the file and syncs it.
    database.close();
  }
  for (let path = folder; path.length >= layout.data.length; path = dirname(path)) await sync.folder(path);
}
