// Runs the server of `serve` and `demo` in this process, from its start to a signal.

import { setTimeout as sleep } from 'node:timers/promises';
import { collectStart, freeYoungGeneration } from '#config/heap.ts';
import type { Config } from '#config/schema.ts';
import { StoreError } from '#storage/errors.ts';
import { connectControl } from '../control/client.ts';
import { serveControl } from '../control/server.ts';
import { endAtOnce } from '../end-at-once.ts';
import { createRootLog, type RootLog } from '../observe/log.ts';
import { type RunningServer, startServer } from '../server.ts';
import { Refused } from './command.ts';

/** SIGTERM must end the process within 20 s; what is not done by then is cut, which loses nothing that was answered. */
const STOP_MS = 19_000;

/** How long another process may keep the data directory: a command that runs, a server that stops. */
const LOCK_WAIT_MS = 10_000;
const LOCK_RETRY_MS = 50;

/** SIGHUP: a terminal that is closed. */
const SIGNALS = ['SIGTERM', 'SIGINT', 'SIGHUP'] as const;

/** Starts the server, calls `ready`, and resolves with the exit status when a signal has ended it. */
export async function runServer(
  config: Config,
  ready: (server: RunningServer) => void | Promise<void>,
): Promise<number> {
  const root = createRootLog({ level: config.log.level, thread: 0 });
  const stopped = Promise.withResolvers<NodeJS.Signals>();
  for (const signal of SIGNALS) process.once(signal, stopped.resolve);
  try {
    // What is started is stopped in the opposite order, after a signal as after a failure.
    await using stack = new AsyncDisposableStack();
    const server = await startWhenFree(config, root);
    stack.defer(() => server.stop());
    const sessions = (subject: string) => server.sessions(subject);
    stack.use(await serveControl({ config, store: server.store, log: root.log, running: true, sessions }));
    await ready(server);
    freeYoungGeneration();
    collectStart();
    root.log.info({ signal: await stopped.promise }, 'stopping');
    const late = setTimeout(() => endAtOnce(root), STOP_MS);
    await stack.disposeAsync();
    clearTimeout(late);
    return 0;
  } finally {
    root.flush();
    for (const signal of SIGNALS) process.off(signal, stopped.resolve);
  }
}

/** Waits for the data directory if a command has it, not if a server does. */
async function startWhenFree(config: Config, { log, flush }: RootLog): Promise<RunningServer> {
  const deadline = performance.now() + LOCK_WAIT_MS;
  for (;;) {
    try {
      return await startServer(config, { log, flush });
    } catch (error) {
      if (!(error instanceof StoreError && error.code === 'busy')) throw error;
      const other = await connectControl(config.data);
      other?.destroy();
      if (other !== undefined) throw new Refused(`a server already runs on ${config.data}`, { cause: error });
      if (performance.now() > deadline) throw error;
    }
    await sleep(LOCK_RETRY_MS);
  }
}
