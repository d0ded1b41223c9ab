// The journal of commits: one sync for many databases, and what a power cut leaves of them.
import { cpSync, fstatSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { setImmediate as eventLoopTurn } from 'node:timers/promises';
import pino from 'pino';
import { expect, test } from 'vitest';
import { SqliteEngine } from '#storage/engines/sqlite/engine.ts';
import { replayJournals } from '#storage/engines/sqlite/journal-replay.ts';
import { databaseFile, layoutOf } from '#storage/engines/sqlite/layout.ts';
import { createStoreShared, type StoreShared } from '#storage/engines/sqlite/shared.ts';
import { SYSTEM_SYNC, type SyncCalls } from '#storage/engines/sqlite/wal-sync.ts';
import { all, type Op, run } from '#storage/operation.ts';
import { temporaryFolder } from '#test/support/folder.ts';
import { between, seeded } from '#test/support/random.ts';

const log = pino({ level: 'silent' });
const idOf = (n: number): string => `a${String(n).padStart(15, '0')}`;
const accountOf = (n: number) => ({ kind: 'account', id: idOf(n) }) as const;

interface Synced {
  readonly content: Buffer;
  readonly inode: number;
  /** The number of the sync, by its beginning: of two at once the later one counts. */
  readonly began: number;
}

/** What is on the disk for certain: each file as it was when the last sync of it began. */
class Disk implements SyncCalls {
  readonly #files = new Map<string, Synced>();
  #began = 0;
  /** Paths, in the order of their syncs. */
  readonly syncs: string[] = [];
  /** Called before each sync, and while it is in hand. */
  before: (path: string) => Promise<void> | void = () => {};
  during: (path: string) => Promise<void> | void = () => {};

  async file(fd: number, path: string): Promise<void> {
    await this.before(path);
    this.syncs.push(path);
    const synced = { content: readFileSync(path), inode: fstatSync(fd).ino, began: ++this.#began };
    await SYSTEM_SYNC.file(fd, path);
    await this.during(path);
    if ((this.#files.get(path)?.began ?? 0) < synced.began) this.#files.set(path, synced);
  }

  folder(path: string): Promise<void> {
    return SYSTEM_SYNC.folder(path);
  }

  /** SQLite has synced this file itself. */
  synced(path: string): void {
    this.#files.set(path, { content: readFileSync(path), inode: statSync(path).ino, began: ++this.#began });
  }

  /** A data directory as a power cut would leave it now, with nothing in it of a file that was not synced. */
  cut(data: string, copy: string): void {
    cpSync(data, copy, { recursive: true, filter: (path) => !/-(wal|shm)$/.test(path) && !/journal\/./.test(path) });
    for (const [path, { content, inode }] of this.#files) {
      const named = statSync(path, { throwIfNoEntry: false });
      // Made anew, it is not there before its first sync.
      if (named?.ino !== inode) continue;
      // SQLite itself syncs the header of a log that begins anew.
      if (path.endsWith('-wal')) readFileSync(path).copy(content, 0, 0, 32);
      writeFileSync(join(copy, relative(data, path)), content);
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
async function warm(engine: SqliteEngine, disk: Disk): Promise<void> {
  for (let n = 0; n < 5; n++) await engine.createAccount(idOf(n));
  // Two syncs are of its files as they are made.
  for (let round = 0; disk.syncs.filter(isJournal).length < 4; round++) await writeAll(engine, `warm ${round}`);
}

const isJournal = (path: string): boolean => path.includes('/journal/');

async function writeAll(engine: SqliteEngine, name: string, accounts = 5): Promise<void> {
  const all = Array.from({ length: accounts }, (_, n) => engine.write(accountOf(n), () => subscribe(idOf(n), name)));
  await Promise.all(all);
}

test('the commits of several databases that wait at once share one sync', async () => {
  await using folder = await temporaryFolder();
  const data = join(folder.path, 'data');
  const disk = new Disk();
  await using engine = engineOn(data, createStoreShared(), { sync: disk });
  await warm(engine, disk);
  disk.syncs.length = 0;
  await writeAll(engine, 'together');
  expect(disk.syncs.map((path) => relative(data, path).split('/')[0])).toEqual(['journal']);
});

test('two that wait at once, or one, are synced in their own logs', async () => {
  await using folder = await temporaryFolder();
  const data = join(folder.path, 'data');
  const disk = new Disk();
  await using engine = engineOn(data, createStoreShared(), { sync: disk });
  await warm(engine, disk);
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
  await warm(engine, disk);
  const stalled = Promise.withResolvers<void>();
  const begun = Promise.withResolvers<void>();
  disk.before = (path) => {
    if (!isJournal(path)) return;
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
  await warm(engine, disk);
  disk.before = (path) => {
    if (isJournal(path)) throw Object.assign(new Error('no space'), { code: 'ENOSPC' });
  };
  await writeAll(engine, 'full');
  disk.before = () => {};
  await writeAll(engine, 'again');
  disk.cut(data, join(folder.path, 'cut'));
  const copy = join(folder.path, 'cut');
  await replayJournals({ layout: layoutOf(copy), sync: SYSTEM_SYNC, log });
  await using after = engineOn(copy, createStoreShared({ bootId: 'later' }));
  expect(await namesIn(after, 0)).toEqual(expect.arrayContaining(['full', 'again']));
});

test('a start writes what the journals have into the logs, syncs each, and then deletes them', async () => {
  await using folder = await temporaryFolder();
  const data = join(folder.path, 'data');
  const disk = new Disk();
  await using engine = engineOn(data, createStoreShared({ bootId: 'first' }), { sync: disk });
  await warm(engine, disk);
  await writeAll(engine, 'last');
  const copy = join(folder.path, 'cut');
  disk.cut(data, copy);
  const layout = layoutOf(copy);
  const start = new Disk();
  start.before = () => expect(readdirSync(layout.journal)).toHaveLength(2);
  await replayJournals({ layout, sync: start, log });
  expect(readdirSync(layout.journal)).toEqual([]);
  const logs = Array.from({ length: 5 }, (_, n) => `${databaseFile(layout, accountOf(n))}-wal`);
  expect([...start.syncs].sort()).toEqual([...logs].sort());
  await using after = engineOn(copy, createStoreShared({ bootId: 'second' }));
  for (let n = 0; n < 5; n++) expect(await namesIn(after, n)).toContain('last');
});

test('after a kill the logs have it all, and are written and synced all the same', async () => {
  await using folder = await temporaryFolder();
  const data = join(folder.path, 'data');
  const disk = new Disk();
  await using engine = engineOn(data, createStoreShared(), { sync: disk });
  await warm(engine, disk);
  const copy = join(folder.path, 'killed');
  cpSync(data, copy, { recursive: true, filter: (path) => !path.endsWith('-shm') });
  const before = readFileSync(`${databaseFile(layoutOf(copy), accountOf(0))}-wal`);
  const start = new Disk();
  await replayJournals({ layout: layoutOf(copy), sync: start, log });
  expect(start.syncs).toHaveLength(5);
  expect(readFileSync(`${databaseFile(layoutOf(copy), accountOf(0))}-wal`).equals(before)).toBe(true);
});

test('a log that can not be synced at the end leaves the journals for the next start', async () => {
  await using folder = await temporaryFolder();
  const data = join(folder.path, 'data');
  const disk = new Disk();
  const failures: string[] = [];
  {
    const fatal = ({ message }: Error) => failures.push(message);
    await using engine = engineOn(data, createStoreShared(), { sync: disk, fatal });
    await warm(engine, disk);
    disk.before = (path) => {
      if (path.endsWith('-wal')) throw Object.assign(new Error('the disk is gone'), { code: 'EIO' });
    };
  }
  expect(failures).toEqual(['the disk is gone']);
  expect(readdirSync(join(data, 'journal'))).toHaveLength(2);
});

test('an orderly end leaves no journal', async () => {
  await using folder = await temporaryFolder();
  const data = join(folder.path, 'data');
  {
    const disk = new Disk();
    await using engine = engineOn(data, createStoreShared(), { sync: disk });
    await warm(engine, disk);
    expect(readdirSync(join(data, 'journal'))).toHaveLength(2);
  }
  expect(readdirSync(join(data, 'journal'))).toEqual([]);
});

test('a log that went on without the journal keeps what it has', async () => {
  await using folder = await temporaryFolder();
  const data = join(folder.path, 'data');
  const disk = new Disk();
  await using engine = engineOn(data, createStoreShared({ bootId: 'first' }), { sync: disk });
  await warm(engine, disk);
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
  await replayJournals({ layout: layoutOf(again), sync: SYSTEM_SYNC, log });
  await using after = engineOn(again, createStoreShared({ bootId: 'third' }));
  for (let n = 0; n < 5; n++) {
    expect(await namesIn(after, n)).toContain('newer');
    expect(await after.integrity(accountOf(n))).toEqual([]);
  }
});

test('what another thread commits while a log is synced is not taken for durable', async () => {
  await using folder = await temporaryFolder();
  const data = join(folder.path, 'data');
  const disk = new Disk();
  const shared = createStoreShared({ bootId: 'before' });
  await using one = engineOn(data, shared, { sync: disk });
  await warm(one, disk);
  const stalled = Promise.withResolvers<void>();
  const other = new Disk();
  other.before = () => stalled.promise;
  await using two = engineOn(data, shared, { sync: other });
  let late: Promise<void> | undefined;
  disk.during = async (path) => {
    if (late !== undefined || !path.endsWith('-wal') || !path.includes(idOf(0))) return;
    late = two.write(accountOf(0), () => subscribe(idOf(0), 'late'));
    while (!(await namesIn(one, 0)).includes('late')) await eventLoopTurn();
  };
  // Too large for the journal: the logs are synced.
  await writeAll(one, `whole ${'x'.repeat(400_000)}`);
  await writeAll(one, 'last');
  expect(late).toBeDefined();
  const copy = join(folder.path, 'cut');
  disk.cut(data, copy);
  stalled.resolve();
  await late;
  await replayJournals({ layout: layoutOf(copy), sync: SYSTEM_SYNC, log });
  await using after = engineOn(copy, createStoreShared({ bootId: 'after' }));
  expect(await namesIn(after, 0)).toContain('last');
});

test('whenever it is cut, everything that was answered is there: two threads, checkpoints, closed files, large commits', async () => {
  const random = seeded(20_261_122);
  await using folder = await temporaryFolder();
  const data = join(folder.path, 'data');
  const accounts = 6;
  const disk = new Disk();
  const shared = createStoreShared({ bootId: 'before' });
  // So small that its two files take turns all the time.
  const size = 2_300_000;
  await using one = engineOn(data, shared, { sync: disk, size });
  await using two = engineOn(data, shared, { sync: disk, size });
  await using background = engineOn(data, shared);
  for (let n = 0; n < accounts; n++) await one.createAccount(idOf(n));
  const answered: string[][] = Array.from({ length: accounts }, () => []);
  const cuts: { readonly copy: string; readonly answered: readonly string[][] }[] = [];
  let made = 0;
  disk.before = async () => {
    if (between(random, 0, 25) === 0) {
      const copy = join(folder.path, `cut ${made++}`);
      disk.cut(data, copy);
      cuts.push({ copy, answered: answered.map((list) => [...list]) });
    }
    // Others commit meanwhile.
    for (let turns = between(random, 0, 3); turns > 0; turns--) await eventLoopTurn();
  };
  for (let round = 0; round < 150; round++) {
    const writes = Array.from({ length: 2 * accounts }, async (_, index) => {
      for (let turns = between(random, 0, 3); turns > 0; turns--) await eventLoopTurn();
      if (between(random, 0, 4) === 0) return;
      const n = index % accounts;
      const length = between(random, 0, 40) === 0 ? 400_000 : between(random, 1, 20_000);
      const name = `${round}.${index} ${'x'.repeat(length)}`;
      await (between(random, 0, 2) === 0 ? two : one).write(accountOf(n), () => subscribe(idOf(n), name));
      answered[n]?.push(`${round}.${index} `);
    });
    await Promise.all(writes);
    const n = between(random, 0, accounts - 1);
    if (between(random, 0, 9) === 0) await one.closeIdle(-1);
    if (between(random, 0, 9) === 0) {
      await background.checkpoint(accountOf(n));
      disk.synced(`${databaseFile(layoutOf(data), accountOf(n))}-wal`);
    }
    for (const cut of cuts.splice(0)) {
      await replayJournals({ layout: layoutOf(cut.copy), sync: SYSTEM_SYNC, log });
      await using after = engineOn(cut.copy, createStoreShared({ bootId: 'after' }));
      for (const [of, names] of cut.answered.entries()) {
        const found = new Set((await namesIn(after, of)).map((name) => name.slice(0, name.indexOf(' ') + 1)));
        expect(names.filter((name) => !found.has(name))).toEqual([]);
        expect(await after.integrity(accountOf(of))).toEqual([]);
      }
      rmSync(cut.copy, { recursive: true });
    }
  }
  // It is the journal that was tested.
  expect(disk.syncs.filter(isJournal).length).toBeGreaterThan(50);
  expect(made).toBeGreaterThan(20);
});
