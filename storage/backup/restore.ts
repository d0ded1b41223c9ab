// `posthuis restore DIR [ADDRESS]`: brings back all accounts and the directory, or one account, also under a running
// server. Each database replaces the one that is there in one rename, after a jump (storage/account/epoch.ts) over
// everything that the backup, or the file it replaces, had given out.

import { existsSync } from 'node:fs';
import { copyFile, mkdir, rename, rm } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type GivenOut, givenOut, jumpEpoch, type Restored } from '../account/epoch.ts';
import { referencedBlobs } from '../account/sweep.ts';
import type { Blobs } from '../blobs/port.ts';
import { type Address, theAddress } from '../directory/addresses.ts';
import { addAccount, addDomain } from '../directory/changes.ts';
import { accountAt, accountById, domainRow } from '../directory/rows.ts';
import type { DatabaseKey } from '../engines/port.ts';
import type { BootRow } from '../engines/sqlite/boots.ts';
import { Database } from '../engines/sqlite/database.ts';
import type { SqliteEngine } from '../engines/sqlite/engine.ts';
import { toStoreError } from '../engines/sqlite/failure.ts';
import { accountFolder, databaseFile, databaseName, type Layout, layoutOf } from '../engines/sqlite/layout.ts';
import { StoreError } from '../errors.ts';
import type { StoreLog } from '../log.ts';
import { all, type Op, one, run } from '../operation.ts';
import type { AccountId } from '../ports.ts';
import { holdAll } from '../queue/operate.ts';
import { isMigrated, migrate } from '../schema/steps.ts';
import { allAccounts, type NamedAccount, readCopy } from './backup.ts';
import { linkAll, namesIn, readManifest, syncFile, syncFolder } from './files.ts';

export interface RestoreReport {
  readonly accounts: readonly NamedAccount[];
  /** Folders into which accounts were moved that the backup does not have. */
  readonly setAside: readonly string[];
}

/** A backup's files, and when it was made (unix ms). */
interface Backup extends Layout {
  readonly made: number;
}

export interface RestoreParts {
  readonly engine: SqliteEngine;
  readonly blobs: Blobs;
  readonly layout: Layout;
  readonly log: StoreLog;
  readonly bootId: string;
  /** Unix ms. */
  readonly now: () => number;
  readonly signal: AbortSignal;
}

/** Restores everything, or the account of one address. Errors: invalid, newer, not-found, exists, no-space. */
export async function restoreBackup(parts: RestoreParts, folder: string, address?: string): Promise<RestoreReport> {
  const source = layoutOf(resolve(folder));
  const made = Date.parse((await readManifest(source.data)).made);
  // One after the other, each with a second of its own: what nobody remembers is told apart by the clock.
  return navigator.locks.request(`${parts.layout.data}/restore`, async () => {
    const backup = { ...source, made };
    const report = await (address === undefined ? restoreAll(parts, backup) : restoreOne(parts, backup, address));
    await sleep(1_000 - (parts.now() % 1_000));
    return report;
  });
}

async function restoreOne(parts: RestoreParts, source: Backup, address: string): Promise<RestoreReport> {
  const wanted = theAddress(address);
  const row = readCopy(source.directory, () => namedAt(wanted));
  if (row === undefined) throw new StoreError('not-found', `the backup has no account ${address}`);
  const account = { id: row.id, address: `${row.local}@${row.domain}` };
  const there = await parts.engine.read({ kind: 'directory' }, () => accountAt(wanted));
  if (there !== undefined && there.id !== row.id) {
    throw new StoreError('exists', `${account.address} belongs to another account now: remove that one first`);
  }
  await restoreAccount(parts, source, row.id);
  const credential = readCopy(source.directory, () => passwordOf(row.id));
  await parts.engine.write({ kind: 'directory' }, () => nameAgain({ ...row, hash: credential }, parts.now()));
  return { accounts: [account], setAside: [] };
}

async function restoreAll(parts: RestoreParts, source: Backup): Promise<RestoreReport> {
  const accounts = readCopy(source.directory, allAccounts);
  for (const { id } of accounts) {
    parts.signal.throwIfAborted();
    if (existsSync(databaseFile(source, { kind: 'account', id }))) await restoreAccount(parts, source, id);
  }
  const setAside: string[] = [];
  const known = new Set(accounts.map(({ id }) => id));
  for (const prefix of await namesIn(parts.layout.accounts)) {
    for (const id of await namesIn(join(parts.layout.accounts, prefix))) {
      if (!known.has(id)) setAside.push(await setFolderAside(parts, id));
    }
  }
  await replaceDatabase(parts, source, { kind: 'queue' });
  await replaceDatabase(parts, source, { kind: 'directory' });
  return { accounts, setAside };
}

async function restoreAccount(parts: RestoreParts, source: Backup, id: AccountId): Promise<void> {
  const db: DatabaseKey = { kind: 'account', id };
  await replaceDatabase(parts, source, db);
  // What only the replaced file named.
  const { engine, blobs } = parts;
  await engine.locked(db, () => blobs.sweep(id, (names) => engine.read(db, () => referencedBlobs(id, names))));
}

/** Puts a backup's database in the place of the one that is there. */
async function replaceDatabase(parts: RestoreParts, source: Backup, db: DatabaseKey): Promise<void> {
  const file = databaseFile(parts.layout, db);
  const staged = join(parts.layout.staging, `restore-${databaseName(db)}.db`);
  await parts.engine.exclusively(db, async () => {
    const replaced = readReplaced(parts, file, db);
    try {
      await copyFile(databaseFile(source, db), staged);
      await jumpStaged(parts, staged, db, replaced, source.made);
      if (db.kind === 'account') await bringBodies(parts.layout, source, db.id);
      if (db.kind === 'queue') await bringQueued(parts.layout, source);
      // An unreadable file's log would be taken for the new one's.
      await rm(`${file}-wal`, { force: true });
      await rm(`${file}-shm`, { force: true });
      await rename(staged, file);
      await syncFolder(dirname(file));
    } finally {
      for (const end of ['', '-wal', '-shm']) await rm(`${staged}${end}`, { force: true });
    }
  });
  parts.engine.announce(db);
}

/** What the file that is there has given out; null if there is none, or it can't be read. Errors: newer. */
function readReplaced(parts: RestoreParts, file: string, db: DatabaseKey): Replaced | null {
  if (!existsSync(file)) return null;
  try {
    const database = new Database({ file, busyTimeout: 1_000 });
    try {
      isMigrated(database, db.kind);
      const given = database.read(() => givenOut(databaseName(db), db.kind === 'account'));
      const boots = db.kind === 'directory' ? database.read(bootRows) : [];
      return given === undefined ? null : { given, boots };
    } finally {
      database.close();
    }
  } catch (error) {
    const failure = toStoreError(error, file);
    if (failure.code !== 'corrupt') throw failure;
    parts.log.warn({ err: failure, file }, 'the file that is replaced can not be read: UIDVALIDITYs are new');
    return null;
  }
}

interface Replaced {
  readonly given: GivenOut;
  readonly boots: readonly StoredBoot[];
}

/** Migrates the staged copy and makes it jump, durably. */
async function jumpStaged(
  parts: RestoreParts,
  staged: string,
  db: DatabaseKey,
  replaced: Replaced | null,
  made: number,
): Promise<void> {
  const now = parts.now();
  const restored: Restored = { made, replaced: replaced?.given ?? null };
  const database = new Database({ file: staged, busyTimeout: 0 });
  try {
    migrate(database, db.kind);
    const jump = { bootId: parts.bootId, now, hasMailboxes: db.kind === 'account', restored };
    database.write(() => jumpEpoch(databaseName(db), jump));
    if (db.kind === 'queue') database.write(holdAll);
    if (db.kind === 'directory') database.write(() => keepBoots(replaced?.boots ?? [], parts.bootId, now));
  } finally {
    // Closing the only handle moves the WAL into the file and syncs it.
    database.close();
  }
  await syncFile(staged);
}

async function bringBodies(layout: Layout, source: Backup, id: AccountId): Promise<void> {
  const folder = accountFolder(layout, id);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  for (let path = folder; path.length >= layout.data.length; path = dirname(path)) await syncFolder(path);
  const from = join(accountFolder(source, id), 'blobs');
  await linkAll(await namesIn(from), from, join(folder, 'blobs'));
  await syncFolder(folder);
}

async function bringQueued(layout: Layout, source: Backup): Promise<void> {
  const from = join(source.queueFolder, 'blobs');
  await linkAll(await namesIn(from), from, join(layout.queueFolder, 'blobs'));
  await syncFolder(layout.queueFolder);
}

/** Moves an account's folder to where nothing looks at it, and nothing is lost. */
async function setFolderAside(parts: RestoreParts, id: AccountId): Promise<string> {
  const target = join(parts.layout.data, 'set-aside', `${parts.now()}-${id}`);
  await mkdir(dirname(target), { recursive: true, mode: 0o700 });
  await parts.engine.exclusively({ kind: 'account', id }, () => rename(accountFolder(parts.layout, id), target));
  await syncFolder(dirname(target));
  await syncFolder(parts.layout.data);
  return target;
}

/** An account in a backup of any release. */
function* namedAt({ local, domain }: Address): Op<Omit<NamedRow, 'hash'> | undefined> {
  return yield* one(`SELECT id, local, domain, quota FROM mail_account WHERE domain = $1 AND local = $2`, [
    domain,
    local,
  ]);
}

/** Null: nobody logs in to it. */
function* passwordOf(id: AccountId): Op<string | null> {
  const row = yield* one<{ hash: string }>(`SELECT hash FROM credential WHERE owner = $1 AND kind = 'password'`, [id]);
  return row?.hash ?? null;
}

interface NamedRow {
  readonly id: AccountId;
  readonly local: string;
  readonly domain: string;
  readonly quota: number | null;
  readonly hash: string | null;
}

/** Names a restored account that had been removed, and its domain. */
function* nameAgain({ id, local, domain, quota, hash }: NamedRow, now: number): Op<void> {
  if ((yield* accountById(id)) !== undefined) return;
  if ((yield* domainRow(domain)) === undefined) yield* addDomain(domain, now);
  yield* addAccount({ id, address: { local, domain }, hash, scram: null, quota, now });
}

interface StoredBoot extends BootRow {
  readonly started: number;
}

function* bootRows(): Op<StoredBoot[]> {
  return yield* all<StoredBoot>('SELECT id, started, clean FROM boot ORDER BY started DESC LIMIT 1000');
}

/** The boots are of this machine, not of the backup: those that were known stay known, and this one goes on. */
function* keepBoots(boots: readonly StoredBoot[], current: string, now: number): Op<void> {
  for (const { id, started, clean } of [...boots, { id: current, started: now, clean: 0 }]) {
    yield* run(
      `INSERT INTO boot (id, started, clean) VALUES ($1, $2, $3)
       ON CONFLICT (id) DO UPDATE SET started = excluded.started, clean = excluded.clean`,
      [id, started, clean],
    );
  }
}
