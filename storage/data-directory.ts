// A data directory in use: the lock, the databases made at first use, the boots, the engine and the background thread.

import { existsSync } from 'node:fs';
import { mkdir, readdir } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import type { GrownLog } from './background/checkpoints.ts';
import { startBackground } from './background/host.ts';
import type { StoreData } from './background/member.ts';
import { type BootRow, beginRun, bootsOf, endRun, readBoots } from './engines/sqlite/boots.ts';
import { Control } from './engines/sqlite/control.ts';
import { lockData } from './engines/sqlite/data-lock.ts';
import { SqliteEngine } from './engines/sqlite/engine.ts';
import { toStoreError } from './engines/sqlite/failure.ts';
import { replayJournals } from './engines/sqlite/journal-replay.ts';
import { type Layout, layoutOf } from './engines/sqlite/layout.ts';
import type { StoreShared } from './engines/sqlite/shared.ts';
import { create } from './engines/sqlite/upkeep.ts';
import { SYSTEM_SYNC, type SyncCalls } from './engines/sqlite/wal-sync.ts';
import { StoreError } from './errors.ts';
import type { StoreLog } from './log.ts';

export interface DataDirectoryOptions {
  /** The data directory. */
  readonly data: string;
  readonly log: StoreLog;
  /** Made once in the main thread, by createStoreShared. */
  readonly shared: StoreShared;
  /** True in one thread of the process, which opens first and closes last: it holds DATA/lock and runs the background. */
  readonly main: boolean;
  /** Open account handles in the whole process. */
  readonly handles: number;
  /** Called once when nothing can be made durable any more: the process must end, and the store must not do it. */
  readonly fatal: (error: Error) => void;
  /** Unix ms. */
  readonly now?: () => number;
  /** For tests that make it stall or fail. */
  readonly sync?: SyncCalls;
}

/** What openDataDirectory holds. */
export interface DataDirectory extends AsyncDisposable {
  readonly layout: Layout;
  readonly engine: SqliteEngine;
  readonly control: Control;
  /** What a helper thread is told. */
  readonly store: StoreData;
}

/** Opens a data directory for one thread. Errors: busy (another process has it), newer, corrupt, no-space. */
export async function openDataDirectory(options: DataDirectoryOptions): Promise<DataDirectory> {
  const layout = layoutOf(resolve(options.data));
  try {
    return options.main ? await openMain(layout, options) : openThread(layout, options, readBoots(layout));
  } catch (error) {
    throw toStoreError(error, layout.data);
  }
}

/** The main thread's part, which opens first and closes last. */
async function openMain(layout: Layout, options: DataDirectoryOptions): Promise<DataDirectory> {
  const { shared, now = Date.now, sync = SYSTEM_SYNC } = options;
  const state = { opened: false, failed: false };
  const fatal = (error: Error) => {
    if (state.failed) return;
    state.failed = true;
    options.fatal(error);
  };
  // What is opened is closed in the opposite order, here after a failure, else when the store is closed.
  await using stack = new AsyncDisposableStack();
  await makeFolders(layout, sync);
  stack.use(lockData(layout.lock));
  await refuseWithoutDirectory(layout);
  for (const kind of ['directory', 'queue'] as const) {
    if (!existsSync(layout[kind])) await create(layout, { kind }, bootsOf(shared.bootId, []), sync);
  }
  await replayJournals({ layout, sync, log: options.log });
  const { rows, interrupted } = await beginRun(layout, shared.bootId, now(), sync);
  const background = startBackground({ data: layout.data, shared, boots: rows, interrupted }, options.log, fatal);
  stack.defer(async () => {
    const others = new Int32Array(shared.members).some((member) => member !== 0);
    if (others) options.log.error({}, 'the store was closed before a thread that uses it: this is no clean end');
    if (state.opened && !state.failed && background.settled && !others) await endRun(layout, shared.bootId, sync);
  });
  stack.defer(() => background.close());
  const thread = stack.use(openThread(layout, { ...options, fatal }, rows));
  // Opened now, they stay open: whatever is wrong with them is said at the start.
  await Promise.all([
    background.ready,
    thread.engine.touch({ kind: 'directory' }),
    thread.engine.touch({ kind: 'queue' }),
  ]);
  state.opened = true;
  const open = stack.move();
  return { ...thread, [Symbol.asyncDispose]: () => open.disposeAsync() };
}

/** What every thread has. */
function openThread(layout: Layout, options: DataDirectoryOptions, rows: readonly BootRow[]): DataDirectory {
  const { shared, log, handles, fatal, now, sync } = options;
  const control = new Control(shared);
  const engine = new SqliteEngine({
    layout,
    shared,
    log,
    handles,
    boots: bootsOf(shared.bootId, rows),
    control,
    maintenance: {
      hold: (name) => control.ask('hold', name),
      grown: (name, urgent) => control.tell('grown', { name, urgent } satisfies GrownLog),
    },
    bulk: null,
    journal: {},
    fatal,
    ...(sync === undefined ? {} : { sync }),
    ...(now === undefined ? {} : { now }),
  });
  return {
    layout,
    engine,
    control,
    store: { data: layout.data, shared, boots: rows },
    [Symbol.asyncDispose]: async () => {
      await engine.close();
      control.close();
    },
  };
}

/** A new directory beside old accounts would be a server that knows nobody. Errors: corrupt. */
async function refuseWithoutDirectory(layout: Layout): Promise<void> {
  if (existsSync(layout.directory) || (await readdir(layout.accounts)).length === 0) return;
  throw new StoreError('corrupt', `${layout.directory} is missing, and there are accounts: restore a backup`);
}

/** The folders of a new data directory, durable before anything is put into them. */
async function makeFolders(layout: Layout, sync: SyncCalls): Promise<void> {
  const folders = [layout.accounts, layout.staging, layout.queueFolder, layout.journal];
  if (folders.every((folder) => existsSync(folder))) return;
  for (const folder of folders) await mkdir(folder, { recursive: true, mode: 0o700 });
  await sync.folder(layout.data);
  await sync.folder(dirname(layout.data));
}
