// DATA/lock: one process at a time. An SQLite file held in exclusive mode, because that is a lock that works on every
// system, dies with its process, and is refused at once to a second one.

import Sqlite from 'better-sqlite3';
import { StoreError } from '../../errors.ts';
import { isBusy, toStoreError } from './failure.ts';

/** Takes the lock and holds it until it is disposed of. Errors: busy, if another process has it. */
export function lockData(file: string): Disposable {
  const sqlite = openLock(file);
  try {
    sqlite.exec('BEGIN EXCLUSIVE');
  } catch (error) {
    sqlite.close();
    if (!isBusy(error)) throw toStoreError(error, file);
    throw new StoreError('busy', `another posthuis uses this data directory (${file} is locked)`, { cause: error });
  }
  return { [Symbol.dispose]: () => sqlite.close() };
}

function openLock(file: string): Sqlite.Database {
  try {
    return new Sqlite(file, { timeout: 0 });
  } catch (error) {
    throw toStoreError(error, file);
  }
}
