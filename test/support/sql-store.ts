// A store composed in one thread over a folder: what storage/open.ts makes, without its threads, so that a test can hold
// each part in its hands (the engine, the clock, the retention).
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import pino from 'pino';
import { bulkOperation } from '#storage/account/bulk.ts';
import { SqlMailAccount } from '#storage/account/mail-account.ts';
import { Budget, type BudgetLimits } from '#storage/blobs/budget.ts';
import { clearStaging, createFileBlobs } from '#storage/blobs/files.ts';
import type { Blobs } from '#storage/blobs/port.ts';
import { SqlDevices } from '#storage/directory/devices.ts';
import { SqlDirectory } from '#storage/directory/directory.ts';
import { SqlDomainSettings } from '#storage/directory/domain-settings.ts';
import { SqlRouteCredentials } from '#storage/directory/route-credentials.ts';
import { SqlSigningKeys } from '#storage/directory/signing-keys.ts';
import type { Engine } from '#storage/engines/port.ts';
import { SqliteEngine } from '#storage/engines/sqlite/engine.ts';
import { layoutOf } from '#storage/engines/sqlite/layout.ts';
import { createStoreShared } from '#storage/engines/sqlite/shared.ts';
import { create } from '#storage/engines/sqlite/upkeep.ts';
import { SYSTEM_SYNC, type SyncCalls } from '#storage/engines/sqlite/wal-sync.ts';
import { StoreError } from '#storage/errors.ts';
import type { AccountId, Store } from '#storage/ports.ts';
import { SqlPolicies } from '#storage/queue/policies.ts';
import { SqlQueue } from '#storage/queue/queue.ts';
import { SqlSuppression } from '#storage/queue/suppression.ts';
import { SqlTlsResults } from '#storage/queue/tls-results.ts';
import { Sealer } from '#storage/secrets/sealing.ts';
import { SqlSharing } from '#storage/sharing/sharing.ts';

/** A store whose parts can be reached. */
export interface SqlStore extends Store {
  readonly engine: Engine;
  readonly blobs: Blobs;
  /** Unix ms, and how long expunged messages are kept, ms; a test may move both. */
  readonly clock: { now: number; retention: number };
  mail(id: AccountId): SqlMailAccount;
}

export interface SqlStoreOptions {
  /** How long expunged messages are kept, ms. */
  readonly retention?: number;
  /** Unix ms at which its clock begins. */
  readonly now?: number;
  /** The kernel boot that this is; a store opened under another one jumps (DESIGN 4). */
  readonly bootId?: string;
  readonly sync?: SyncCalls;
  /** Memory for bodies on their way in. */
  readonly staging?: BudgetLimits;
  /** What a failed sync comes to; thrown if not given. */
  readonly fatal?: (error: Error) => void;
}

/** Tests of durability have syncs of their own; all others need not wait for the disk. */
export const NO_SYNC: SyncCalls = { file: async () => {}, folder: async () => {} };

/** A SQLite store over a folder, new or as it was left. */
export async function openSqlStore(folder: string, options: SqlStoreOptions = {}): Promise<SqlStore> {
  const layout = layoutOf(folder);
  const shared = createStoreShared(options.bootId === undefined ? {} : { bootId: options.bootId });
  const log = pino({ level: 'silent' });
  const sync = options.sync ?? SYSTEM_SYNC;
  const boots = { current: shared.bootId, endedCleanly: () => false };
  await mkdir(layout.accounts, { recursive: true });
  await clearStaging(folder);
  const engine = new SqliteEngine({
    ...{ layout, shared, log, sync, boots, handles: 50 },
    control: null,
    maintenance: null,
    bulk: (operation, args) => bulkOperation(operation, structuredClone(args)),
    ...(options.now === undefined ? {} : { now: () => options.now ?? 0 }),
    fatal:
      options.fatal ??
      ((error) => {
        throw error;
      }),
  });
  if (!(await hasDirectory(engine))) {
    await mkdir(layout.queueFolder, { recursive: true });
    for (const kind of ['directory', 'queue'] as const) await create(layout, { kind }, boots, sync);
  }
  const blobs = createFileBlobs({ directory: folder, log, budget: new Budget(shared.staging, options.staging) });
  return composeStore(engine, blobs, options);
}

/** The store of an engine that has a directory. */
export function composeStore(engine: Engine, blobs: Blobs, options: SqlStoreOptions = {}): SqlStore {
  const clock = { now: options.now ?? Date.UTC(2026, 10, 22), retention: options.retention ?? 14 * 86_400_000 };
  const now = () => clock.now;
  const sealer = new Sealer(Buffer.alloc(32, 1));
  const directory = new SqlDirectory({ engine, now, sealer });
  const quota = async (id: AccountId) => (await directory.account(id))?.quota ?? null;
  const mail = (id: AccountId) =>
    new SqlMailAccount(id, {
      ...{ engine, blobs, now, quota },
      get retention() {
        return clock.retention;
      },
    });
  const queue = new SqlQueue({ engine, blobs, now });
  const signingKeys = new SqlSigningKeys({ engine, now, sealer });
  const routeCredentials = new SqlRouteCredentials({ engine, now, sealer });
  return {
    ...{
      engine,
      blobs,
      clock,
      directory,
      queue,
      signingKeys,
      routeCredentials,
      devices: new SqlDevices(engine),
      sharing: new SqlSharing({ engine, now }),
      domainSettings: new SqlDomainSettings(engine),
      policies: new SqlPolicies(engine),
      mail,
    },
    derivedKey: (purpose) => sealer.derive(purpose),
    tlsResults: new SqlTlsResults(engine),
    suppression: new SqlSuppression({ engine, now }),
    domainSettings: new SqlDomainSettings(engine),
    stage: (limits) => blobs.stage(limits),
    [Symbol.asyncDispose]: () => engine.close(),
  };
}

async function hasDirectory(engine: Engine): Promise<boolean> {
  try {
    await engine.read({ kind: 'directory' }, function* () {});
    return true;
  } catch (error) {
    if (error instanceof StoreError && error.code === 'not-found') return false;
    if (error instanceof StoreError && error.code === 'corrupt') return false;
    throw error;
  }
}

/** Where SQLite keeps an account. */
export function accountFile(folder: string, id: AccountId): string {
  return join(folder, 'accounts', id.slice(0, 2), id, 'mail.db');
}
