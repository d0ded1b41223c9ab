// Between a listening socket and its protocol: admits a connection or refuses it in the protocol's own words, and
// establishes implicit TLS (RFC 8314) before the protocol sees it.
import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import type { Logger } from 'pino';
import type { ListenerName } from '#config/schema.ts';
import type { ProtocolServer, TlsProvider } from '#protocols/ports.ts';
import type { Admission, Refusal } from './admission.ts';
import { MAX_REFUSALS, MAX_TLS_HANDSHAKES, REFUSAL_MS, TLS_HANDSHAKE_MS } from './limits.ts';
import { plainAddress } from './peers.ts';

export interface GateOptions {
  readonly hostname: string;
  readonly tls: TlsProvider;
  readonly admission: Admission;
  trusted(address: string): boolean;
  /** Counts a refused connection. */
  refused(listener: ListenerName, reason: Refusal | 'handshakes'): void;
  readonly log: Logger;
  /** How long a handshake may take. */
  readonly handshakeMs?: number;
}

const IMPLICIT_TLS: ReadonlySet<ListenerName> = new Set(['submissions', 'imaps', 'pop3s', 'https']);

const REASONS: Readonly<Record<Refusal, string>> = {
  'too-many': 'Too many connections, try again later',
  'too-many-from-you': 'Too many connections from your address, try again later',
  'too-fast': 'Connecting too often, try again in a minute',
};

/** Everything that stands before the protocols on one thread. */
export class Gate {
  readonly #options: GateOptions;
  #handshakes = 0;
  #refusals = 0;

  constructor(options: GateOptions) {
    this.#options = options;
  }

  /** Takes a socket that a listener has accepted. */
  enter(listener: ListenerName, server: ProtocolServer, socket: Socket): void {
    const address = socket.remoteAddress;
    // Gone before it was accepted.
    if (address === undefined) {
      socket.destroy();
      return;
    }
    const trusted = this.#options.trusted(plainAddress(address));
    if (!trusted) {
      const admitted = this.#options.admission.admit(address, listener);
      if (typeof admitted === 'string') {
        this.#refuse(listener, socket, admitted);
        return;
      }
      socket.once('close', admitted);
    }
    if (IMPLICIT_TLS.has(listener)) this.#handshake(listener, server, socket, trusted);
    else server.accept(socket, false);
  }

  #refuse(listener: ListenerName, socket: Socket, reason: Refusal): void {
    this.#options.refused(listener, reason);
    this.#options.log.warn({ listener, address: socket.remoteAddress, reason }, 'connection refused');
    socket.on('error', () => socket.destroy());
    const line = refusalLine(listener, this.#options.hostname, REASONS[reason]);
    if (line === undefined || this.#refusals >= MAX_REFUSALS) {
      socket.destroy();
      return;
    }
    this.#refusals += 1;
    const cut = setTimeout(() => socket.destroy(), REFUSAL_MS);
    socket.once('close', () => {
      clearTimeout(cut);
      this.#refusals -= 1;
    });
    // What it sends meanwhile is read and dropped: a reset would take the refusal with it.
    socket.resume();
    socket.end(line);
  }

  #handshake(listener: ListenerName, server: ProtocolServer, socket: Socket, trusted: boolean): void {
    if (!trusted && this.#handshakes >= MAX_TLS_HANDSHAKES) {
      this.#options.refused(listener, 'handshakes');
      socket.destroy();
      return;
    }
    const address = socket.remoteAddress;
    const counts = trusted ? 0 : 1;
    this.#handshakes += counts;
    const secured = new TLSSocket(socket, { isServer: true, ...this.#options.tls.options() });
    secured.disableRenegotiation();
    const timeout = setTimeout(
      () => fail(new Error('the handshake took too long')),
      this.#options.handshakeMs ?? TLS_HANDSHAKE_MS,
    );
    const settle = () => {
      clearTimeout(timeout);
      this.#handshakes -= counts;
      secured.off('error', fail);
      secured.off('close', closed);
      secured.off('secure', succeed);
    };
    const fail = (error: Error) => {
      settle();
      this.#options.log.debug({ err: error, listener, address }, 'TLS handshake failed');
      // Errors of a socket that is given up tell nothing new.
      secured.on('error', () => undefined);
      secured.destroy();
      socket.destroy();
    };
    const closed = () => fail(new Error('closed during the handshake'));
    const succeed = () => {
      settle();
      server.accept(secured, true);
    };
    secured.once('error', fail);
    secured.once('close', closed);
    secured.once('secure', succeed);
  }
}

/** What a plain-text listener says before it closes; a TLS one has no words before the handshake. */
function refusalLine(listener: ListenerName, hostname: string, reason: string): string | undefined {
  switch (listener) {
    case 'smtp':
    case 'submission':
      return `421 4.7.0 ${hostname} ${reason}\r\n`; // RFC 5321 3.8
    case 'imap':
      return `* BYE [UNAVAILABLE] ${reason}\r\n`; // RFC 9051 7.1.5, RFC 5530
    case 'pop3':
      return `-ERR [SYS/TEMP] ${reason}\r\n`; // RFC 3206
    case 'http':
      return 'HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nContent-Length: 0\r\n\r\n';
    default:
      return undefined;
  }
}
