// What a server thread beside the main one begins with: opens its handle of the store, serves, answers the main thread, stops when told.
import { parentPort, workerData } from 'node:worker_threads';
import { collectStart } from '#config/heap.ts';
import { openStore } from '#storage/open.ts';
import { createRootLog } from './observe/log.ts';
import { ThreadMetrics } from './observe/metrics.ts';
import { type RunningThread, startThread } from './thread.ts';
import type { FromThread, ThreadData, ToThread } from './thread-messages.ts';

const data = workerData as ThreadData;
const { config, thread, shared } = data;
const { log, flush } = createRootLog({ level: config.log.level, thread });
const stopped = Promise.withResolvers<void>();

function post(message: FromThread): void {
  parentPort?.postMessage(message);
}

async function serve(): Promise<void> {
  using metrics = new ThreadMetrics(thread);
  let running: RunningThread | undefined;
  parentPort?.on('message', async (message: ToThread) => {
    if (message.kind === 'stop') stopped.resolve();
    else if (message.kind === 'sessions') {
      post({ kind: 'sessions', id: message.id, records: running?.sessions(message.subject) ?? [] });
    } else post({ kind: 'metrics', id: message.id, snapshot: await metrics.snapshot() });
  });
  await using store = await openStore({
    data: config.data,
    log,
    shared: shared.store,
    main: false,
    handles: config.storage.handles,
    retentionDays: config.storage.retentionDays,
    indexAfter: config.search.index ? config.search.indexAfter * 1000 : undefined,
    fatal: (error) => post({ kind: 'fatal', message: error.message }),
  });
  running = await startThread({ ...data, store, metrics, log, reusePort: true });
  post({ kind: 'listening' });
  collectStart();
  await stopped.promise;
  await running.stop();
}

try {
  await serve();
} catch (error) {
  post({ kind: 'fatal', message: (error as Error).message });
  log.error({ err: error }, 'the thread failed');
}
flush();
// What still holds the thread is cut: the sessions had their time.
process.exit();
