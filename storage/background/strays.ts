// After a killed run: the folders of accounts that were being created. Their rows in the directory never came, and nobody
// will ask for them; those with mail in them are something else, and are left for `verify` to name.

import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { SqliteEngine } from '../engines/sqlite/engine.ts';
import { accountFolder, isAccountId, type Layout } from '../engines/sqlite/layout.ts';
import { StoreError } from '../errors.ts';
import type { StoreLog } from '../log.ts';
import { one } from '../operation.ts';
import { accountFolders, unknownOf } from '../verify/unknown.ts';

export interface StrayParts {
  readonly engine: SqliteEngine;
  readonly layout: Layout;
  readonly log: StoreLog;
  /** When this run began, unix ms: what is younger is being created now. */
  readonly began: number;
  readonly signal: AbortSignal;
}

/** Removes them. DATA/lock is held, so no other process creates accounts. */
export async function removeStrays(parts: StrayParts): Promise<void> {
  const { engine, layout, log, signal } = parts;
  const folders = (await accountFolders(layout)).filter(isAccountId);
  for (const id of await unknownOf(engine, folders)) {
    if (signal.aborted) return;
    try {
      if (!(await isOlder(parts, id)) || !(await isEmpty(parts, id))) continue;
      await engine.destroyAccount(id);
      log.info({ account: id }, 'an account whose creation was cut short has been removed');
    } catch (error) {
      if (signal.aborted) return;
      log.warn({ err: error, account: id }, 'a folder of no account could not be looked at');
    }
  }
}

async function isOlder({ layout, began }: StrayParts, id: string): Promise<boolean> {
  const { birthtimeMs, mtimeMs } = await stat(accountFolder(layout, id));
  return Math.max(birthtimeMs, mtimeMs) < began;
}

/** No message, none among the expunged, and no body; or cut short before there was a database at all. */
async function isEmpty({ engine, layout }: StrayParts, id: string): Promise<boolean> {
  const folder = accountFolder(layout, id);
  let bytes = 0;
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    if (!entry.isFile()) return false;
    bytes += (await stat(join(folder, entry.name))).size;
  }
  if (bytes === 0) return true;
  try {
    const message = await engine.read({ kind: 'account', id }, () => one('SELECT id FROM message LIMIT 1'));
    return message === undefined;
  } catch (error) {
    // What can't be read is not known to be empty.
    if (error instanceof StoreError) return false;
    throw error;
  }
}
