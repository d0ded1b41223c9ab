// The contract suite against the trial PostgreSQL engine. Debian's postgresql is needed: in CI its absence is a failure,
// on a developer's machine the suite says why it does not run.
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import pino from 'pino';
import { afterAll, test } from 'vitest';
import { bulkOperation } from '#storage/account/bulk.ts';
import { fileSystem } from '#storage/blobs/file-system.ts';
import { clearStaging, createFileBlobs } from '#storage/blobs/files.ts';
import { openPostgres } from '#storage/engines/postgres/engine.ts';
import { temporaryFolder } from '#test/support/folder.ts';
import { postgresPrograms, startPostgres } from '#test/support/postgres.ts';
import { composeStore, type SqlStore } from '#test/support/sql-store.ts';
import { contracts } from './contracts.ts';

const deepMkdir = ((path: string) => mkdir(path, { recursive: true })) as typeof mkdir;
const programs = postgresPrograms();

if (programs !== undefined) {
  const folder = await temporaryFolder();
  const server = await startPostgres(programs);
  let stores = 0;
  afterAll(async () => {
    await server[Symbol.asyncDispose]();
    await folder[Symbol.asyncDispose]();
  });
  contracts('PostgreSQL', () => openStore(join(folder.path, `${stores++}`)), { operations: 400, changes: 20_000 });

  async function openStore(data: string): Promise<SqlStore> {
    const connection = await server.emptyDatabase();
    const engine = await openPostgres({ connection, bootId: 'boot-1', bulk: bulkOperation });
    await mkdir(join(data, 'accounts'), { recursive: true });
    await clearStaging(data);
    // An account's folder is made by the engine where accounts are files; here with its first body.
    const files = { ...fileSystem, mkdir: deepMkdir };
    const blobs = createFileBlobs({ directory: data, log: pino({ level: 'silent' }), files });
    return composeStore(engine, blobs);
  }
} else if (process.env.CI === 'true') {
  test('PostgreSQL is installed', () => {
    throw new Error('Debian’s postgresql is not installed, and CI=true');
  });
} else {
  console.info('The contract suite does not run against PostgreSQL: Debian’s package postgresql is not installed.');
}
