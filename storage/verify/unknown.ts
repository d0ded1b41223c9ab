// Folders of accounts that the directory does not know.

import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { accountById } from '../directory/rows.ts';
import type { Engine } from '../engines/port.ts';
import type { Layout } from '../engines/sqlite/layout.ts';

/** The names of all folders that stand where accounts' do. */
export async function accountFolders(layout: Layout): Promise<string[]> {
  const folders: string[] = [];
  for (const prefix of await readdir(layout.accounts)) folders.push(...(await readdir(join(layout.accounts, prefix))));
  return folders;
}

/** Those of these ids that are not in the directory. */
export async function unknownOf(engine: Engine, ids: readonly string[]): Promise<string[]> {
  const unknown: string[] = [];
  for (const id of ids) {
    const row = await engine.read({ kind: 'directory' }, () => accountById(id));
    if (row === undefined) unknown.push(id);
  }
  return unknown;
}
