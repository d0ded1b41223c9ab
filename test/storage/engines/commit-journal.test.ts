// The journal of commits: one sync for many databases, and what a power cut leaves of them.
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import pino from 'pino';
import { expect, test } from 'vitest';
import { SqliteEngine } from '#storage/engines/sqlite/engine.ts';
import { replayJournals } from '#storage/engines/sqlite/journal-replay.ts';
import { accountFolder, layoutOf } from '#storage/engines/sqlite/layout.ts';
import { createStoreShared, type StoreShared } from '#storage/engines/sqlite/shared.ts';
import { SYSTEM_SYNC, type SyncCalls } from '#storage/engines/sqlite/wal-sync.ts';
import { all, type Op, run } from '#storage/operation.ts';
import { temporaryFolder } from '#test/support/folder.ts';
import { between, seeded } from '#test/support/random.ts';

const log = pino({ level: 'silent' });
const idOf = (n: number): string => `a${String(n).padStart(15, '0')}`;
const accountOf = (n: number) => ({ kind: 'account', id: idOf(n) }) as const;

/** What is on the disk for certain: each file as it was when the last sync of it began. */
class Disk implements SyncCalls {
  readonly files = new Map<string, Buffer>();
  /** Paths, in the order of their syncs. */
  readonly syncs: string[] = [];
  /** Called before each sync. */
  before: (path: string) => Promise<void> | void = () => {};

  async file(fd: number, path: string): Promise<void> {
    await this.before(path);
    this.syncs.push(path);
    const content = readFileSync(path);
    await SYSTEM_SYNC.file(fd, path);
    this.files.set(path, content);
  }

  folder(path: string): Promise<void> {
    return SYSTEM_SYNC.folder(path);
  }

  /** A data directory as a power cut would leave it, with nothing in it of a file that was not synced. */
  cut(data: string, copy: string): void {
    cpSync(data, copy, { recursive: true, filter: (path) => !/-(wal|shm)$/.test(path) && !/journal\/./.test(path) });
    for (const [path, content] of this.files) {
      const there = /journal\//.test(path)
        ? readdirSync(join(data, 'journal')).some((name) => path.endsWith(name))
        : true;
      if (there) writeFileSync(join(copy, relative(data, path)), content);
    }
  }
}

interface Options {
  /** With a journal; without it there is none. */
  readonly sync?: SyncCalls;
  readonly size?: number;
  readonly fatal?: (error: Error) => void;
}

function engineOn(data: string, shared: StoreShared, options: Options = {}): SqliteEngine & AsyncDisposable {
  const { sync, size, fatal = () => {} } = options;
  mkdirSync(join(data, 'journal'), { recursive: true });
  const engine = new SqliteEngine({
    ...{ layout: layoutOf(data), shared, log, handles: 20, control: null, maintenance: null, bulk: null },
    ...{ boots: { current: shared.bootId, endedCleanly: () => false }, fatal },
    ...(sync === undefined ? {} : { sync, journal: size === undefined ? {} : { size } }),
  });
  return Object.assign(engine, { [Symbol.asyncDispose]: () => engine.close() });
}

function* subscribe(id: string, name: string): Op<void> {
  yield* run('INSERT INTO subscription (account, owner, name) VALUES ($1, $1, $2)', [id, name]);
}

async function namesIn(engine: SqliteEngine, n: number): Promise<string[]> {
  const sql = 'SELECT name FROM subscription WHERE account = $1 ORDER BY name';
  const rows = await engine.read(accountOf(n), () => all<{ name: string }>(sql, [idOf(n)]));
  return rows.map(({ name }) => name);
}

/** Accounts 0 to 4, each written to so often that its commits go through the journal. */
async function warm(engine: SqliteEngine, accounts = 5): Promise<void> {
  for (let n = 0; n < accounts; n++) await engine.createAccount(idOf(n));
  for (let round = 0; round < 4; round++) await writeAll(engine, `warm ${round}`, accounts);
}

async function writeAll(engine: SqliteEngine, name: string, accounts = 5): Promise<void> {
  const all = Array.from({ length: accounts }, (_, n) => engine.write(accountOf(n), () => subscribe(idOf(n), name)));
  await Promise.all(all);
}

test('the commits of several databases that wait at once share one sync', async () => {
  await using folder = await temporaryFolder();
  const data = join(folder.path, 'data');
  const disk = new Disk();
  await using engine = engineOn(data, createStoreShared(), { sync: disk });
  await warm(engine);
  disk.syncs.length = 0;
  await writeAll(engine, 'together');
  expect(disk.syncs.map((path) => relative(data, path).split('/')[0])).toEqual(['journal']);
});

test('two that wait at once, or one, are synced in their own logs', async () => {
  await using folder = await temporaryFolder();
  const data = join(folder.path, 'data');
  const disk = new Disk();
  await using engine = engineOn(data, createStoreShared(), { sync: disk });
  await warm(engine);
  disk.syncs.length = 0;
  await writeAll(engine, 'two', 2);
  expect(disk.syncs.every((path) => path.endsWith('mail.db-wal'))).toBe(true);
});

test('nothing is answered before the journal is synced, and a failed sync of it is final', async () => {
  await using folder = await temporaryFolder();
  const data = join(folder.path, 'data');
  const disk = new Disk();
  const failures: string[] = [];
  await using engine = engineOn(data, createStoreShared(), {
    sync: disk,
    fatal: ({ message }) => failures.push(message),
  });
  await warm(engine);
  const stalled = Promise.withResolvers<void>();
  const begun = Promise.withResolvers<void>();
  disk.before = (path) => {
    if (!path.includes('journal')) return;
    begun.resolve();
    return stalled.promise;
  };
  let answered = 0;
  const count = () => answered++;
  const writes = [0, 1, 2].map((n) => engine.write(accountOf(n), () => subscribe(idOf(n), 'late')).finally(count));
  await begun.promise;
  await new Promise((resolve) => setImmediate(resolve));
  expect(answered).toBe(0);
  stalled.reject(new Error('the disk is gone'));
  const results = await Promise.allSettled(writes);
  expect(results.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected']);
  expect(failures).toEqual(['the disk is gone']);
  await expect(engine.write(accountOf(4), () => subscribe(idOf(4), 'after'))).rejects.toMatchObject({
    code: 'unavailable',
  });
});

test('a full disk has the logs synced instead', async () => {
  await using folder = await temporaryFolder();
  const data = join(folder.path, 'data');
  const disk = new Disk();
  await using engine = engineOn(data, createStoreShared(), { sync: disk });
  await warm(engine);
  disk.before = (path) => {
    if (path.includes('journal')) throw Object.assign(new Error('no space'), { code: 'ENOSPC' });
  };
  await writeAll(engine, 'full');
  disk.before = () => {};
  await writeAll(engine, 'again');
  disk.cut(data, join(folder.path, 'cut'));
  const copy = join(folder.path, 'cut');
  await replayJournals({ layout: layoutOf(copy), bootId: 'later', sync: SYSTEM_SYNC, log });
  await using after = engineOn(copy, createStoreShared({ bootId: 'later' }));
  expect(await namesIn(after, 0)).toEqual(expect.arrayContaining(['full', 'again']));
});

test('under the same boot the journals stay until the logs are synced; under a later one they are replayed and go', async () => {
  await using folder = await temporaryFolder();
  const data = join(folder.path, 'data');
  const disk = new Disk();
  const shared = createStoreShared({ bootId: 'first' });
  await using engine = engineOn(data, shared, { sync: disk });
  await warm(engine);
  await writeAll(engine, 'last');
  const copy = join(folder.path, 'cut');
  disk.cut(data, copy);
  const layout = layoutOf(copy);
  expect(await replayJournals({ layout, bootId: 'first', sync: SYSTEM_SYNC, log })).toHaveLength(2);
  expect(readdirSync(layout.journal)).toHaveLength(2);
  expect(await replayJournals({ layout, bootId: 'second', sync: SYSTEM_SYNC, log })).toEqual([]);
  expect(readdirSync(layout.journal)).toEqual([]);
  await using after = engineOn(copy, createStoreShared({ bootId: 'second' }));
  for (let n = 0; n < 5; n++) expect(await namesIn(after, n)).toContain('last');
});

test('an orderly end leaves no journal', async () => {
  await using folder = await temporaryFolder();
  const data = join(folder.path, 'data');
  {
    await using engine = engineOn(data, createStoreShared(), { sync: new Disk() });
    await warm(engine);
    expect(readdirSync(join(data, 'journal'))).toHaveLength(2);
  }
  expect(readdirSync(join(data, 'journal'))).toEqual([]);
});

test('a log that went on without the journal keeps what it has', async () => {
  await using folder = await temporaryFolder();
  const data = join(folder.path, 'data');
  const disk = new Disk();
  await using engine = engineOn(data, createStoreShared({ bootId: 'first' }), { sync: disk });
  await warm(engine);
  await writeAll(engine, 'lost');
  const copy = join(folder.path, 'cut');
  disk.cut(data, copy);
  // A release that knows no journal has opened it and written.
  const journals = readdirSync(join(copy, 'journal')).map((name) => readFileSync(join(copy, 'journal', name)));
  rmSync(join(copy, 'journal'), { recursive: true });
  const older = engineOn(copy, createStoreShared({ bootId: 'second' }));
  await writeAll(older, 'newer');
  for (const [n, content] of journals.entries()) writeFileSync(join(copy, 'journal', `old${n}`), content);
  const again = join(folder.path, 'again');
  cpSync(copy, again, { recursive: true, filter: (path) => !path.endsWith('-shm') });
  await older.close();
  await replayJournals({ layout: layoutOf(again), bootId: 'third', sync: SYSTEM_SYNC, log });
  await using after = engineOn(again, createStoreShared({ bootId: 'third' }));
  for (let n = 0; n < 5; n++) {
    expect(await namesIn(after, n)).toContain('newer');
    expect(await after.integrity(accountOf(n))).toEqual([]);
  }
});

test('whatever is cut, everything that was answered is there: two threads, checkpoints, closed files, large commits', async () => {
  const random = seeded(20_261_122);
  await using folder = await temporaryFolder();
  const data = join(folder.path, 'data');
  const accounts = 6;
  const disk = new Disk();
  const shared = createStoreShared({ bootId: 'boot 0' });
  // So small that its two files take turns all the time.
  const size = 1_300_000;
  await using one = engineOn(data, shared, { sync: disk, size });
  await using two = engineOn(data, shared, { sync: disk, size });
  await using background = engineOn(data, shared);
  for (let n = 0; n < accounts; n++) await one.createAccount(idOf(n));
  const answered: string[][] = Array.from({ length: accounts }, () => []);
  let through = 0;
  for (let round = 0; round < 200; round++) {
    const before = disk.syncs.length;
    const writes = Array.from({ length: accounts }, async (_, n) => {
      if (between(random, 0, 4) === 0) return;
      const engine = between(random, 0, 2) === 0 ? two : one;
      const length = between(random, 0, 30) === 0 ? 400_000 : between(random, 1, 20_000);
      const name = `${round} ${'x'.repeat(length)}`;
      await engine.write(accountOf(n), () => subscribe(idOf(n), name));
      answered[n]?.push(`${round} `);
    });
    await Promise.all(writes);
    through += disk.syncs.slice(before).filter((path) => path.includes('journal')).length;
    const n = between(random, 0, accounts - 1);
    if (between(random, 0, 9) === 0) await one.closeIdle(-1);
    if (between(random, 0, 9) === 0) {
      await background.checkpoint(accountOf(n));
      // SQLite has synced the log itself.
      const path = `${join(accountFolder(layoutOf(data), idOf(n)), 'mail.db')}-wal`;
      disk.files.set(path, readFileSync(path));
    }
    if (round % 20 !== 19) continue;
    const copy = join(folder.path, `cut ${round}`);
    disk.cut(data, copy);
    await replayJournals({ layout: layoutOf(copy), bootId: `boot ${round}`, sync: SYSTEM_SYNC, log });
    await using after = engineOn(copy, createStoreShared({ bootId: `boot ${round}` }));
    for (let of = 0; of < accounts; of++) {
      const found = (await namesIn(after, of)).map((name) => name.slice(0, name.indexOf(' ') + 1));
      expect([...found].sort()).toEqual([...(answered[of] ?? [])].sort());
      expect(await after.integrity(accountOf(of))).toEqual([]);
    }
    rmSync(copy, { recursive: true });
  }
  // It is the journal that was tested.
  expect(through).toBeGreaterThan(50);
});
