// `posthuis backup DIR`, also under a running server: each account's database as it is at one moment, its bodies by hard
// link or copy, and the directory last, so that it names no account that is not there.

import { mkdir, readdir, rm } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { accountNames } from '../directory/changes.ts';
import { Database } from '../engines/sqlite/database.ts';
import type { SqliteEngine } from '../engines/sqlite/engine.ts';
import { accountFolder, type Layout, layoutOf } from '../engines/sqlite/layout.ts';
import { StoreError } from '../errors.ts';
import { all, MAX_ROWS, type Op } from '../operation.ts';
import type { AccountId } from '../ports.ts';
import { emptyFolder, linkAll, namesIn, syncFile, syncFolder, writeManifest } from './files.ts';

/** Times that an account is copied anew because bodies were swept meanwhile, and the directory because accounts went. */
const TRIES = 5;

export interface BackupReport {
  readonly accounts: number;
  /** Accounts that could not be copied, and why; the others are whole. */
  readonly damaged: readonly { readonly account: string; readonly address: string; readonly reason: string }[];
}

interface BackupParts {
  readonly engine: SqliteEngine;
  readonly layout: Layout;
  readonly signal: AbortSignal;
}

/** An account as the directory names it. */
export interface NamedAccount {
  readonly id: AccountId;
  readonly address: string;
}

/** Writes a backup into an empty folder. Errors: exists, no-space. */
export async function backUp(parts: BackupParts, folder: string, now: number): Promise<BackupReport> {
  const target = layoutOf(resolve(folder));
  await emptyFolder(target.data);
  await mkdir(target.accounts, { mode: 0o700 });
  const copied = new Set<AccountId>();
  const damaged = new Map<AccountId, { account: string; address: string; reason: string }>();
  const copyMissing = async (accounts: readonly NamedAccount[]): Promise<void> => {
    for (const { id, address } of accounts) {
      if (copied.has(id) || damaged.has(id)) continue;
      parts.signal.throwIfAborted();
      try {
        await copyAccount(parts, target, id);
        copied.add(id);
      } catch (error) {
        if (!(error instanceof StoreError) || !['corrupt', 'newer', 'not-found'].includes(error.code)) throw error;
        damaged.set(id, { account: id, address, reason: error.message });
      }
    }
  };
  await copyMissing(await parts.engine.read({ kind: 'directory' }, allAccounts));
  await copyQueue(parts, target);
  const named = await copyDirectory(parts, target, copyMissing);
  for (const id of [...copied, ...damaged.keys()]) {
    if (named.some((account) => account.id === id)) continue;
    // Removed while the backup was made.
    await rm(accountFolder(target, id), { recursive: true, force: true });
    copied.delete(id);
    damaged.delete(id);
  }
  for (const prefix of await readdir(target.accounts)) await syncFolder(join(target.accounts, prefix));
  await syncFolder(target.accounts);
  await writeManifest(target.data, { made: new Date(now).toISOString(), accounts: copied.size });
  await syncFolder(dirname(target.data));
  return { accounts: copied.size, damaged: [...damaged.values()] };
}

/** Copies the directory; again, if it names accounts that came and went before they could be copied. */
async function copyDirectory(
  parts: BackupParts,
  target: Layout,
  copyMissing: (accounts: readonly NamedAccount[]) => Promise<void>,
): Promise<readonly NamedAccount[]> {
  for (let tries = 1; ; tries++) {
    await copyDatabase(parts, 'directory', target.directory);
    const named = readCopy(target.directory, allAccounts);
    await copyMissing(named);
    const now = new Set((await parts.engine.read({ kind: 'directory' }, allAccounts)).map(({ id }) => id));
    if (tries === TRIES || named.every(({ id }) => now.has(id))) return named;
    await rm(target.directory);
  }
}

/** The queue with its large bodies: before and after, as with an account. One that is sent meanwhile is missed by nobody. */
async function copyQueue(parts: BackupParts, target: Layout): Promise<void> {
  const [from, to] = [join(parts.layout.queueFolder, 'blobs'), join(target.queueFolder, 'blobs')];
  await mkdir(target.queueFolder, { mode: 0o700 });
  await linkAll(await namesIn(from), from, to);
  await copyDatabase(parts, 'queue', target.queue);
  await linkAll(await namesIn(from), from, to);
  await syncFolder(target.queueFolder);
}

async function copyDatabase({ engine }: BackupParts, kind: 'directory' | 'queue', file: string): Promise<void> {
  await engine.copyTo({ kind }, file);
  await syncFile(file);
}

async function copyAccount(parts: BackupParts, target: Layout, id: AccountId): Promise<void> {
  const folder = accountFolder(target, id);
  const [file, blobs] = [join(folder, 'mail.db'), join(folder, 'blobs')];
  const source = join(accountFolder(parts.layout, id), 'blobs');
  await mkdir(folder, { recursive: true, mode: 0o700 });
  for (let tries = 1; ; tries++) {
    // Before and after: what the copy names was there when it was made.
    await linkAll(await namesIn(source), source, blobs);
    await parts.engine.copyTo({ kind: 'account', id }, file);
    await linkAll(await namesIn(source), source, blobs);
    const named = readCopy(file, () => namedBlobs(id));
    const there = new Set(await namesIn(blobs));
    if (named.isSubsetOf(there)) {
      for (const name of there.difference(named)) await rm(join(blobs, name));
      break;
    }
    // Bodies were swept meanwhile, with the messages that named them; or they are missing, which verify says.
    if (tries === TRIES) break;
    await rm(file);
  }
  await syncFile(file);
  await syncFolder(folder);
}

/** Reads from a copy, which no engine has open. */
export function readCopy<T>(file: string, op: () => Op<T>): T {
  const database = new Database({ file, busyTimeout: 0, readonly: true });
  try {
    return database.read(op);
  } finally {
    database.close();
  }
}

/** Every account of a directory. */
export function* allAccounts(): Op<NamedAccount[]> {
  const accounts: NamedAccount[] = [];
  for (let after = ''; ; ) {
    const page = yield* accountNames(after, MAX_ROWS);
    for (const { id, local, domain } of page) accounts.push({ id, address: `${local}@${domain}` });
    const last = page.at(-1);
    if (last === undefined) return accounts;
    after = last.id;
  }
}

function* namedBlobs(account: AccountId): Op<Set<string>> {
  const names = new Set<string>();
  for (let after = ''; ; ) {
    const page = yield* all<{ blob: string }>(
      `SELECT DISTINCT blob FROM message WHERE account = $1 AND blob > $2 ORDER BY blob LIMIT ${MAX_ROWS}`,
      [account, after],
    );
    for (const { blob } of page) names.add(blob);
    const last = page.at(-1);
    if (last === undefined) return names;
    after = last.blob;
  }
}
