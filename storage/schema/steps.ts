// The migrations: which files make a database of each kind, in order. A step is numbered, listed here and never edited
// once released; it is additive, so that the release before can still read the file.

import { readFileSync } from 'node:fs';
import { StoreError } from '../errors.ts';

export type SchemaKind = 'account' | 'directory' | 'queue';

/** The steps by kind; a file's `user_version` is how many of them it has had. Each lists its files. */
export const STEPS: Readonly<Record<SchemaKind, readonly (readonly string[])[]>> = {
  // The plans are what ANALYZE would say of a large account: SQLite's planner has only the account's own file to see.
  account: [
    ['account/001-mail.sql', 'account/001-plans.sqlite.sql'],
    ['account/002-sending.sql', 'account/002-plans.sqlite.sql'],
    ['account/003-metadata.sql', 'account/003-plans.sqlite.sql'],
    ['account/004-single-instance.sql', 'account/004-plans.sqlite.sql'],
    ['account/005-owed-flags.sql'],
  ],
  directory: [
    ['directory/001-directory.sql'],
    ['directory/002-settings.sql'],
    ['directory/003-route-credentials.sql'],
    ['directory/004-sharing.sql'],
    ['directory/005-devices.sql'],
  ],
  queue: [
    ['queue/001-queue.sql'],
    ['queue/002-routes.sql'],
    ['queue/003-senders.sql'],
    ['queue/004-once.sql'],
    ['queue/005-reports.sql'],
    ['queue/006-drafts.sql'],
  ],
};

/** What the runner needs of an open database. */
export interface Migratable {
  version(): number;
  /** Runs a script and sets the version, in one transaction. */
  migrate(script: string, version: number): void;
}

/** The SQL of one step. */
export function stepScript(files: readonly string[]): string {
  return files.map((file) => readFileSync(new URL(file, import.meta.url), 'utf8')).join('\n');
}

/** True if the file has had every step. Errors: newer. */
export function isMigrated(database: Migratable, kind: SchemaKind, steps = STEPS): boolean {
  const version = database.version();
  const known = steps[kind].length;
  if (version > known) {
    throw new StoreError('newer', `the ${kind} database has version ${version}, this release knows ${known}`);
  }
  return version === known;
}

/** Runs the steps that the file has not had. Errors: newer. */
export function migrate(database: Migratable, kind: SchemaKind, steps = STEPS): void {
  while (!isMigrated(database, kind, steps)) {
    const version = database.version();
    database.migrate(stepScript(steps[kind][version] ?? []), version + 1);
  }
}
