// The SQLite engine by itself: transactions, the group commit, generations, errors, the budget of handles.
import { existsSync, statSync } from 'node:fs';
import { truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import { compile } from '#storage/engines/parameters.ts';
import type { SqliteEngine } from '#storage/engines/sqlite/engine.ts';
import { accountFolder, layoutOf } from '#storage/engines/sqlite/layout.ts';
import { createStoreShared } from '#storage/engines/sqlite/shared.ts';
import type { SyncCalls } from '#storage/engines/sqlite/wal-sync.ts';
import { StoreError } from '#storage/errors.ts';
import { all, type Op, one, run } from '#storage/operation.ts';
import { engineOn } from '#test/support/engine.ts';
import { temporaryFolder } from '#test/support/folder.ts';

const ID = 'a000000000000001';
const ACCOUNT = { kind: 'account', id: ID } as const;

function* subscribe(name: string): Op<void> {
  yield* run('INSERT INTO subscription (account, owner, name) VALUES ($1, $1, $2)', [ID, name]);
}

function* names(): Op<string[]> {
  const rows = yield* all<{ name: string }>('SELECT name FROM subscription WHERE account = $1 ORDER BY name', [ID]);
  return rows.map((row) => row.name);
}

test('what is written is read by another thread’s engine, and the generation was raised for both', async () => {
  await using folder = await temporaryFolder();
  const shared = createStoreShared();
  await using one = engineOn(folder.path, { shared });
  await using two = engineOn(folder.path, { shared });
  await one.createAccount(ID);
  const before = two.generation(ACCOUNT);
  const woken = Promise.withResolvers<void>();
  using _here = two.subscribe(ACCOUNT, woken.resolve);
  await one.write(ACCOUNT, () => subscribe('INBOX'));
  expect(two.generation(ACCOUNT)).toBe(before + 1);
  expect(await two.read(ACCOUNT, names)).toEqual(['INBOX']);
  await woken.promise;
});

test('a failing operation leaves nothing, and its own error comes back', async () => {
  await using folder = await temporaryFolder();
  await using engine = engineOn(folder.path);
  await engine.createAccount(ID);
  const before = engine.generation(ACCOUNT);
  await expect(
    engine.write(ACCOUNT, function* () {
      yield* subscribe('INBOX');
      throw new StoreError('over-quota', 'full');
    }),
  ).rejects.toMatchObject({ code: 'over-quota' });
  expect(await engine.read(ACCOUNT, names)).toEqual([]);
  expect(engine.generation(ACCOUNT)).toBe(before);
});

test('the planner never sees the value of a parameter, so that no binding prepares a statement again', () => {
  expect(compile("SELECT a FROM t WHERE b = $2 AND c = '$1' LIMIT $1")).toEqual({
    sql: "SELECT a FROM t WHERE b = likely(?) AND c = '$1' LIMIT likely(?)",
    ...{ count: 2, order: [1, 0] },
  });
  expect(compile('INSERT INTO t (a) VALUES ($1)').sql).toBe('INSERT INTO t (a) VALUES (?)');
});

test('parameters go by their number, undefined and booleans are refused', async () => {
  await using folder = await temporaryFolder();
  await using engine = engineOn(folder.path);
  await engine.createAccount(ID);
  const row = await engine.read(ACCOUNT, () => one("SELECT $2 AS b, $1 AS a, $2 || '$1' AS c", [1, 'x']));
  expect(row).toEqual({ b: 'x', a: 1, c: 'x$1' });
  for (const bad of [undefined, true, Number.NaN, 1n]) {
    await expect(engine.read(ACCOUNT, () => one('SELECT $1 AS a', [bad as never]))).rejects.toMatchObject({
      name: 'StoreError',
      cause: { name: 'TypeError' },
    });
  }
  await expect(engine.read(ACCOUNT, () => one('SELECT $1 AS a', [1, 2]))).rejects.toThrow('1 parameters wanted');
});

test('a statement that returns more than the most rows is a mistake of the program', async () => {
  await using folder = await temporaryFolder();
  await using engine = engineOn(folder.path);
  await engine.createAccount(ID);
  const count = (n: number) =>
    engine.read(ACCOUNT, () =>
      all('WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c WHERE x < $1) SELECT x FROM c', [n]),
    );
  expect(await count(2000)).toHaveLength(2000);
  await expect(count(2001)).rejects.toThrow('more than 2000 rows');
});

test('SQLite syncs nothing by itself, on our thread, for a log that is still empty, and does for any other', async () => {
  await using folder = await temporaryFolder();
  const shared = createStoreShared();
  await using one = engineOn(folder.path, { shared });
  await using two = engineOn(folder.path, { shared });
  await one.createAccount(ID);
  function* level(): Op<unknown> {
    yield* subscribe('x');
    yield* run('DELETE FROM subscription');
    return yield* all('PRAGMA synchronous');
  }
  const [OFF, NORMAL] = [[{ synchronous: 0 }], [{ synchronous: 1 }]];
  // One that fails leaves the log as it was.
  const fails = function* (): Op<void> {
    yield* subscribe('x');
    yield* run('DELETE FROM nothing');
  };
  await expect(one.write(ACCOUNT, fails)).rejects.toThrow();
  expect(await one.read(ACCOUNT, () => all('PRAGMA synchronous'))).toEqual(NORMAL);
  expect(await one.write(ACCOUNT, level)).toEqual(OFF);
  expect(await one.write(ACCOUNT, level)).toEqual(NORMAL);
  expect(await two.write(ACCOUNT, level)).toEqual(NORMAL);
});

test('a log is moved into its database only once its name is durable', async () => {
  await using folder = await temporaryFolder();
  const shared = createStoreShared();
  const stalled = Promise.withResolvers<void>();
  const folderSync = Promise.withResolvers<void>();
  const sync: SyncCalls = {
    file: () => Promise.resolve(),
    folder: () => {
      folderSync.resolve();
      return stalled.promise;
    },
  };
  await using writer = engineOn(folder.path, { shared });
  await writer.createAccount(ID);
  await using background = engineOn(folder.path, { shared, sync });
  const text = 'x'.repeat(4_000);
  const fill = function* (): Op<void> {
    for (let row = 0; row < 1_000; row++) yield* subscribe(`${row} ${text}`);
  };
  await writer.write(ACCOUNT, fill);
  const file = join(accountFolder(layoutOf(folder.path), ID), 'mail.db');
  const before = statSync(file).size;
  const checkpoint = background.checkpoint(ACCOUNT);
  await folderSync.promise;
  expect(statSync(file).size).toBe(before);
  stalled.resolve();
  await checkpoint;
  expect(statSync(file).size).toBeGreaterThan(before + 3_000_000);
});

test('nothing is acknowledged while the sync stalls, and an error comes when it fails', async () => {
  await using folder = await temporaryFolder();
  const stalled = Promise.withResolvers<void>();
  let stall = false;
  const fatal = Promise.withResolvers<Error>();
  const sync: SyncCalls = {
    file: () => (stall ? stalled.promise : Promise.resolve()),
    folder: () => Promise.resolve(),
  };
  await using engine = engineOn(folder.path, { sync, fatal: fatal.resolve });
  await engine.createAccount(ID);
  await engine.write(ACCOUNT, () => subscribe('before'));
  const generation = engine.generation(ACCOUNT);
  stall = true;
  const answers: string[] = [];
  const writes = ['a', 'b', 'c'].map((name) =>
    engine
      .write(ACCOUNT, () => subscribe(name))
      .then(
        () => answers.push('ok'),
        (error: StoreError) => answers.push(error.code),
      ),
  );
  await new Promise((resolve) => setTimeout(resolve, 100));
  // Visible, and not acknowledged; the others wait for the sync to begin together.
  expect(await engine.read(ACCOUNT, names)).toEqual(['a', 'before']);
  expect(answers).toEqual([]);
  stalled.reject(Object.assign(new Error('EIO: i/o error, fdatasync'), { code: 'EIO' }));
  await Promise.all(writes);
  expect(answers).toEqual(['unavailable', 'unavailable', 'unavailable']);
  expect(engine.generation(ACCOUNT)).toBe(generation);
  expect((await fatal.promise).message).toContain('EIO');
  await expect(engine.write(ACCOUNT, () => subscribe('d'))).rejects.toMatchObject({ code: 'unavailable' });
  await expect(engine.read(ACCOUNT, names)).rejects.toMatchObject({ code: 'unavailable' });
});

test('a write that finds its work done by a commit that is not yet synced waits for a sync too', async () => {
  await using folder = await temporaryFolder();
  const stalled = Promise.withResolvers<void>();
  const shared = createStoreShared();
  const slow: SyncCalls = { file: () => stalled.promise, folder: () => Promise.resolve() };
  let synced = 0;
  const counted: SyncCalls = {
    file: async () => {
      synced++;
    },
    folder: () => Promise.resolve(),
  };
  await using other = engineOn(folder.path, { shared, sync: counted });
  await other.createAccount(ID);
  await using engine = engineOn(folder.path, { shared, sync: slow });
  const first = engine.write(ACCOUNT, () => subscribe('INBOX'));
  while ((await other.read(ACCOUNT, names)).length === 0);
  const retry = () => run('DELETE FROM subscription WHERE account = $1 AND name = $2', [ID, 'absent']);
  await other.write(ACCOUNT, retry);
  expect(synced).toBe(1);
  stalled.resolve();
  await first;
  await other.write(ACCOUNT, retry);
  expect(synced).toBe(1);
});

function* refused(): Op<void> {
  yield* subscribe('refused');
  throw new StoreError('over-quota', 'full');
}

/** A series that subscribes to these names, each in an operation of its own. */
function subscribing(engine: SqliteEngine, names: readonly string[]): Promise<void> {
  const rest = [...names];
  return engine.series<void>(ACCOUNT, () => {
    const name = rest.shift();
    return name === undefined ? undefined : () => subscribe(name);
  });
}

test('a series goes on while the sync of what it did stalls, not without end, and is answered when all is durable', async () => {
  await using folder = await temporaryFolder();
  const stalls: (() => void)[] = [];
  let stall = false;
  const sync: SyncCalls = {
    file: () => (stall ? new Promise((resolve) => stalls.push(resolve)) : Promise.resolve()),
    folder: () => Promise.resolve(),
  };
  await using engine = engineOn(folder.path, { sync });
  await engine.createAccount(ID);
  await engine.write(ACCOUNT, () => subscribe('0'));
  const generation = engine.generation(ACCOUNT);
  stall = true;
  const answers: string[] = [];
  const series = subscribing(engine, ['1', '2', '3', '4', '5', '6']).then(() => answers.push('series'));
  while ((await engine.read(ACCOUNT, names)).length < 5) await new Promise(setImmediate);
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect(await engine.read(ACCOUNT, names)).toEqual(['0', '1', '2', '3', '4']);
  expect(engine.generation(ACCOUNT)).toBe(generation);
  stalls.shift()?.();
  while ((await engine.read(ACCOUNT, names)).length < 6) await new Promise(setImmediate);
  expect(engine.generation(ACCOUNT)).toBe(generation + 1);
  expect(answers).toEqual([]);
  stall = false;
  for (const resolve of stalls) resolve();
  await series;
  expect(engine.generation(ACCOUNT)).toBe(generation + 6);
});

test('where an operation of a series fails, those before it stay and are durable when the error comes', async () => {
  await using folder = await temporaryFolder();
  let begun = 0;
  let syncs = 0;
  const sync: SyncCalls = {
    file: async () => {
      begun++;
      await new Promise((resolve) => setTimeout(resolve, 20));
      syncs++;
    },
    folder: () => Promise.resolve(),
  };
  await using engine = engineOn(folder.path, { sync });
  await engine.createAccount(ID);
  await engine.write(ACCOUNT, () => subscribe('0'));
  begun = 0;
  syncs = 0;
  const ops = [() => subscribe('1'), () => subscribe('2'), refused, () => subscribe('3')];
  await expect(engine.series(ACCOUNT, () => ops.shift())).rejects.toMatchObject({ code: 'over-quota' });
  // The one that is refused waits for a sync of its own if the second is not durable when it comes.
  expect([2, 3]).toContain(syncs);
  expect(begun).toBe(syncs);
  expect(await engine.read(ACCOUNT, names)).toEqual(['0', '1', '2']);
});

test('a series whose sync fails is not answered', async () => {
  await using folder = await temporaryFolder();
  let fail = false;
  const fatal = Promise.withResolvers<Error>();
  const sync: SyncCalls = {
    file: () => (fail ? Promise.reject(new Error('EIO: i/o error, fdatasync')) : Promise.resolve()),
    folder: () => Promise.resolve(),
  };
  await using engine = engineOn(folder.path, { sync, fatal: fatal.resolve });
  await engine.createAccount(ID);
  await engine.write(ACCOUNT, () => subscribe('0'));
  fail = true;
  await expect(subscribing(engine, ['1', '2', '3', '4', '5', '6'])).rejects.toMatchObject({ code: 'unavailable' });
  expect((await fatal.promise).message).toContain('EIO');
});

test('two writers at once share a sync', async () => {
  await using folder = await temporaryFolder();
  let syncs = 0;
  const sync: SyncCalls = {
    file: async () => {
      syncs++;
      await new Promise((resolve) => setTimeout(resolve, 20));
    },
    folder: () => Promise.resolve(),
  };
  await using engine = engineOn(folder.path, { sync });
  await engine.createAccount(ID);
  // A slow machine would have more batches, and a sync for each: they are bounded in time.
  using _clock = vi.spyOn(performance, 'now').mockReturnValue(0);
  await Promise.all(Array.from({ length: 50 }, (_, i) => engine.write(ACCOUNT, () => subscribe(`m${i}`))));
  expect(syncs).toBeLessThanOrEqual(4);
  expect(await engine.read(ACCOUNT, names)).toHaveLength(50);
});

test('of operations that are run together one that fails leaves the others as they are', async () => {
  await using folder = await temporaryFolder();
  await using engine = engineOn(folder.path);
  await engine.createAccount(ID);
  const outcomes = await Promise.allSettled(
    Array.from({ length: 30 }, (_, i) =>
      engine.write(ACCOUNT, function* () {
        yield* subscribe(`m${String(i).padStart(2, '0')}`);
        if (i % 10 === 7) throw new StoreError('over-quota', 'full');
        if (i % 10 === 9) yield* run('INSERT INTO nowhere VALUES (1)');
        return i;
      }),
    ),
  );
  expect(outcomes.map((outcome) => outcome.status === 'fulfilled')).toEqual(
    outcomes.map((_, i) => i % 10 !== 7 && i % 10 !== 9),
  );
  expect(outcomes[8]).toEqual({ status: 'fulfilled', value: 8 });
  expect(outcomes[17]).toMatchObject({ reason: { code: 'over-quota' } });
  expect(await engine.read(ACCOUNT, names)).toHaveLength(24);
});

test('many slow operations at once are several batches, between which the event loop turns', async () => {
  await using folder = await temporaryFolder();
  let batches = 0;
  const sync: SyncCalls = {
    file: async () => {
      batches++;
    },
    folder: () => Promise.resolve(),
  };
  await using engine = engineOn(folder.path, { sync });
  await engine.createAccount(ID);
  const slow = function* (name: string): Op<void> {
    for (let n = 0; n < 10; n++) {
      yield* all('WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c WHERE x < 2000) SELECT x FROM c');
    }
    yield* subscribe(name);
  };
  await Promise.all(Array.from({ length: 60 }, (_, i) => engine.write(ACCOUNT, () => slow(`m${i}`))));
  expect(batches).toBeGreaterThan(5);
});

test('handles past the budget are closed, the ones used longest ago first, and open again when needed', async () => {
  await using folder = await temporaryFolder();
  const shared = createStoreShared();
  await using engine = engineOn(folder.path, { shared, handles: 3 });
  const open = new Int32Array(shared.handles);
  const ids = Array.from({ length: 10 }, (_, i) => `b00000000000000${i}`);
  for (const id of ids) {
    await engine.createAccount(id);
    await engine.write({ kind: 'account', id }, () =>
      run("INSERT INTO subscription (account, owner, name) VALUES ($1, $1, 'x')", [id]),
    );
  }
  await expect.poll(() => open[0]).toBe(3);
  const layout = layoutOf(folder.path);
  const wals = ids.map((id) => existsSync(join(accountFolder(layout, id), 'mail.db-wal')));
  expect(wals).toEqual([...Array(7).fill(false), true, true, true]);
  for (const id of ids) {
    const rows = await engine.read({ kind: 'account', id }, () => all('SELECT name FROM subscription'));
    expect(rows).toEqual([{ name: 'x' }]);
  }
});

test('a handle in use is not closed', async () => {
  await using folder = await temporaryFolder();
  const shared = createStoreShared();
  const stalled = Promise.withResolvers<void>();
  let stall = false;
  const sync: SyncCalls = {
    file: () => (stall ? stalled.promise : Promise.resolve()),
    folder: () => Promise.resolve(),
  };
  await using engine = engineOn(folder.path, { shared, handles: 1, sync });
  const other = { kind: 'account', id: 'c000000000000001' } as const;
  await engine.createAccount(ID);
  await engine.createAccount(other.id);
  stall = true;
  const write = engine.write(ACCOUNT, () => subscribe('INBOX'));
  await engine.read(other, () => all('SELECT 1 AS x'));
  await engine.read(other, () => all('SELECT 1 AS x'));
  expect(existsSync(join(accountFolder(layoutOf(folder.path), ID), 'mail.db-wal'))).toBe(true);
  stalled.resolve();
  await write;
  expect(await engine.read(ACCOUNT, names)).toEqual(['INBOX']);
});

test('a handle that an operation takes while it is about to be closed stays open', async () => {
  await using folder = await temporaryFolder();
  const shared = createStoreShared();
  await using engine = engineOn(folder.path, { shared });
  await using other = engineOn(folder.path, { shared });
  await engine.createAccount(ID);
  await engine.touch(ACCOUNT);
  const begun = Promise.withResolvers<void>();
  const held = Promise.withResolvers<void>();
  const locked = other.locked(ACCOUNT, () => {
    begun.resolve();
    return held.promise;
  });
  await begun.promise;
  const closed = engine.closeIdle(-1);
  const written = engine.write(ACCOUNT, () => subscribe('INBOX'));
  await closed;
  held.resolve();
  await Promise.all([locked, written]);
  expect(await engine.read(ACCOUNT, names)).toEqual(['INBOX']);
});

test('a damaged file makes its own account unavailable and no other', async () => {
  await using folder = await temporaryFolder();
  await using engine = engineOn(folder.path);
  const other = { kind: 'account', id: 'c000000000000001' } as const;
  await engine.createAccount(ID);
  await engine.createAccount(other.id);
  await writeFile(join(accountFolder(layoutOf(folder.path), ID), 'mail.db'), 'x'.repeat(8192));
  await expect(engine.read(ACCOUNT, names)).rejects.toMatchObject({ code: 'corrupt' });
  await expect(engine.write(ACCOUNT, () => subscribe('x'))).rejects.toMatchObject({ code: 'corrupt' });
  expect(await engine.read(other, () => all('SELECT 1 AS x'))).toEqual([{ x: 1 }]);
  await truncate(join(accountFolder(layoutOf(folder.path), ID), 'mail.db'), 5000);
  await expect(engine.read(ACCOUNT, names)).rejects.toMatchObject({ code: 'corrupt' });
});

test('an account that does not exist is not found, and one removed is gone', async () => {
  await using folder = await temporaryFolder();
  await using engine = engineOn(folder.path);
  await expect(engine.read(ACCOUNT, names)).rejects.toMatchObject({ code: 'not-found' });
  await engine.createAccount(ID);
  await engine.write(ACCOUNT, () => subscribe('INBOX'));
  await engine.destroyAccount(ID);
  await expect(engine.read(ACCOUNT, names)).rejects.toMatchObject({ code: 'not-found' });
});

test('a full disk is no-space, nothing is lost, and it recovers', async () => {
  await using folder = await temporaryFolder();
  await using engine = engineOn(folder.path);
  await engine.createAccount(ID);
  await engine.write(ACCOUNT, () => subscribe('before'));
  const big = 'x'.repeat(200_000);
  await engine.read(ACCOUNT, () => all('PRAGMA max_page_count = 60'));
  await expect(engine.write(ACCOUNT, () => subscribe(big))).rejects.toMatchObject({ code: 'no-space' });
  expect(await engine.read(ACCOUNT, names)).toEqual(['before']);
  await engine.read(ACCOUNT, () => all('PRAGMA max_page_count = 100000'));
  await engine.write(ACCOUNT, () => subscribe(big));
  expect(await engine.read(ACCOUNT, names)).toEqual(['before', big]);
});
