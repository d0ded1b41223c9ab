// The listening sockets: opened by each thread on the same ports, after the main thread has found them free.
import { createServer, isIPv6, type Server, type Socket } from 'node:net';
import { LISTENERS, type ListenAddress, type ListenerName } from '#config/schema.ts';
import type { ProtocolServer } from '#protocols/ports.ts';
import { Gate, type GateOptions } from './gate.ts';
import { BACKLOG, TCP_KEEPALIVE_MS } from './limits.ts';

/** An address that is listened on, with the port it really has. */
export interface BoundAddress {
  readonly listener: ListenerName;
  readonly host: string;
  readonly port: number;
}

export type ListenTable = Readonly<Record<ListenerName, readonly ListenAddress[]>>;

export interface ListenersOptions extends GateOptions {
  readonly listen: ListenTable;
  /** Other threads listen on the same ports. */
  readonly reusePort: boolean;
  /** Who serves which listener; one without a server is not opened. */
  readonly servers: Partial<Record<ListenerName, ProtocolServer>>;
}

export interface Listeners {
  readonly addresses: readonly BoundAddress[];
  /** Stops accepting; what was accepted goes on. */
  close(): void;
}

/** Opens all or none; rejects with a line that names the listener and its address. */
export async function openListeners(options: ListenersOptions): Promise<Listeners> {
  const gate = new Gate(options);
  const opened: Server[] = [];
  const addresses: BoundAddress[] = [];
  const close = () => opened.forEach(stopListening);
  try {
    for (const [listener, address] of each(options.listen)) {
      const server = options.servers[listener];
      if (server === undefined) continue;
      const listening = await bind(listener, address, {
        reusePort: options.reusePort,
        ipv6Only: needsIpv6Only(options.listen[listener], address),
        onConnection: (socket) => gate.enter(listener, server, socket),
      });
      // An accept that fails (no descriptor left) fails one connection; the listener stays.
      listening.on('error', (error) => options.log.error({ err: error, listener }, 'could not accept a connection'));
      opened.push(listening);
      addresses.push({ listener, host: address.host, port: portOf(listening) });
    }
  } catch (error) {
    close();
    throw error;
  }
  return { addresses, close };
}

/**
 * Finds out, before any thread starts, that every address can be listened on, and turns port 0 into one free port for
 * all threads, held until `release`. Without this a second server with reusePort would share the ports of the first.
 */
export async function reservePorts(listen: ListenTable): Promise<{ listen: ListenTable; release(): void }> {
  const held: Server[] = [];
  const release = () => held.forEach(stopListening);
  const resolved = Object.fromEntries(LISTENERS.map((name) => [name, [] as ListenAddress[]])) as Record<
    ListenerName,
    ListenAddress[]
  >;
  try {
    for (const [listener, address] of each(listen)) {
      const probe = await bind(listener, address, {
        // Only a held port is shared with the threads that come; the others must be nobody's.
        reusePort: address.port === 0,
        ipv6Only: needsIpv6Only(listen[listener], address),
        // Nobody knows this port yet.
        onConnection: (socket) => socket.destroy(),
      });
      resolved[listener].push({ host: address.host, port: portOf(probe) });
      if (address.port === 0) held.push(probe);
      else stopListening(probe);
    }
  } catch (error) {
    release();
    throw error;
  }
  return { listen: resolved, release };
}

function* each(listen: ListenTable): Generator<[ListenerName, ListenAddress]> {
  for (const listener of LISTENERS) for (const address of listen[listener]) yield [listener, address];
}

/** `[::]` takes IPv4 too, unless the list has an IPv4 address on the same port. */
function needsIpv6Only(all: readonly ListenAddress[], address: ListenAddress): boolean {
  return isIPv6(address.host) && all.some((other) => !isIPv6(other.host) && other.port === address.port);
}

interface BindOptions {
  readonly reusePort: boolean;
  readonly ipv6Only: boolean;
  onConnection(socket: Socket): void;
}

function bind(listener: ListenerName, address: ListenAddress, options: BindOptions): Promise<Server> {
  const { promise, resolve, reject } = Promise.withResolvers<Server>();
  const server = createServer(
    { noDelay: true, keepAlive: true, keepAliveInitialDelay: TCP_KEEPALIVE_MS },
    options.onConnection,
  );
  const failed = (error: NodeJS.ErrnoException) => {
    reject(
      new Error(`${listener} can't listen on ${address.host}:${address.port}: ${reasonOf(error)}`, { cause: error }),
    );
  };
  server.once('error', failed);
  server.listen(
    {
      host: address.host,
      port: address.port,
      reusePort: options.reusePort,
      ipv6Only: options.ipv6Only,
      backlog: BACKLOG,
    },
    () => {
      server.off('error', failed);
      resolve(server);
    },
  );
  return promise;
}

function reasonOf(error: NodeJS.ErrnoException): string {
  switch (error.code) {
    case 'EADDRINUSE':
      return 'another program listens there';
    case 'EACCES':
      return 'not allowed (ports below 1024 need the capability CAP_NET_BIND_SERVICE)';
    case 'EADDRNOTAVAIL':
      return 'this machine has no such address';
    default:
      return error.message;
  }
}

function portOf(server: Server): number {
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('a listener has no address');
  return address.port;
}

/** The port is free at once; connections that were accepted live on. */
function stopListening(server: Server): void {
  server.close();
}
