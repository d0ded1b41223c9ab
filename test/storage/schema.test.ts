// The runner of migrations: every step once and in order, an older file brought up to date, a newer one refused.
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect, test } from 'vitest';
import { Database } from '#storage/engines/sqlite/database.ts';
import { all } from '#storage/operation.ts';
import { migrate, STEPS } from '#storage/schema/steps.ts';
import { temporaryFolder } from '#test/support/folder.ts';

test('an older file gets the steps that it has not had, in order, and a newer one is refused', async () => {
  await using folder = await temporaryFolder();
  const step = async (name: string, sql: string) => {
    await writeFile(join(folder.path, name), sql);
    return [pathToFileURL(join(folder.path, name)).href];
  };
  const first = await step('001.sql', 'CREATE TABLE t (a INTEGER NOT NULL) STRICT; INSERT INTO t VALUES (1);');
  const second = await step('002.sql', 'ALTER TABLE t ADD COLUMN b INTEGER NOT NULL DEFAULT 7;');
  const third = await step('003.sql', 'UPDATE t SET b = b * a + 1;');
  const bad = await step('004.sql', 'UPDATE t SET b = 99; INSERT INTO nowhere VALUES (1);');
  const steps = (...files: string[][]) => ({ ...STEPS, queue: files });
  const database = new Database({ file: join(folder.path, 'queue.db'), busyTimeout: 0, create: true });
  const rows = () => database.read(() => all('SELECT * FROM t'));
  migrate(database, 'queue', steps(first));
  expect([database.version(), rows()]).toEqual([1, [{ a: 1 }]]);
  for (let times = 0; times < 2; times++) {
    migrate(database, 'queue', steps(first, second, third));
    expect([database.version(), rows()]).toEqual([3, [{ a: 1, b: 8 }]]);
  }
  expect(() => migrate(database, 'queue', steps(first, second, third, bad))).toThrow('nowhere');
  expect([database.version(), rows()]).toEqual([3, [{ a: 1, b: 8 }]]);
  expect(() => migrate(database, 'queue', steps(first))).toThrow(expect.objectContaining({ code: 'newer' }));
  database.close();
});

test('a new file of each kind has all tables, and statistics for the planner', async () => {
  await using folder = await temporaryFolder();
  for (const kind of ['account', 'directory', 'queue'] as const) {
    const database = new Database({ file: join(folder.path, `${kind}.db`), busyTimeout: 0, create: true });
    migrate(database, kind);
    expect(database.version()).toBe(STEPS[kind].length);
    expect(database.integrity()).toEqual([]);
    const tables = database.read(() => all<{ name: string }>("SELECT name FROM sqlite_schema WHERE type = 'table'"));
    expect(tables.map(({ name }) => name)).toContain('counter');
    if (kind === 'account') expect(database.read(() => all('SELECT tbl FROM sqlite_stat1')).length).toBeGreaterThan(10);
    database.close();
  }
});
