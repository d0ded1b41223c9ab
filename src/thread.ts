// One server thread: a complete server over its own handle of the store, with its listeners. The main thread runs one,
// and so does each worker.
import type { Logger } from 'pino';
import type { ListenerName } from '#config/schema.ts';
import type { ProtocolServer, SessionRecord } from '#protocols/ports.ts';
import type { Store } from '#storage/ports.ts';
import { Admission } from './admission.ts';
import { loadCertificates } from './certificates/provider.ts';
import { STOP_MS } from './limits.ts';
import { type BoundAddress, openListeners } from './listeners.ts';
import { DeviceNotes } from './observe/devices.ts';
import { explain } from './observe/explain.ts';
import type { ThreadMetrics } from './observe/metrics.ts';
import { Sessions } from './observe/sessions.ts';
import { networkMatcher } from './peers.ts';
import { createProtocolServers } from './protocol-servers.ts';
import type { ThreadData } from './thread-messages.ts';

export interface ThreadParts extends Omit<ThreadData, 'thread'> {
  readonly store: Store;
  readonly metrics: ThreadMetrics;
  readonly log: Logger;
  /** Other threads listen on the same ports. */
  readonly reusePort: boolean;
  /** Served here beside the mail protocols. */
  readonly servers?: Partial<Record<ListenerName, ProtocolServer>>;
}

export interface RunningThread {
  readonly addresses: readonly BoundAddress[];
  /** The last sessions here of an IP address or an account. */
  sessions(subject: string): readonly SessionRecord[];
  /** Stops accepting, lets the sessions finish their commands and say goodbye; what is not done in time is left. */
  stop(): Promise<void>;
}

/** Serves; rejects if a certificate can't be used or an address can't be had. */
export async function startThread(parts: ThreadParts): Promise<RunningThread> {
  const { config, shared, metrics, log } = parts;
  await using stack = new AsyncDisposableStack();
  const { ticketKeys } = shared;
  const tls = stack.use(await loadCertificates(parts.certificates, { log, ticketKeys }));
  const devices = stack.use(new DeviceNotes({ devices: parts.store.devices, log }));
  const sessions = new Sessions();
  const kept = { keep: (record: SessionRecord) => keep(record, sessions, devices) };
  const servers = { ...(await createProtocolServers({ ...parts, tls, devices, sessions: kept })), ...parts.servers };
  stack.defer(() => closeServers(servers, log));
  const listeners = await openListeners({
    listen: parts.listen,
    reusePort: parts.reusePort,
    servers,
    hostname: config.hostname,
    tls,
    admission: new Admission(shared.admission),
    trusted: networkMatcher(config.limits.trustedNetworks),
    proxied: networkMatcher(config.proxyFrom),
    sessions: kept,
    refused: (listener, reason) => metrics.refused(listener, reason),
    log,
  });
  stack.defer(() => listeners.close());
  const running = stack.move();
  return {
    addresses: listeners.addresses,
    sessions: (subject) => sessions.find(subject),
    stop: () => running.disposeAsync(),
  };
}

/** Keeps a session for the administrator, and what it says of the program that it was with. */
function keep(record: SessionRecord, sessions: Sessions, devices: DeviceNotes): void {
  sessions.keep(record);
  const { account, program, address, lines } = record;
  if (account === null) return;
  devices.seen(account, 'smtp', program, address);
  const fault = explain(lines).at(-1);
  if (fault !== undefined) devices.failed(account, 'smtp', program, address, fault);
}

/** Closes every server once; names those that did not finish in time. */
async function closeServers(servers: Partial<Record<ListenerName, ProtocolServer>>, log: Logger): Promise<void> {
  const unique = new Map(Object.entries(servers).map(([listener, server]) => [server, listener]));
  const late = Promise.withResolvers<void>();
  const timer = setTimeout(late.resolve, STOP_MS);
  await Promise.race([Promise.all([...unique.keys()].map((server) => server.close())), late.promise]);
  clearTimeout(timer);
  for (const [server, listener] of unique) {
    if (server.connections > 0) log.warn({ listener, connections: server.connections }, 'connections are cut');
  }
}
