// A data directory from its first opening to its close: the lock, the boots, the jump, the threads.
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import pino from 'pino';
import { expect, test } from 'vitest';
import { type DataDirectory, type DataDirectoryOptions, openDataDirectory } from '#storage/data-directory.ts';
import { readBoots } from '#storage/engines/sqlite/boots.ts';
import { accountFolder, layoutOf } from '#storage/engines/sqlite/layout.ts';
import { CHECKPOINT_FRAMES, WATCH_ROWS } from '#storage/engines/sqlite/maintenance-rules.ts';
import { createStoreShared } from '#storage/engines/sqlite/shared.ts';
import { all, type Op, one, run } from '#storage/operation.ts';
import { temporaryFolder } from '#test/support/folder.ts';

const ID = 'a000000000000001';
const ACCOUNT = { kind: 'account', id: ID } as const;

function open(data: string, options: Partial<DataDirectoryOptions> = {}): Promise<DataDirectory> {
  return openDataDirectory({
    data,
    log: pino({ level: 'silent' }),
    shared: createStoreShared(),
    main: true,
    handles: 10,
    fatal: (error) => {
      throw error;
    },
    ...options,
  });
}

function* addMailbox(id: number): Op<void> {
  yield* run(
    `INSERT INTO mailbox (account, id, parent, name, special, uidvalidity, uidnext, modseq, counted, total, unseen,
       bytes) VALUES ($1, $2, 0, $3, '', 1, 7, 1, 1, 0, 0, 0)`,
    [ID, id, `m${id}`],
  );
}

const counter = () =>
  one<{ modseq: number; next_id: number; epoch: number; boot_id: string }>(
    'SELECT modseq, next_id, epoch, boot_id FROM counter WHERE account = $1',
    [ID],
  );

test('a first opening makes the data directory, and a second process is refused with a clear error', async () => {
  await using folder = await temporaryFolder();
  const data = join(folder.path, 'data');
  await using first = await open(data);
  expect((await readdir(data)).filter((name) => !name.includes('-'))).toEqual([
    'accounts',
    'directory.db',
    'journal',
    'lock',
    'queue',
    'queue.db',
    'staging',
  ]);
  await expect(open(data)).rejects.toMatchObject({ code: 'busy' });
  const script = `import Sqlite from 'better-sqlite3';
    const lock = new Sqlite(process.argv[1], { timeout: 0 });
    try { lock.exec('BEGIN EXCLUSIVE'); console.log('had'); } catch (error) { console.log(error.code); }`;
  const other = spawnSync(process.execPath, ['--input-type=module', '-e', script, first.layout.lock]);
  expect(String(other.stdout).trim()).toBe('SQLITE_BUSY');
});

test('after a clean end nothing jumps, and the account is stamped before its next write', async () => {
  await using folder = await temporaryFolder();
  for (const boot of ['boot-1', 'boot-2', 'boot-3']) {
    await using store = await open(folder.path, { shared: createStoreShared({ bootId: boot }) });
    if (boot === 'boot-1') await store.engine.createAccount(ID);
    expect(await store.engine.read(ACCOUNT, counter)).toMatchObject({ modseq: 1, next_id: 1, epoch: 1 });
    if (boot === 'boot-2') await store.engine.write(ACCOUNT, () => addMailbox(1));
    const stamped = (await store.engine.read(ACCOUNT, counter))?.boot_id;
    expect(stamped).toBe(boot === 'boot-1' ? 'boot-1' : 'boot-2');
  }
});

test('after a boot that did not end cleanly every UID, id and modseq that could have been seen is skipped', async () => {
  await using folder = await temporaryFolder();
  const seconds = 1_800_000_000;
  {
    await using store = await open(folder.path, { shared: createStoreShared({ bootId: 'boot-1' }) });
    await store.engine.createAccount(ID);
    await store.engine.write(ACCOUNT, () => addMailbox(1));
    await store.engine.write(ACCOUNT, () => addMailbox(2));
    // The power is cut: a run whose end is never noted.
    await store.engine.write({ kind: 'directory' }, () =>
      run("INSERT INTO boot (id, started, clean) VALUES ('x', 0, 0)"),
    );
    await store.engine.write(ACCOUNT, () =>
      run("UPDATE counter SET boot_id = 'x', modseq = 5 WHERE account = $1", [ID]),
    );
  }
  for (const boot of ['boot-2', 'boot-3']) {
    await using store = await open(folder.path, {
      shared: createStoreShared({ bootId: boot }),
      now: () => seconds * 1000,
    });
    const modseq = seconds * 2 ** 20;
    expect(await store.engine.read(ACCOUNT, counter)).toEqual({
      modseq,
      next_id: 1_000_001,
      epoch: 2,
      boot_id: 'boot-2',
    });
    expect(await store.engine.read(ACCOUNT, () => all('SELECT epoch, first, last FROM epoch ORDER BY epoch'))).toEqual([
      { epoch: 1, first: 1, last: 5 },
      { epoch: 2, first: modseq, last: null },
    ]);
    expect(await store.engine.read(ACCOUNT, () => all('SELECT id, uidnext, modseq FROM mailbox ORDER BY id'))).toEqual([
      { id: 1, uidnext: 1_000_007, modseq },
      { id: 2, uidnext: 1_000_007, modseq },
    ]);
    const changes = () =>
      all('SELECT class, modseq, seq, kind, reason, collection, uid, last FROM change ORDER BY seq');
    const skipped = { class: 'mail', modseq, kind: 'remove', reason: 'skipped', uid: 7, last: 1_000_006 };
    expect(await store.engine.read(ACCOUNT, changes)).toEqual([
      { ...skipped, seq: 1, collection: 1 },
      { ...skipped, seq: 2, collection: 2 },
    ]);
  }
});

test('a killed process is no power cut: the same boot goes on without a jump, and ends cleanly after a sync of all logs', async () => {
  await using folder = await temporaryFolder();
  const script = fileURLToPath(new URL('./fixtures/killed-run.ts', import.meta.url));
  const killed = spawnSync(process.execPath, [script, folder.path, ID, 'boot-1']);
  expect(killed.signal, String(killed.stderr)).toBe('SIGKILL');
  const clean = () => readBoots(layoutOf(folder.path)).some((boot) => boot.id === 'boot-1' && boot.clean === 1);
  // Closed before the logs are synced, it does not end cleanly: then the next run, which lasts longer, does it.
  for (let ms = 200; !clean(); ms *= 2) {
    await using store = await open(folder.path, { shared: createStoreShared({ bootId: 'boot-1' }) });
    expect(await store.engine.read(ACCOUNT, counter)).toMatchObject({ modseq: 1, epoch: 1 });
    expect(await store.engine.read(ACCOUNT, () => all('SELECT name FROM subscription'))).toEqual([{ name: 'x' }]);
    await new Promise((resolve) => setTimeout(resolve, ms));
  }
  await using store = await open(folder.path, { shared: createStoreShared({ bootId: 'boot-2' }) });
  expect(await store.engine.read(ACCOUNT, counter)).toMatchObject({ modseq: 1, epoch: 1 });
});

test('a start on a full disk is refused as that, and works when there is room again', async () => {
  await using folder = await temporaryFolder();
  await (await open(folder.path))[Symbol.asyncDispose]();
  const full = Object.assign(new Error('ENOSPC: no space left on device, fdatasync'), { code: 'ENOSPC' });
  const sync = { file: () => Promise.reject(full), folder: () => Promise.reject(full) };
  await expect(open(folder.path, { sync })).rejects.toMatchObject({ code: 'no-space' });
  await using store = await open(folder.path);
  await store.engine.createAccount(ID);
});

test('a file of a newer release is refused, and only the account whose it is', async () => {
  await using folder = await temporaryFolder();
  await using store = await open(folder.path);
  await store.engine.createAccount(ID);
  await store.engine.write(ACCOUNT, () => run('PRAGMA user_version = 99'));
  await store.engine.exclusively(ACCOUNT, () => Promise.resolve());
  await expect(store.engine.read(ACCOUNT, counter)).rejects.toMatchObject({ code: 'newer' });
  await expect(store.engine.write(ACCOUNT, counter)).rejects.toMatchObject({ code: 'newer' });
  await store.engine.createAccount('a000000000000002');
  await store.engine.read({ kind: 'account', id: 'a000000000000002' }, counter);
});

test('accounts without a directory are refused, and not taken for a new data directory', async () => {
  await using folder = await temporaryFolder();
  {
    await using store = await open(folder.path);
    await store.engine.createAccount(ID);
  }
  await rm(join(folder.path, 'directory.db'));
  await expect(open(folder.path)).rejects.toMatchObject({ code: 'corrupt' });
  expect(existsSync(join(folder.path, 'directory.db'))).toBe(false);
});

test('an evicted file is checkpointed by the background thread, and nothing of its log is lost', async () => {
  await using folder = await temporaryFolder();
  await using store = await open(folder.path, { handles: 2 });
  const ids = Array.from({ length: 8 }, (_, i) => `b00000000000000${i}`);
  for (const id of ids) {
    await store.engine.createAccount(id);
    await store.engine.write({ kind: 'account', id }, () => run("INSERT INTO subscription VALUES ($1, $1, 'x')", [id]));
  }
  const wal = (id: string) => join(accountFolder(store.layout, id), 'mail.db-wal');
  // Held there, so not deleted by the close of the server thread's handle.
  expect(existsSync(wal(ids[0] as string))).toBe(true);
  for (const id of ids) {
    expect(await store.engine.read({ kind: 'account', id }, () => all('SELECT name FROM subscription'))).toHaveLength(
      1,
    );
  }
});

test('a write-ahead log stays near 8 MB under load', async () => {
  await using folder = await temporaryFolder();
  await using store = await open(folder.path);
  await store.engine.createAccount(ID);
  const name = (i: number) => `${i}${'x'.repeat(20_000)}`;
  let largest = 0;
  const path = join(accountFolder(store.layout, ID), 'mail.db-wal');
  for (let i = 0; i < 2_500; i += 5) {
    const batch = [0, 1, 2, 3, 4].map((n) =>
      store.engine.write(ACCOUNT, () => run('INSERT INTO subscription VALUES ($1, $1, $2)', [ID, name(i + n)])),
    );
    await Promise.all(batch);
    largest = Math.max(largest, statSync(path).size);
  }
  expect(largest).toBeGreaterThan(1_000_000);
  expect(largest).toBeLessThan(16 * 1024 * 1024);
});

test('a log that was checkpointed begins anew without waiting for a write of a server thread', async () => {
  await using folder = await temporaryFolder();
  await using store = await open(folder.path);
  await store.engine.createAccount(ID);
  const path = join(accountFolder(store.layout, ID), 'mail.db-wal');
  // https://sqlite.org/fileformat2.html#walformat: the salts, new whenever the log begins anew.
  const salts = () => readFileSync(path).subarray(16, 24).toString('hex');
  const write = (name: string) =>
    store.engine.write(ACCOUNT, () => run('INSERT INTO subscription VALUES ($1, $1, $2)', [ID, name]));
  await write('first');
  const before = salts();
  // The log's length is looked at with the last of these, and never before it is long.
  const bytes = (CHECKPOINT_FRAMES * 4_096) / (2 * WATCH_ROWS);
  for (let n = 0; n < 2 * WATCH_ROWS; n++) await write(`${n}${'x'.repeat(bytes)}`);
  await expect.poll(salts).not.toBe(before);
  await write('last');
  const [row] = await store.engine.read(ACCOUNT, () => all<{ n: number }>('SELECT count(*) AS n FROM subscription'));
  expect(row?.n).toBe(2 * WATCH_ROWS + 2);
});

test('writers of several threads get the lock in turn, and each sees the other’s commits after its own', async () => {
  await using folder = await temporaryFolder();
  const shared = createStoreShared();
  await using store = await open(folder.path, { shared });
  await store.engine.createAccount(ID);
  const workers = [1, 2].map(
    (n) =>
      new Worker(new URL('./fixtures/writing-thread.ts', import.meta.url), {
        workerData: { data: folder.path, shared, id: ID, name: `t${n}`, wanted: 50 },
      }),
  );
  const exits = workers.map((worker) => once(worker, 'exit'));
  // Each went on until it had seen fifty of the other's: neither had the lock to itself.
  const counts = await Promise.all(
    workers.map(async (worker) => (await once(worker, 'message'))[0] as { written: number }),
  );
  await Promise.all(exits);
  const [row] = await store.engine.read(ACCOUNT, () => all<{ n: number }>('SELECT count(*) AS n FROM subscription'));
  expect(row?.n).toBe(counts.reduce((sum, { written }) => sum + written, 0));
});

test('an account’s files can be replaced while other threads use it', async () => {
  await using folder = await temporaryFolder();
  const shared = createStoreShared();
  await using store = await open(folder.path, { shared });
  await using other = await open(folder.path, { shared, main: false });
  await store.engine.createAccount(ID);
  await store.engine.write(ACCOUNT, () => run("INSERT INTO subscription VALUES ($1, $1, 'x')", [ID]));
  await other.engine.read(ACCOUNT, counter);
  let waiting: Promise<unknown> = Promise.resolve();
  await store.engine.exclusively(ACCOUNT, async () => {
    expect(existsSync(join(accountFolder(store.layout, ID), 'mail.db-wal'))).toBe(false);
    waiting = other.engine.read(ACCOUNT, counter);
    await writeFile(join(accountFolder(store.layout, ID), 'note'), 'x');
  });
  expect(await waiting).toMatchObject({ epoch: 1 });
  await other.engine.destroyAccount(ID);
  await expect(store.engine.read(ACCOUNT, counter)).rejects.toMatchObject({ code: 'not-found' });
  expect(layoutOf(folder.path).accounts).toBe(store.layout.accounts);
});
