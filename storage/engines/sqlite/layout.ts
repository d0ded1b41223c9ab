// Where everything of a data directory is. An account is one folder: one thing to move, back up, restore or delete.

import { join } from 'node:path';
import { StoreError } from '../../errors.ts';
import type { DatabaseKey } from '../port.ts';

/** The paths of one data directory. */
export interface Layout {
  readonly data: string;
  readonly lock: string;
  readonly staging: string;
  readonly accounts: string;
  /** The journals of commits (commit-journal.ts). */
  readonly journal: string;
  readonly directory: string;
  readonly queue: string;
  /** What of the queue is no row: bodies. */
  readonly queueFolder: string;
}

/** The paths under `data`, which is absolute. */
export function layoutOf(data: string): Layout {
  return {
    data,
    lock: join(data, 'lock'),
    staging: join(data, 'staging'),
    accounts: join(data, 'accounts'),
    journal: join(data, 'journal'),
    directory: join(data, 'directory.db'),
    queue: join(data, 'queue.db'),
    queueFolder: join(data, 'queue'),
  };
}

// Ids are [a-z0-9]{16}; the check is here because an id becomes part of a path.
const ACCOUNT_ID = /^[a-z0-9]{3,32}$/;

/** True if this can be an account's id, and so a folder's name. */
export function isAccountId(id: string): boolean {
  return ACCOUNT_ID.test(id);
}

/** The folder of one account: accounts/<first two characters>/<id>. */
export function accountFolder(layout: Layout, id: string): string {
  if (!isAccountId(id)) throw new StoreError('invalid', `not an account id: ${JSON.stringify(id)}`);
  return join(layout.accounts, id.slice(0, 2), id);
}

/** The file of a database. */
export function databaseFile(layout: Layout, db: DatabaseKey): string {
  switch (db.kind) {
    case 'account':
      return join(accountFolder(layout, db.id), 'mail.db');
    case 'directory':
      return layout.directory;
    case 'queue':
      return layout.queue;
  }
}

/** A database's name in locks, messages and logs: the account's id, or `directory` or `queue`. */
export function databaseName(db: DatabaseKey): string {
  return db.kind === 'account' ? db.id : db.kind;
}

/** The key of a database named by databaseName. */
export function databaseKey(name: string): DatabaseKey {
  return name === 'directory' || name === 'queue' ? { kind: name } : { kind: 'account', id: name };
}
