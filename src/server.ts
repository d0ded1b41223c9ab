// The composition root: the store, the memory that threads share, the server threads or the one that this is, and the
// operator's listener. What is started is stopped in the opposite order.
import { randomBytes } from 'node:crypto';
import { availableParallelism } from 'node:os';
import type { Logger } from 'pino';
import type { Config } from '#config/schema.ts';
import { createHealthServer } from '#protocols/http/health.ts';
import { createRecentShared } from '#protocols/imap/recent.ts';
import type { TlsProvider } from '#protocols/ports.ts';
import { createStoreShared, type OpenStore, openStore } from '#storage/open.ts';
import { Admission, createAdmissionShared } from './admission.ts';
import { createAuthShared } from './auth/shared.ts';
import type { CertificateFiles } from './certificates/provider.ts';
import { ensureSelfSigned } from './certificates/self-signed.ts';
import { type BoundAddress, type ListenTable, openListeners, reservePorts } from './listeners.ts';
import { type MetricsSnapshot, metricsPage, ThreadMetrics } from './observe/metrics.ts';
import { networkMatcher } from './peers.ts';
import type { ServerShared } from './thread-messages.ts';
import { startThreads } from './threads.ts';

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
      fatal,
    }),
  );
  const certificates = await certificatesOf(config);
  const metrics = stack.use(new ThreadMetrics(0));
  const parts: StartParts = { config, shared, store, certificates, metrics, log, fatal, entry: options.entry };
  const serving = await (config.threads > 1 ? serveInThreads(parts) : serveHere(parts));
  stack.defer(() => serving.stop());
  const operator = await openOperatorListener(parts, serving);
  stack.defer(() => operator.close());
  const running = stack.move();
  const addresses = [...serving.addresses, ...operator.addresses];
  log.info({ addresses, threads: config.threads }, 'listening');
  return { addresses, store, stop: () => running.disposeAsync() };
}

interface StartParts {
  readonly config: Config;
  readonly shared: ServerShared;
  readonly store: OpenStore;
  readonly certificates: readonly CertificateFiles[];
  readonly metrics: ThreadMetrics;
  readonly log: Logger;
  readonly fatal: (error: Error) => void;
  readonly entry: URL | undefined;
}

/** The mail protocols, wherever they run. */
interface Serving {
  readonly addresses: readonly BoundAddress[];
  /** Counts of the threads other than this one. */
  snapshots(): Promise<MetricsSnapshot[]>;
  stop(): Promise<void>;
}

async function serveHere(parts: StartParts): Promise<Serving> {
  // Loaded only here: with several threads the main one serves no mail, starts sooner without it, and is smaller.
  const { startThread } = await import('./thread.ts');
  const thread = await startThread({ ...parts, listen: forMail(parts.config), reusePort: false });
  return { ...thread, snapshots: async () => [] };
}

async function serveInThreads(parts: StartParts): Promise<Serving> {
  const { config, shared, certificates } = parts;
  const { listen, release } = await reservePorts(forMail(config));
  try {
    const data = Array.from({ length: config.threads }, (_, index) => ({
      ...{ config, shared, listen, certificates },
      thread: index + 1,
    }));
    const entry = parts.entry ?? new URL('./server-worker.ts', import.meta.url);
    return await startThreads({ entry, data, died: parts.fatal });
  } finally {
    release();
  }
}

/** What the server threads listen on. */
function forMail({ listen }: Config): ListenTable {
  return { ...listen, http: [] };
}

interface OperatorListener {
  readonly addresses: readonly BoundAddress[];
  close(): Promise<void>;
}

/** /healthz and /metrics: in the main thread, which sees all the others. */
async function openOperatorListener(parts: StartParts, serving: Serving): Promise<OperatorListener> {
  const { config, shared, store, metrics, log } = parts;
  const http = createHealthServer({
    check: () => store.directory.domains(),
    metrics: async () => metricsPage([await metrics.snapshot(), ...(await serving.snapshots())]),
    log,
  });
  const listeners = await openListeners({
    listen: config.listen,
    reusePort: false,
    servers: { http },
    hostname: config.hostname,
    tls: NO_TLS,
    admission: new Admission(shared.admission),
    trusted: networkMatcher(config.limits.trustedNetworks),
    refused: (listener, reason) => metrics.refused(listener, reason),
    log,
  });
  return {
    addresses: listeners.addresses,
    async close() {
      listeners.close();
      await http.close();
    },
  };
}

/** http is served in the clear. */
const NO_TLS: TlsProvider = {
  options() {
    throw new Error('this listener has no TLS');
  },
};

function createShared(): ServerShared {
  return {
    store: createStoreShared(),
    auth: createAuthShared(availableParallelism()),
    admission: createAdmissionShared(),
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
