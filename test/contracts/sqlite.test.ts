// The contract suite against the SQLite engine.
import { afterAll } from 'vitest';
import { type TemporaryFolder, temporaryFolder } from '#test/support/folder.ts';
import { NO_SYNC, openSqlStore } from '#test/support/sql-store.ts';
import { contracts } from './contracts.ts';

const folders: TemporaryFolder[] = [];

afterAll(async () => {
  for (const folder of folders) await folder[Symbol.asyncDispose]();
});

contracts('SQLite', async () => {
  const folder = await temporaryFolder();
  folders.push(folder);
  return await openSqlStore(folder.path, { sync: NO_SYNC });
});
