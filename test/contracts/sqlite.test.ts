// The contract suite against the SQLite engine; and every statement that it ran is asked for its query plan.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import Sqlite from 'better-sqlite3';
import { pino } from 'pino';
import { afterAll, describe, expect, test } from 'vitest';
import { bulkOperation } from '#storage/account/bulk.ts';
import { Housekeeping } from '#storage/background/housekeeping.ts';
import { QUEUE_OWNER } from '#storage/blobs/port.ts';
import { compile } from '#storage/engines/parameters.ts';
import type { DatabaseKey, Engine } from '#storage/engines/port.ts';
import { SqliteEngine } from '#storage/engines/sqlite/engine.ts';
import { layoutOf } from '#storage/engines/sqlite/layout.ts';
import type { Op } from '#storage/operation.ts';
import { STEPS, stepScript } from '#storage/schema/steps.ts';
import type { Finding } from '#storage/verify/finding.ts';
import { verify } from '#storage/verify/verify.ts';
import { type TemporaryFolder, temporaryFolder } from '#test/support/folder.ts';
import { composeStore, NO_SYNC, openSqlStore } from '#test/support/sql-store.ts';
import { contracts } from './contracts.ts';

const seen = { account: new Set<string>(), directory: new Set<string>(), queue: new Set<string>() };

/** Drives an operation and notes its statements. */
function* watched<T>(db: DatabaseKey, op: Op<T>): Op<T> {
  for (let step = op.next(); ; ) {
    if (step.done) return step.value;
    seen[db.kind].add(step.value.sql);
    step = op.next(yield step.value);
  }
}

/** An engine that notes every statement. */
function watching(engine: Engine): Engine {
  return {
    read: (db, op) => engine.read(db, () => watched(db, op())),
    write: (db, op) => engine.write(db, () => watched(db, op())),
    series: <T>(db: DatabaseKey, next: (last: T | undefined) => (() => Op<T>) | undefined) =>
      engine.series<T>(db, (last) => {
        const op = next(last);
        return op === undefined ? undefined : () => watched(db, op());
      }),
    bulk: <T>(db: DatabaseKey, name: string, args: unknown) => {
      const op = bulkOperation(name, structuredClone(args)) as () => Op<T>;
      return engine.write(db, () => watched(db, op()));
    },
    createAccount: (id) => engine.createAccount(id),
    destroyAccount: (id) => engine.destroyAccount(id),
    generation: (db) => engine.generation(db),
    subscribe: (db, wake) => engine.subscribe(db, wake),
    close: () => engine.close(),
  };
}

const BOOT = 'the boot of the contracts';
const folders: TemporaryFolder[] = [];
afterAll(async () => {
  for (const folder of folders) await folder[Symbol.asyncDispose]();
});

contracts('SQLite', async () => {
  const folder = await temporaryFolder();
  folders.push(folder);
  const store = await openSqlStore(folder.path, { sync: NO_SYNC, bootId: BOOT });
  return composeStore(watching(store.engine), store.blobs);
});

test('verify finds nothing wrong with what the contracts left', async () => {
  for (const { path } of folders) {
    await using store = await openSqlStore(path, { sync: NO_SYNC, bootId: BOOT });
    const { engine, blobs } = store;
    if (!(engine instanceof SqliteEngine)) throw new Error('another engine');
    const { signal } = new AbortController();
    // What the queue asks for when messages have gone.
    const housekeeping = new Housekeeping({ engine, blobs, log: pino({ level: 'silent' }), now: Date.now, signal });
    housekeeping.sweepLoose(QUEUE_OWNER);
    await housekeeping.looseSwept();
    const findings: Finding[] = [];
    for await (const finding of verify({ engine, blobs, layout: layoutOf(path), signal })) findings.push(finding);
    expect(findings).toEqual([]);
  }
});

/**
 * The steps of a plan that narrow a table by no more than the account, which in an account's own file is one value and
 * narrows nothing (DESIGN 4). A plan calls a table by its alias in the statement.
 */
function wideSteps(database: Sqlite.Database, sql: string): string[] {
  const { sql: text, count, order } = compile(sql);
  const args = Array.from({ length: order?.length ?? count }, () => 1);
  const rows = database.prepare(`EXPLAIN QUERY PLAN ${text}`).all(...args) as { detail: string }[];
  return rows.map((row) => row.detail).filter((detail) => isWide(detail, sql));
}

function isWide(detail: string, sql: string): boolean {
  const [, kind, name = ''] = /^(SCAN|SEARCH) (\w+)/.exec(detail) ?? [];
  if (kind === undefined) return false;
  // The counter has one row an account; what has brackets in the statement is a result, not a table.
  const isCounter = name === 'counter' || new RegExp(`\\bcounter ${name}\\b`).test(sql);
  const isResult = new RegExp(`\\) AS ${name}\\b|\\bWITH RECURSIVE ${name}\\b|\\b${name} b JOIN\\b`).test(sql);
  if (isCounter || isResult || name === 'CONSTANT' || detail.includes('(subquery')) return false;
  return kind === 'SCAN' ? !sql.includes('below b JOIN') : /\(account=\?\)|\bANY\(/.test(detail);
}

/** Looks for the first row of a table, and what is meant for all rows of a small one or of a queue that was restored. */
const MEANT = [
  'SELECT epoch FROM epoch LIMIT 1',
  'SELECT id FROM message LIMIT 1',
  'SELECT at FROM mark WHERE account = $1 ORDER BY at DESC LIMIT 1',
  "UPDATE queued_recipient SET state = 'held' WHERE state = 'waiting'",
  'SELECT expires FROM sts_policy ORDER BY expires DESC LIMIT 1 OFFSET 10',
];

/** The statements of the operations, a bound's name in them being a number. */
function statementsInSources(): Set<string> {
  const storage = join(import.meta.dirname, '../../storage');
  const found = new Set<string>();
  for (const file of readdirSync(storage, { recursive: true, encoding: 'utf8' })) {
    // What verify, backups and the index ask for is meant for whole files.
    if (!file.endsWith('.ts') || /^(verify|schema|engines|search|backup)\//.test(file)) continue;
    const text = readFileSync(join(storage, file), 'utf8');
    const head = String.raw`\s*(?:SELECT|INSERT INTO|UPDATE|DELETE FROM|WITH)\s`;
    const literals = new RegExp(`\`(${head}[^\`]*)\`|'(${head}[^']*)'|"(${head}[^"]*)"`, 'g');
    for (const [, template, single, double] of text.matchAll(literals)) {
      const sql = (template ?? single ?? double ?? '').replaceAll(/\s+/g, ' ').trim();
      found.add(sql.replaceAll(/(LIMIT|OFFSET) \$\{[A-Z_]+(?: \+ 1)?\}/g, '$1 10'));
    }
  }
  return found;
}

/** Is this a statement of that kind of database, and whole? */
function isPrepared(database: Sqlite.Database, sql: string): boolean {
  try {
    return database.prepare(compile(sql).sql) !== null;
  } catch {
    return false;
  }
}

describe('query plans', () => {
  test.each(['account', 'directory', 'queue'] as const)(
    'every statement of the %s narrows by more than the account',
    (kind) => {
      using database = Object.assign(new Sqlite(':memory:'), { [Symbol.dispose]: () => database.close() });
      for (const files of STEPS[kind]) database.exec(stepScript(files));
      expect(seen[kind].size).toBeGreaterThan({ account: 80, directory: 30, queue: 30 }[kind]);
      const wide = [...seen[kind]].flatMap((sql) => wideSteps(database, sql).map((step) => `${step} of ${sql}`));
      expect(wide).toEqual([]);
    },
  );

  test('every statement that stands whole in the sources narrows by more than the account, run by the contracts or not', () => {
    using stack = new DisposableStack();
    const databases = (['account', 'directory', 'queue'] as const).map((kind) => {
      const database = stack.adopt(new Sqlite(':memory:'), (opened) => opened.close());
      for (const files of STEPS[kind]) database.exec(stepScript(files));
      return database;
    });
    const statements = statementsInSources();
    const planned = new Set<string>();
    const wide: string[] = [];
    for (const sql of statements) {
      for (const database of databases) {
        if (!isPrepared(database, sql)) continue;
        planned.add(sql);
        wide.push(...wideSteps(database, sql).map((step) => `${step} of ${sql}`));
      }
    }
    expect(planned.size).toBeGreaterThan(200);
    expect([...new Set(wide)].filter((step) => !MEANT.some((sql) => step.endsWith(` of ${sql}`)))).toEqual([]);
  });

  test('the check would see a wide statement', () => {
    using database = Object.assign(new Sqlite(':memory:'), { [Symbol.dispose]: () => database.close() });
    for (const files of STEPS.account) database.exec(stepScript(files));
    const bad = [
      'SELECT id FROM message WHERE account = $1 AND size = $2',
      'SELECT uid FROM placement WHERE account = $1 AND uid = $2',
      'SELECT p.uid FROM placement p JOIN message m ON m.id = p.message WHERE m.preview = $1',
    ];
    for (const sql of bad) expect([sql, wideSteps(database, sql).length > 0]).toEqual([sql, true]);
  });
});
