// `posthuis verify`: every database and every body, also under a running server. Each database is looked at in one read
// transaction; what involves files is looked at twice before it is called wrong.

import { setTimeout as sleep } from 'node:timers/promises';
import type { Blobs } from '../blobs/port.ts';
import { accountNames } from '../directory/changes.ts';
import { accountById } from '../directory/rows.ts';
import type { DatabaseKey } from '../engines/port.ts';
import type { SqliteEngine } from '../engines/sqlite/engine.ts';
import { databaseName, type Layout } from '../engines/sqlite/layout.ts';
import { StoreError } from '../errors.ts';
import { checkBodies, checkUnnamed } from './bodies.ts';
import { ACCOUNT_COUNTERS, CLASSES, COUNTERS } from './counters.ts';
import { type Check, type Finding, type Found, MOST, runChecks } from './finding.ts';
import { checkQueued } from './queued.ts';
import { ACCOUNT_ROWS, DIRECTORY_ROWS, QUEUE_ROWS } from './rows.ts';
import { accountFolders, unknownOf } from './unknown.ts';

/** Accounts read from the directory at a time. */
const PAGE = 500;
/** A folder that an account's row is about to name has been named after this many ms. */
const CREATION = 2_000;

const CHECKS: Readonly<Record<DatabaseKey['kind'], readonly Check[]>> = {
  account: [...COUNTERS, ...CLASSES, ...ACCOUNT_COUNTERS, ...ACCOUNT_ROWS],
  directory: [...COUNTERS, ...CLASSES, ...DIRECTORY_ROWS],
  queue: [...COUNTERS, ...QUEUE_ROWS],
};

export interface VerifyParts {
  readonly engine: SqliteEngine;
  readonly blobs: Blobs;
  readonly layout: Layout;
  readonly signal: AbortSignal;
}

/** Checks everything, and yields what is wrong. */
export async function* verify(parts: VerifyParts): AsyncGenerator<Finding> {
  for (const kind of ['directory', 'queue'] as const) {
    let sound = true;
    for await (const found of verifyDatabase(parts, { kind })) {
      sound &&= found.code !== 'corrupt' && found.code !== 'newer' && found.code !== 'missing-database';
      yield { database: kind, ...found };
    }
    if (kind === 'directory' || !sound) continue;
    for await (const found of most(checkQueued(parts.engine, parts.blobs))) yield { database: kind, ...found };
  }
  for (let after = ''; ; ) {
    const from = after;
    const page = await accountsAfter(parts.engine, from);
    for (const { id, local, domain } of page) {
      parts.signal.throwIfAborted();
      for await (const found of verifyAccount(parts, id)) {
        yield { database: id, address: `${local}@${domain}`, ...found };
      }
    }
    const last = page.at(-1);
    if (last === undefined) break;
    after = last.id;
  }
  yield* unknownFolders(parts);
}

/** The accounts after an id; none if the directory can't be read, which is a finding already. */
async function accountsAfter(engine: SqliteEngine, after: string) {
  try {
    return await engine.read({ kind: 'directory' }, () => accountNames(after, PAGE));
  } catch (error) {
    if (error instanceof StoreError && isOfTheFile(error)) return [];
    throw error;
  }
}

async function* verifyAccount(parts: VerifyParts, id: string): AsyncGenerator<Found> {
  let sound = true;
  for await (const found of verifyDatabase(parts, { kind: 'account', id })) {
    sound &&= found.code !== 'corrupt' && found.code !== 'newer' && found.code !== 'missing-database';
    yield found;
  }
  if (!sound) return;
  try {
    yield* most(checkBodies(parts.engine, parts.blobs, id, parts.signal));
    yield* most(checkUnnamed(parts.engine, parts.blobs, id));
  } catch (error) {
    if (!(error instanceof StoreError && error.code === 'not-found') || !(await isRemoved(parts.engine, id)))
      throw error;
  }
}

/** An account that was removed since the directory was read: what is missing of it is no finding. */
async function isRemoved(engine: SqliteEngine, id: string): Promise<boolean> {
  return (await engine.read({ kind: 'directory' }, () => accountById(id))) === undefined;
}

/** Checks one database file. */
async function* verifyDatabase({ engine }: VerifyParts, db: DatabaseKey): AsyncGenerator<Found> {
  try {
    for (const detail of await engine.integrity(db)) yield { code: 'corrupt', detail };
    yield* await engine.read(db, () => runChecks(CHECKS[db.kind], databaseName(db)));
  } catch (error) {
    if (!(error instanceof StoreError) || !isOfTheFile(error)) throw error;
    const code = error.code === 'not-found' ? 'missing-database' : error.code;
    if (db.kind === 'account' && (await isRemoved(engine, db.id))) return;
    yield { code, detail: error.message };
  }
}

/** True of failures that say something about the file and not about the moment. */
function isOfTheFile(error: StoreError): boolean {
  return error.code === 'corrupt' || error.code === 'newer' || error.code === 'not-found';
}

/** Folders of accounts that the directory does not know. */
async function* unknownFolders({ engine, layout }: VerifyParts): AsyncGenerator<Finding> {
  const unknown = await unknownOf(engine, await accountFolders(layout));
  if (unknown.length === 0) return;
  await sleep(CREATION);
  const now = new Set(await accountFolders(layout));
  for (const id of await unknownOf(engine, unknown)) {
    if (now.has(id))
      yield { database: id, code: 'unknown-account', detail: 'a folder that the directory does not know' };
  }
}

async function* most(findings: AsyncIterable<Found>): AsyncGenerator<Found> {
  let left = MOST;
  for await (const found of findings) {
    if (left-- === 0) return;
    yield found;
  }
}
