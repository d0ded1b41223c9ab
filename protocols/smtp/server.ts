// The SMTP server of a thread: takes sockets from the listeners and gives each its connection. It is smtp-server's
// SMTPServer without its listening socket and without its certificate.

import type { Socket } from 'node:net';
import type { SecureContext } from 'node:tls';
import type { Logger } from 'pino';
import { peerOf } from '#protocols/net/connection.ts';
import { LINGER_MS } from '#protocols/net/limits.ts';
import type { Source } from '#protocols/net/proxy.ts';
import type { Ingress, Peer, PeerConduct, ProtocolServer, SmtpReply, Submission } from '#protocols/ports.ts';
import { Connection } from './connection.ts';
import { LIMITS, type Limits } from './limits.ts';
import { SMTPServer } from './package.ts';
import { format, Reply } from './replies.ts';
import type { Kind, Part, PartContext, QueueOffers } from './session.ts';

export interface SmtpContext extends PartContext {
  /** Needed by `mx` and `lmtp`. */
  readonly ingress?: Ingress;
  /** Needed by `submission`. */
  readonly submission?: Submission;
  /** Nothing unless said otherwise. */
  readonly queue?: QueueOffers;
}

/** A server for MX, submission or LMTP; `limits` are for tests. */
export function createSmtpServer(context: SmtpContext, kind: Kind, limits: Partial<Limits> = {}): ProtocolServer {
  const { ingress, submission, queue = {} } = context;
  if ((kind === 'submission' ? submission : ingress) === undefined)
    throw new Error(`${kind} has nobody to hand mail to`);
  const part: Part = { kind, context, limits: { ...LIMITS, ...limits }, ingress, submission, queue };
  const server = new SmtpServer(part);
  return {
    accept: (socket, secure, source) => server.take(socket, secure, source),
    close: () => server.stop(),
    get connections() {
      return server.open.size;
    },
  };
}

export class SmtpServer extends SMTPServer {
  readonly part: Part;
  readonly open = new Set<Connection>();
  /** Set once stop() is called; resolved when the last connection is gone. */
  #stopped: PromiseWithResolvers<void> | null = null;

  constructor(part: Part) {
    const name = part.context.hostname; // else it asks the system for it with each connection
    super({ logger: false, disableReverseLookup: true, socketTimeout: part.limits.idleMs, name });
    this.part = part;
  }

  /** Takes a socket over. */
  take(socket: Socket, secure: boolean, source?: Source): void {
    const { context } = this.part;
    const peer = peerOf(socket, context.trusted, source);
    if (peer === undefined) {
      socket.destroy(); // gone already
      return;
    }
    const conduct = this.conductOf(peer);
    const refusal = this.#full() ?? this.refusalOf(conduct);
    if (refusal !== null) {
      socket.on('error', () => socket.destroy());
      socket.end(format(refusal)).resume();
      setTimeout(() => socket.destroy(), LINGER_MS).unref();
      return;
    }
    const connection = new Connection(this, socket, {
      peer,
      conduct,
      secure,
      proxied: context.proxied?.(socket.remoteAddress ?? '') === true,
      log: this.logOf(peer),
      onGone: () => this.#left(connection),
    });
    this.open.add(connection);
    connection.init();
  }

  logOf({ connection, address }: Peer): Logger {
    return this.part.context.log.child({ connection, address });
  }

  /** What a peer did lately; null for a trusted one, and for our own MTA. */
  conductOf({ address, trusted }: Peer): PeerConduct | null {
    return trusted || this.part.kind === 'lmtp' ? null : this.part.context.conduct.of(address);
  }

  /** Why nobody is greeted. */
  #full(): SmtpReply | null {
    if (this.#stopped !== null) return Reply.stopping;
    return this.open.size >= this.part.limits.connections ? Reply.tooManyConnections : null;
  }

  /** Why this peer is not greeted. */
  refusalOf(conduct: PeerConduct | null): SmtpReply | null {
    const { limits } = this.part;
    return (conduct?.count('spoiled-session') ?? 0) > limits.spoiledSessions ? Reply.spoiled : null;
  }

  /** Stops: no new connections, the ones in hand finish what they are at. Resolves when all are gone. */
  stop(): Promise<void> {
    if (this.#stopped !== null) return this.#stopped.promise;
    const stopped = Promise.withResolvers<void>();
    this.#stopped = stopped;
    for (const connection of this.open) connection.stop();
    const grace = setTimeout(() => {
      for (const connection of this.open) connection.destroy();
    }, this.part.limits.graceMs);
    if (this.open.size === 0) stopped.resolve();
    return stopped.promise.finally(() => clearTimeout(grace));
  }

  #left(connection: Connection): void {
    this.open.delete(connection);
    if (this.open.size === 0) this.#stopped?.resolve();
  }

  /** smtp-server would load its own public test key here; the certificate comes from our provider, at each upgrade. */
  override updateSecureContext(): void {
    this.secureContext = new Map();
  }

  /** The certificate for an upgrade that begins now. */
  refreshSecureContext(): void {
    this.secureContext.set('*', this.part.context.tls.options().secureContext);
  }

  /** SNI by our provider. */
  override _resolveSNI(servername: string, done: (error: Error | null, context?: SecureContext) => void): void {
    const { SNICallback, secureContext } = this.part.context.tls.options();
    if (SNICallback === undefined) done(null, secureContext);
    else SNICallback(servername, done);
  }
}
