// The background thread: checkpoints, bulk operations, and the walk over all accounts.

import { setTimeout as sleep } from 'node:timers/promises';
import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import { collectStart } from '#config/heap.ts';
import { databaseKey } from '../engines/sqlite/layout.ts';
import { SYSTEM_SYNC } from '../engines/sqlite/wal-sync.ts';
import type { StoreLog } from '../log.ts';
import { Checkpoints, type GrownLog } from './checkpoints.ts';
import { type BackgroundData, type FromBackground, forwardingLog, type ToBackground } from './host.ts';
import { Housekeeping, type OwedFlags } from './housekeeping.ts';
import { joinStore } from './member.ts';
import { syncLogs } from './settle.ts';
import { removeStrays } from './strays.ts';

/** Files that this thread keeps open at most: those being checkpointed, and those just let go by a server thread. */
const HANDLES = 64;
/** A file that nobody uses here is closed after so many ms; if it was the last handle, that checkpoints it. */
const IDLE = 10_000;
/** How often idle files are looked for, ms. */
const IDLE_EVERY = 2_500;
/** The first walk begins so many ms after the start, when the server has long been listening. */
const FIRST_WALK = 10_000;
/** Between two walks, ms. */
const WALK_EVERY = 3_600_000;

// Imported anywhere else (a test reads every module), it does nothing.
if (parentPort !== null && workerData?.kind === 'posthuis-background') runBackground(parentPort, workerData);

function runBackground(port: MessagePort, data: BackgroundData): void {
  const began = Date.now();
  const post = (message: FromBackground) => port.postMessage(message);
  const log = forwardingLog(post);
  const stop = new AbortController();
  const { signal } = stop;
  const checkpoints = new Checkpoints({ checkpoint: (name) => engine.checkpoint(databaseKey(name)), log, signal });
  const { control, engine, layout, blobs } = joinStore(data, {
    log,
    handles: HANDLES,
    maintenance: { hold: () => Promise.resolve(), grown: (name, urgent) => checkpoints.add(name, urgent) },
    fatal: (error) => post({ kind: 'fatal', message: error.message }),
  });
  const housekeeping = new Housekeeping({ engine, blobs, log, now: Date.now, signal });

  // After a run that was killed: its logs are synced, its loose bodies swept, before the store counts as settled.
  const settled = data.interrupted
    ? syncLogs(layout, SYSTEM_SYNC, signal).then(() => housekeeping.sweepAllBlobs())
    : Promise.resolve();
  settled.then(
    () => post({ kind: 'settled' }),
    (error) => {
      if (!signal.aborted) post({ kind: 'fatal', message: `what a killed run left could not be settled: ${error}` });
    },
  );
  const strays = settled.then(() =>
    data.interrupted && !signal.aborted ? removeStrays({ engine, layout, log, began, signal }) : undefined,
  );
  strays.catch((error) => {
    if (!signal.aborted) log.warn({ err: error }, 'what is left of accounts whose creation was cut short stays');
  });
  const walks = walkNowAndThen(housekeeping, log, signal);

  control.handle('hold', (name: string) => engine.touch(databaseKey(name)));
  control.handle('grown', ({ name, urgent }: GrownLog) => checkpoints.add(name, urgent));
  control.handle('loose', (id: string) => housekeeping.sweepLoose(id));
  control.handle('owed', ({ id, mailbox }: OwedFlags) => housekeeping.settleFlags(id, mailbox));
  control.handle('settled', async () => {
    await settled;
    await Promise.allSettled([strays]);
    await housekeeping.looseSwept();
  });
  control.handle('bulk', ({ database, name, args }: { database: string; name: string; args: unknown }) =>
    engine.bulk(databaseKey(database), name, args),
  );
  const idle = setInterval(() => {
    engine.closeIdle(IDLE).catch((error) => log.error({ err: error }, 'closing idle databases failed'));
  }, IDLE_EVERY);
  port.on('message', async (message: ToBackground) => {
    if (message.kind !== 'close') return;
    clearInterval(idle);
    stop.abort();
    await Promise.allSettled([settled, strays, walks, housekeeping.looseSwept(), housekeeping.flagsSettled()]);
    await engine.close();
    control.close();
    port.close();
  });
  control.become('background');
  post({ kind: 'ready' });
  collectStart();
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
