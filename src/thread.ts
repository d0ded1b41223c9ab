// One server thread: a complete server over the store, with its listeners. Each worker runs one; with threads = 1 the
// main thread does.
import type { ListenerName } from '#config/schema.ts';
import type { ProtocolServer } from '#protocols/ports.ts';
import { STOP_MS } from './limits.ts';
import { type BoundAddress, type ListenersOptions, openListeners } from './listeners.ts';

export interface RunningThread {
  readonly addresses: readonly BoundAddress[];
  /** Stops accepting, lets the sessions finish their commands and say goodbye; what is not done in time is left. */
  stop(): Promise<void>;
}

/** Listens; rejects if an address can't be had. */
export async function startThread(options: ListenersOptions): Promise<RunningThread> {
  const listeners = await openListeners(options);
  return {
    addresses: listeners.addresses,
    async stop() {
      listeners.close();
      await closeServers(options);
    },
  };
}

async function closeServers({ servers, log }: ListenersOptions): Promise<void> {
  const unique = new Map<ProtocolServer, ListenerName>();
  for (const [name, server] of Object.entries(servers)) unique.set(server, name as ListenerName);
  const late = Promise.withResolvers<void>();
  const timer = setTimeout(late.resolve, STOP_MS);
  await Promise.race([Promise.all([...unique.keys()].map((server) => server.close())), late.promise]);
  clearTimeout(timer);
  for (const [server, listener] of unique) {
    if (server.connections > 0) log.warn({ listener, connections: server.connections }, 'connections are cut');
  }
}
