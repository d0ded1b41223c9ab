// Opens the store: the SQLite engine over a data directory, bodies in files, and over both the directory and the
// accounts. One in every server thread; what they share is made once, in the main thread.

import { SqlMailAccount } from './account/mail-account.ts';
import type { OwedFlags } from './background/housekeeping.ts';
import { Jobs } from './background/jobs.ts';
import type { BackupReport } from './backup/backup.ts';
import type { RestoreReport } from './backup/restore.ts';
import { Budget, type BudgetLimits } from './blobs/budget.ts';
import { clearStaging, createFileBlobs } from './blobs/files.ts';
import { QUEUE_OWNER } from './blobs/port.ts';
import { type DataDirectory, type DataDirectoryOptions, openDataDirectory } from './data-directory.ts';
import { SqlDevices } from './directory/devices.ts';
import { SqlDirectory } from './directory/directory.ts';
import { SqlDomainSettings } from './directory/domain-settings.ts';
import { SqlRouteCredentials } from './directory/route-credentials.ts';
import { SqlSigningKeys } from './directory/signing-keys.ts';
import type { AccountId, MailboxId, Store } from './ports.ts';
import { SqlPolicies } from './queue/policies.ts';
import { SqlQueue } from './queue/queue.ts';
import { SqlSuppression } from './queue/suppression.ts';
import { SqlTlsResults } from './queue/tls-results.ts';
import { SearchHost } from './search/host.ts';
import { RemoteSearch } from './search/remote.ts';
import { loadSealer, type Sealer } from './secrets/sealing.ts';
import { SqlSharing } from './sharing/sharing.ts';
import type { Finding } from './verify/finding.ts';

export type { BackupReport } from './backup/backup.ts';
export type { RestoreReport } from './backup/restore.ts';
export { createStoreShared, type StoreShared } from './engines/sqlite/shared.ts';

export type { Finding } from './verify/finding.ts';

export interface OpenStoreOptions extends DataDirectoryOptions {
  /** Days that an expunged message is kept for undelete. */
  readonly retentionDays: number;
  /** Memory for bodies on their way in; for tests. */
  readonly staging?: BudgetLimits;
  /** How long an account is left alone after it was written to, before its mail is indexed for searches, ms; absent: no index. */
  readonly indexAfter?: number | undefined;
}

const DAY = 86_400_000;

/** A store with what an operator does to the whole of it. Each runs in a thread of its own, beside the server. */
export interface OpenStore extends Store {
  /** Looks through everything, and yields what is wrong. */
  verify(): AsyncIterable<Finding>;
  /** Writes a backup into an empty folder. Errors: exists, no-space. */
  backup(folder: string): Promise<BackupReport>;
  /** Brings back everything, or one account. Errors: invalid (no backup), newer, not-found, exists, no-space. */
  restore(folder: string, address?: string): Promise<RestoreReport>;
}

/**
 * Opens the store of a data directory, which the main thread makes if it is empty. The main thread opens first and
 * closes last. Errors: busy (another process has it), newer, corrupt, no-space.
 */
export async function openStore(options: OpenStoreOptions): Promise<OpenStore> {
  await using stack = new AsyncDisposableStack();
  const data = stack.use(await openDataDirectory(options));
  if (options.main) await clearStaging(data.layout.data);
  const jobs = stack.use(new Jobs(data.store, options.log, options.fatal));
  if (options.main && options.indexAfter !== undefined) {
    const host = new SearchHost({ ...data.store, quiet: options.indexAfter }, options.log, options.fatal);
    data.control.handle('start-search', () => host.start());
    data.control.become('main');
    stack.defer(() => host.close());
  }
  const sealer = await loadSealer(data.layout.data);
  const store = compose(data, jobs, sealer, options);
  const open = stack.move();
  return { ...store, [Symbol.asyncDispose]: () => open.disposeAsync() };
}

function compose(
  data: DataDirectory,
  jobs: Jobs,
  sealer: Sealer,
  options: OpenStoreOptions,
): Omit<OpenStore, typeof Symbol.asyncDispose> {
  const { engine, layout, control } = data;
  const { log, now = Date.now, shared, staging } = options;
  const budget = new Budget(shared.staging, staging);
  const blobs = createFileBlobs({ directory: layout.data, log, budget });
  const directory = new SqlDirectory({ engine, now, sealer });
  const quota = async (id: AccountId) => (await directory.account(id))?.quota ?? null;
  const loose = (id: AccountId) => control.tell('loose', id);
  const owed = (id: AccountId, mailbox: MailboxId) => control.tell('owed', { id, mailbox } satisfies OwedFlags);
  const search = options.indexAfter === undefined ? {} : { search: new RemoteSearch(control, log) };
  const parts = { engine, blobs, now, quota, loose, owed, retention: options.retentionDays * DAY, ...search };
  return {
    directory,
    domainSettings: new SqlDomainSettings(engine),
    sharing: new SqlSharing({ engine, now }),
    suppression: new SqlSuppression({ engine, now }),
    tlsResults: new SqlTlsResults(engine),
    policies: new SqlPolicies(engine),
    signingKeys: new SqlSigningKeys({ engine, sealer, now }),
    devices: new SqlDevices(engine),
    routeCredentials: new SqlRouteCredentials({ engine, sealer, now }),
    queue: new SqlQueue({ engine, blobs, now, loose: () => loose(QUEUE_OWNER) }),
    mail: (id) => new SqlMailAccount(id, parts),
    derivedKey: (purpose) => sealer.derive(purpose),
    stage: (limits) => blobs.stage(limits),
    verify: () => verifying(data, jobs),
    backup: (folder) => resultOf<BackupReport>(jobs.run({ name: 'backup', folder, now: now() })),
    restore: (folder, address) => resultOf<RestoreReport>(jobs.run({ name: 'restore', folder, address })),
  };
}

async function* verifying({ control }: DataDirectory, jobs: Jobs): AsyncGenerator<Finding> {
  // What a killed run, or a refused delivery, has left is no finding: it is being swept.
  await control.ask('settled', undefined);
  yield* jobs.run({ name: 'verify' }) as AsyncGenerator<Finding>;
}

/** Runs a job that yields nothing, to its result. */
async function resultOf<T>(job: AsyncGenerator<unknown, unknown>): Promise<T> {
  for (;;) {
    const step = await job.next();
    if (step.done === true) return step.value as T;
  }
}
