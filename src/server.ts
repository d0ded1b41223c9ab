// The composition root: the store, the memory that threads share, and the server threads, of which this one is the first.
// What is started is stopped in the opposite order.
import { randomBytes } from 'node:crypto';
import { availableParallelism } from 'node:os';
import type { Logger } from 'pino';
import type { Config } from '#config/schema.ts';
import { createHealthServer } from '#protocols/http/health.ts';
import { createRecentShared } from '#protocols/imap/recent.ts';
import type { SessionRecord } from '#protocols/ports.ts';
import { createStoreShared, type OpenStore, openStore } from '#storage/open.ts';
import { createAdmissionShared } from './admission.ts';
import { createAuthShared } from './auth/shared.ts';
import type { CertificateFiles } from './certificates/provider.ts';
import { ensureSelfSigned } from './certificates/self-signed.ts';
import { createConductShared } from './conduct.ts';
import { type BoundAddress, type ListenTable, reservePorts } from './listeners.ts';
import { metricsPage, ThreadMetrics } from './observe/metrics.ts';
import { startOutbound } from './outbound/start.ts';
import { type RunningThread, startThread } from './thread.ts';
import type { ServerShared } from './thread-messages.ts';
import { type ServerThreads, startThreads } from './threads.ts';

/** What node:tls takes. */
const TICKET_KEY_BYTES = 48;

export interface ServerOptions {
  readonly log: Logger;
  /** Writes what the log has buffered, before the process ends. */
  readonly flush?: () => void;
  /** Called when the server can't go on; ends the process unless said otherwise. */
  readonly fatal?: (error: Error) => void;
  /** The program of a server thread, for tests. */
  readonly entry?: URL;
}

export interface RunningServer {
  readonly addresses: readonly BoundAddress[];
  /** The main thread's handle of the store. */
  readonly store: OpenStore;
  /** The last sessions of an IP address or an account, of all threads. */
  sessions(subject: string): Promise<SessionRecord[]>;
  /** Stops gracefully: nothing new, what is in hand is finished, the store is closed. */
  stop(): Promise<void>;
}

/** Starts everything that the configuration asks for; rejects, with nothing left running, if a part can't start. */
export async function startServer(config: Config, options: ServerOptions): Promise<RunningServer> {
  const { log } = options;
  const fatal = options.fatal ?? ((error) => endProcess(error, options));
  await using stack = new AsyncDisposableStack();
  const shared = createShared();
  const store = stack.use(
    await openStore({
      data: config.data,
      log,
      shared: shared.store,
      main: true,
      handles: config.storage.handles,
      retentionDays: config.storage.retentionDays,
      indexAfter: config.search.index ? config.search.indexAfter * 1000 : undefined,
      fatal,
    }),
  );
  const metrics = stack.use(new ThreadMetrics(0));
  const certificates = await certificatesOf(config);
  const { entry = new URL('./server-worker.ts', import.meta.url) } = options;
  const parts: StartParts = { config, shared, certificates, store, metrics, log, entry, fatal };
  const threads = await startAll(parts);
  stack.defer(() => stopAll(threads));
  stack.use(startOutbound({ config, store, log, shared, delivered: (state, count) => metrics.delivery(state, count) }));
  const { addresses } = threads.here;
  const running = stack.move();
  log.info({ addresses, threads: config.threads }, 'listening');
  return {
    addresses,
    store,
    sessions: async (subject) => [...threads.here.sessions(subject), ...(await threads.others.sessions(subject))],
    stop: () => running.disposeAsync(),
  };
}

interface StartParts {
  readonly config: Config;
  readonly shared: ServerShared;
  readonly certificates: readonly CertificateFiles[];
  readonly store: OpenStore;
  readonly metrics: ThreadMetrics;
  readonly log: Logger;
  readonly entry: URL;
  readonly fatal: (error: Error) => void;
}

/** The thread that this is, and the others. */
interface Threads {
  readonly here: RunningThread;
  readonly others: ServerThreads;
}

/** Starts all threads at once. Where one can't start, the ones that could are stopped before the caller is told. */
async function startAll(parts: StartParts): Promise<Threads> {
  const { config } = parts;
  const several = config.threads > 1;
  // One thread alone binds its ports itself.
  const reserved = several ? await reservePorts(config.listen) : undefined;
  const listen = reserved?.listen ?? config.listen;
  try {
    const others = startOthers(parts, listen);
    const here = startHere(parts, listen, others);
    const started = await Promise.allSettled([here, others]);
    if (started.some(({ status }) => status === 'rejected')) {
      await Promise.all(started.map((thread) => (thread.status === 'fulfilled' ? thread.value.stop() : undefined)));
    }
    return { here: await here, others: await others };
  } finally {
    reserved?.release();
  }
}

async function stopAll({ here, others }: Threads): Promise<void> {
  await Promise.all([here.stop(), others.stop()]);
}

/** This thread serves like any other, and the operator's listener too, since it sees all the others. */
function startHere(parts: StartParts, listen: ListenTable, others: Promise<ServerThreads>): Promise<RunningThread> {
  const { config, store, metrics, log } = parts;
  const http = createHealthServer({
    check: () => store.directory.domains(),
    metrics: async () => {
      metrics.queue(await store.queue.totals());
      return metricsPage([await metrics.snapshot(), ...(await (await others).snapshots())]);
    },
    log,
  });
  return startThread({ ...parts, listen, servers: { http }, reusePort: config.threads > 1 });
}

function startOthers(parts: StartParts, listen: ListenTable): Promise<ServerThreads> {
  const { config, shared, certificates, entry, fatal } = parts;
  const data = Array.from({ length: config.threads - 1 }, (_, index) => ({
    ...{ config, shared, certificates },
    listen: { ...listen, http: [] },
    thread: index + 1,
  }));
  return startThreads({ entry, data, died: fatal });
}

function createShared(): ServerShared {
  return {
    store: createStoreShared(),
    auth: createAuthShared(availableParallelism()),
    admission: createAdmissionShared(),
    conduct: createConductShared(),
    recent: createRecentShared(Date.now()),
    ticketKeys: new Uint8Array(randomBytes(TICKET_KEY_BYTES)),
  };
}

/** The configured certificates, or the self-signed one. */
async function certificatesOf({ tls, data, hostname }: Config): Promise<readonly CertificateFiles[]> {
  if (tls.certificates.length > 0) return tls.certificates;
  const path = await ensureSelfSigned(data, hostname);
  return [{ certificate: path, key: path }];
}

/** The supervisor starts a new process, which begins with what is durable. */
function endProcess(error: Error, { log, flush }: ServerOptions): never {
  log.fatal({ err: error }, 'the server can not go on');
  flush?.();
  process.exit(1);
}
