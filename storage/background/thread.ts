// The background thread: checkpoints, bulk operations, and the walk over all accounts. It has an engine of its own over
// the same files, under the same locks and with the same rule of syncing before answering.

import { setTimeout as sleep } from 'node:timers/promises';
import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import { bulkOperation } from '../account/bulk.ts';
import { createFileBlobs } from '../blobs/files.ts';
import { bootsOf } from '../engines/sqlite/boots.ts';
import { Control } from '../engines/sqlite/control.ts';
import { SqliteEngine } from '../engines/sqlite/engine.ts';
import { databaseKey, layoutOf } from '../engines/sqlite/layout.ts';
import { SYSTEM_SYNC } from '../engines/sqlite/wal-sync.ts';
import type { StoreLog } from '../log.ts';
import { Checkpoints } from './checkpoints.ts';
import { type BackgroundData, type FromBackground, forwardingLog, type ToBackground } from './host.ts';
import { Housekeeping } from './housekeeping.ts';
import { syncLogs } from './settle.ts';

/** Files that this thread keeps open at most: those being checkpointed, and those just let go by a server thread. */
const HANDLES = 64;
/** A file that nobody uses here is closed after so many ms; if it was the last handle, that checkpoints it. */
const IDLE = 10_000;
/** The first walk begins so many ms after the start, when the server has long been listening. */
const FIRST_WALK = 10_000;
/** Between two walks, ms. */
const WALK_EVERY = 3_600_000;
/** How often idle files are looked for, ms. */
const IDLE_EVERY = 2_500;

// Imported anywhere else (a test reads every module), it does nothing.
if (parentPort !== null && workerData?.kind === 'posthuis-background') runBackground(parentPort, workerData);

function runBackground(port: MessagePort, { data, shared, boots, interrupted }: BackgroundData): void {
  const post = (message: FromBackground) => port.postMessage(message);
  const layout = layoutOf(data);
  const log = forwardingLog(post);
  const control = new Control(shared);
  const checkpoints = new Checkpoints((name) => engine.checkpoint(databaseKey(name)), log);
  const engine = new SqliteEngine({
    layout,
    // A count of handles of its own: the budget of the process is the server threads'.
    shared: { ...shared, handles: new SharedArrayBuffer(4) },
    log,
    handles: HANDLES,
    boots: bootsOf(shared.bootId, boots),
    control,
    maintenance: { hold: () => Promise.resolve(), grown: (name) => checkpoints.add(name) },
    bulk: bulkOperation,
    fatal: (error) => post({ kind: 'fatal', message: error.message }),
  });
  control.handle('hold', (name: string) => engine.touch(databaseKey(name)));
  control.handle('grown', (name: string) => checkpoints.add(name));
  control.handle('bulk', ({ database, name, args }: { database: string; name: string; args: unknown }) =>
    engine.bulk(databaseKey(database), name, args),
  );
  const idle = setInterval(() => {
    engine.closeIdle(IDLE).catch((error) => log.error({ err: error }, 'closing idle databases failed'));
  }, IDLE_EVERY);

  const stop = new AbortController();
  const blobs = createFileBlobs({ directory: data, log });
  const housekeeping = new Housekeeping({ engine, blobs, log, now: Date.now, signal: stop.signal });
  const walks = walkNowAndThen(housekeeping, log, stop.signal);
  const settled = (interrupted ? syncLogs(layout, SYSTEM_SYNC, stop.signal) : Promise.resolve()).then(
    () => post({ kind: 'settled' }),
    (error) => {
      if (!stop.signal.aborted) post({ kind: 'fatal', message: `a write-ahead log could not be synced: ${error}` });
    },
  );

  port.on('message', async (message: ToBackground) => {
    if (message.kind !== 'close') return;
    clearInterval(idle);
    stop.abort();
    await Promise.all([settled, walks]);
    await engine.close();
    control.close();
    port.close();
  });
  control.becomeBackground();
  post({ kind: 'ready' });
}

async function walkNowAndThen(housekeeping: Housekeeping, log: StoreLog, signal: AbortSignal): Promise<void> {
  for (let pause = FIRST_WALK; ; pause = WALK_EVERY) {
    await pausing(pause, signal);
    if (signal.aborted) return;
    await housekeeping.walk().catch((error) => log.error({ err: error }, 'the walk over the accounts failed'));
  }
}

async function pausing(ms: number, signal: AbortSignal): Promise<void> {
  try {
    await sleep(ms, undefined, { signal, ref: false });
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}
