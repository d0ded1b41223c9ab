// The journal of commits: one sync for many databases, and what a power cut leaves of them.
import {
  closeSync,
  cpSync,
  fstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join, relative } from 'node:path';
import { setImmediate as eventLoopTurn } from 'node:timers/promises';
import pino from 'pino';
import { expect, test } from 'vitest';
import type { EngineOptions, SqliteEngine } from '#storage/engines/sqlite/engine.ts';
import { replayJournals } from '#storage/engines/sqlite/journal-replay.ts';
import { databaseFile, layoutOf } from '#storage/engines/sqlite/layout.ts';
import { createStoreShared } from '#storage/engines/sqlite/shared.ts';
import { SYSTEM_SYNC, type SyncCalls } from '#storage/engines/sqlite/wal-sync.ts';
import { all, type Op, run } from '#storage/operation.ts';
import { engineOn } from '#test/support/engine.ts';
import { type TemporaryFolder, temporaryFolder } from '#test/support/folder.ts';
import { between, seeded } from '#test/support/random.ts';

const log = pino({ level: 'silent' });
const idOf = (n: number): string => `a${String(n).padStart(15, '0')}`;
const isJournal = (path: string): boolean => path.includes('/journal/');
const accountOf = (n: number) => ({ kind: 'account', id: idOf(n) }) as const;

interface Synced {
  readonly content: Buffer;
  readonly inode: number;
  /** The number of the sync, by its beginning: of two at once the later one counts. */
  readonly began: number;
}

/** The header of a log. */
function headOf(path: string): Buffer {
  const head = Buffer.alloc(32);
  const fd = openSync(path, 'r');
  const length = readSync(fd, head);
  closeSync(fd);
  return head.subarray(0, length);
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
    // What is durable is decided here: the real disk's sync would only make it wait for whoever else uses that.
    await eventLoopTurn();
    await this.during(path);
    if ((this.#files.get(path)?.began ?? 0) < synced.began) this.#files.set(path, synced);
  }

  async folder(): Promise<void> {
    await eventLoopTurn();
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
      if (path.endsWith('-wal')) headOf(path).copy(content);
      writeFileSync(join(copy, relative(data, path)), content);
    }
  }
}

/** A folder, a data directory in it, its disk, and an engine with a journal whose commits go through it. */
async function warmEngine(options: Partial<EngineOptions> = {}) {
  await using stack = new AsyncDisposableStack();
  const folder = stack.use(await temporaryFolder());
  const data = join(folder.path, 'data');
  mkdirSync(join(data, 'journal'), { recursive: true });
  const disk = new Disk();
  const engine = stack.use(engineOn(data, { sync: disk, journal: {}, ...options }));
  for (let n = 0; n < 5; n++) await engine.createAccount(idOf(n));
  // Two syncs are of its files as they are made.
  for (let round = 0; disk.syncs.filter(isJournal).length < 4; round++) await writeAll(engine, `warm ${round}`);
  await eventLoopTurn();
  const open = stack.move();
  return { folder, data, disk, engine, [Symbol.asyncDispose]: () => open.disposeAsync() };
}

/** What a power cut leaves, after the next start; to be closed before its folder goes. */
async function afterCut({ folder, data, disk }: { folder: TemporaryFolder; data: string; disk: Disk }) {
  const copy = join(folder.path, 'cut');
  disk.cut(data, copy);
  await replayJournals({ layout: layoutOf(copy), sync: SYSTEM_SYNC, log });
  return engineOn(copy);
}

/** Adds a row to the database of account `n`. */
function write(engine: SqliteEngine, n: number, name: string): Promise<void> {
  const sql = 'INSERT INTO subscription (account, owner, name) VALUES ($1, $1, $2)';
  return engine.write(accountOf(n), function* (): Op<void> {
    yield* run(sql, [idOf(n), name]);
  });
}

/** Takes all rows out of the database of account `n`. */
function empty(engine: SqliteEngine, n: number): Promise<void> {
  return engine.write(accountOf(n), function* (): Op<void> {
    yield* run('DELETE FROM subscription WHERE account = $1', [idOf(n)]);
  });
}

/** The first words of the rows. */
async function namesIn(engine: SqliteEngine, n: number): Promise<string[]> {
  const sql = "SELECT substr(name, 1, instr(name || ' ', ' ') - 1) AS name FROM subscription WHERE account = $1";
  const rows = await engine.read(accountOf(n), () => all<{ name: string }>(sql, [idOf(n)]));
  return rows.map(({ name }) => name);
}

async function writeAll(engine: SqliteEngine, name: string, accounts = 5): Promise<void> {
  const all = Array.from({ length: accounts }, (_, n) => write(engine, n, name));
  await Promise.all(all);
}

test('the commits of several databases that wait at once share one sync', async () => {
  await using warm = await warmEngine();
  const { data, disk, engine } = warm;
  disk.syncs.length = 0;
  await writeAll(engine, 'together');
  expect(disk.syncs.map((path) => relative(data, path).split('/')[0])).toEqual(['journal']);
});

test('two that wait at once, or one, are synced in their own logs', async () => {
  await using warm = await warmEngine();
  const { disk, engine } = warm;
  disk.syncs.length = 0;
  await writeAll(engine, 'two', 2);
  expect(disk.syncs.every((path) => path.endsWith('mail.db-wal'))).toBe(true);
});

test('a database that was alone for a while is synced at once; those that come meanwhile share one sync', async () => {
  await using warm = await warmEngine();
  const { data, disk, engine } = warm;
  for (let n = 0; n < 10; n++) await write(engine, 0, `alone ${n}`);
  disk.syncs.length = 0;
  const places = () => disk.syncs.map((path) => relative(data, path).split('/')[0]);
  await writeAll(engine, 'company');
  expect(places()).toEqual(['accounts', 'journal']);
  disk.syncs.length = 0;
  await writeAll(engine, 'still');
  expect(places()).toEqual(['journal']);
});

test('nothing is answered before the journal is synced, and a failed sync of it is final', async () => {
  const failures: string[] = [];
  await using warm = await warmEngine({ fatal: ({ message }) => failures.push(message) });
  const { disk, engine } = warm;
  const stalled = Promise.withResolvers<void>();
  const begun = Promise.withResolvers<void>();
  disk.before = (path) => {
    if (!isJournal(path)) return;
    begun.resolve();
    return stalled.promise;
  };
  let answered = 0;
  const count = () => answered++;
  const writes = [0, 1, 2].map((n) => write(engine, n, 'late').finally(count));
  await begun.promise;
  await eventLoopTurn();
  expect(answered).toBe(0);
  stalled.reject(new Error('the disk is gone'));
  const results = await Promise.allSettled(writes);
  expect(results.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected']);
  expect(failures).toEqual(['the disk is gone']);
  await expect(write(engine, 4, 'after')).rejects.toMatchObject({
    code: 'unavailable',
  });
});

test('a full disk has the logs synced instead', async () => {
  await using warm = await warmEngine();
  const { disk, engine } = warm;
  disk.before = (path) => {
    if (isJournal(path)) throw Object.assign(new Error('no space'), { code: 'ENOSPC' });
  };
  await writeAll(engine, 'full');
  disk.before = () => {};
  await writeAll(engine, 'again');
  await using after = await afterCut(warm);
  expect(await namesIn(after, 0)).toEqual(expect.arrayContaining(['full', 'again']));
});

test('a start writes what the journals have into the logs, syncs each, and then deletes them', async () => {
  await using warm = await warmEngine();
  const { folder, data, disk, engine } = warm;
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
  await using after = engineOn(copy);
  for (let n = 0; n < 5; n++) expect(await namesIn(after, n)).toContain('last');
});

test('after a kill the logs have it all, and are written and synced all the same', async () => {
  await using warm = await warmEngine();
  const { folder, data } = warm;
  const copy = join(folder.path, 'killed');
  cpSync(data, copy, { recursive: true, filter: (path) => !path.endsWith('-shm') });
  const before = readFileSync(`${databaseFile(layoutOf(copy), accountOf(0))}-wal`);
  const start = new Disk();
  await replayJournals({ layout: layoutOf(copy), sync: start, log });
  expect(start.syncs).toHaveLength(5);
  expect(readFileSync(`${databaseFile(layoutOf(copy), accountOf(0))}-wal`).equals(before)).toBe(true);
});

test('a log that can not be synced at the end leaves the journals for the next start', async () => {
  const failures: string[] = [];
  await using warm = await warmEngine({ fatal: ({ message }) => failures.push(message) });
  const { data, disk, engine } = warm;
  disk.before = (path) => {
    if (path.endsWith('-wal')) throw Object.assign(new Error('the disk is gone'), { code: 'EIO' });
  };
  await engine.close();
  expect(failures).toEqual(['the disk is gone']);
  expect(readdirSync(join(data, 'journal'))).toHaveLength(2);
});

test('an orderly end leaves no journal', async () => {
  await using warm = await warmEngine();
  const { data, engine } = warm;
  expect(readdirSync(join(data, 'journal'))).toHaveLength(2);
  await engine.close();
  expect(readdirSync(join(data, 'journal'))).toEqual([]);
});

test('a log that went on without the journal keeps what it has', async () => {
  await using warm = await warmEngine();
  const { folder, data, disk, engine } = warm;
  await writeAll(engine, 'lost');
  const copy = join(folder.path, 'cut');
  disk.cut(data, copy);
  // A release that knows no journal has opened it and written.
  const paths = readdirSync(join(copy, 'journal')).map((name) => join(copy, 'journal', name));
  const journals = paths.map((path) => readFileSync(path));
  for (const path of paths) rmSync(path);
  const older = engineOn(copy);
  await writeAll(older, 'newer');
  for (const [n, path] of paths.entries()) writeFileSync(path, journals[n] ?? '');
  const again = join(folder.path, 'again');
  cpSync(copy, again, { recursive: true, filter: (path) => !path.endsWith('-shm') });
  await older.close();
  await replayJournals({ layout: layoutOf(again), sync: SYSTEM_SYNC, log });
  await using after = engineOn(again);
  for (let n = 0; n < 5; n++) {
    expect(await namesIn(after, n)).toContain('newer');
    expect(await after.integrity(accountOf(n))).toEqual([]);
  }
});

test('what another thread commits while a log is synced is not taken for durable', async () => {
  const shared = createStoreShared();
  await using warm = await warmEngine({ shared });
  const { data, disk, engine: one } = warm;
  const stalled = Promise.withResolvers<void>();
  const other = new Disk();
  other.before = () => stalled.promise;
  await using two = engineOn(data, { shared, sync: other });
  let late: Promise<void> | undefined;
  disk.during = async (path) => {
    if (late !== undefined || !path.endsWith('-wal') || !path.includes(idOf(0))) return;
    late = write(two, 0, 'late');
    while (!(await namesIn(one, 0)).includes('late')) await eventLoopTurn();
  };
  // Too large for the journal: the logs are synced.
  await writeAll(one, `whole ${'x'.repeat(400_000)}`);
  await writeAll(one, 'last');
  expect(late).toBeDefined();
  await using after = await afterCut(warm);
  stalled.resolve();
  await late;
  expect(await namesIn(after, 0)).toContain('last');
});

test('whenever it is cut, everything that was answered is there: two threads, checkpoints, closed files, large commits', async () => {
  const random = seeded(20_261_122);
  await using folder = await temporaryFolder();
  const data = join(folder.path, 'data');
  const accounts = 6;
  const disk = new Disk();
  mkdirSync(join(data, 'journal'), { recursive: true });
  const shared = createStoreShared();
  // So small that its two files take turns all the time.
  const size = 2_300_000;
  await using one = engineOn(data, { shared, sync: disk, handles: 30, journal: { size } });
  await using two = engineOn(data, { shared, sync: disk, handles: 30, journal: { size } });
  await using background = engineOn(data, { shared });
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
  // Handles enough that none is closed but by `closeIdle`: the first sync after each opening is one of the log itself.
  // It is the journal that is tested: as long as it takes until it was at work often enough.
  const atWork = () => disk.syncs.filter(isJournal).length;
  for (let round = 0; atWork() <= 50 || made <= 20; round++) {
    const writes = Array.from({ length: 2 * accounts }, async (_, index) => {
      for (let turns = between(random, 0, 3); turns > 0; turns--) await eventLoopTurn();
      if (between(random, 0, 4) === 0) return;
      const n = index % accounts;
      const length = between(random, 0, 40) === 0 ? 400_000 : between(random, 1, 20_000);
      const name = `${round}.${index} ${'x'.repeat(length)}`;
      await write(between(random, 0, 2) === 0 ? two : one, n, name);
      answered[n]?.push(`${round}.${index}`);
    });
    await Promise.all(writes);
    const n = between(random, 0, accounts - 1);
    if (round % 10 === 9) {
      // What a cut has to copy and look through stays small.
      for (const list of answered) list.length = 0;
      for (let of = 0; of < accounts; of++) await empty(one, of);
    }
    if (between(random, 0, 9) === 0) await one.closeIdle(-1);
    if (between(random, 0, 9) === 0) {
      await background.checkpoint(accountOf(n));
      disk.synced(`${databaseFile(layoutOf(data), accountOf(n))}-wal`);
    }
    for (const cut of cuts.splice(0)) {
      await replayJournals({ layout: layoutOf(cut.copy), sync: SYSTEM_SYNC, log });
      await using after = engineOn(cut.copy);
      for (const [of, names] of cut.answered.entries()) {
        const found = new Set(await namesIn(after, of));
        expect(names.filter((name) => !found.has(name))).toEqual([]);
        expect(await after.integrity(accountOf(of))).toEqual([]);
      }
      rmSync(cut.copy, { recursive: true });
    }
  }
});
