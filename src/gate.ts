// Between a listening socket and its protocol: admits a connection or refuses it in the protocol's own words, and
// establishes implicit TLS (RFC 8314) before the protocol sees it.
import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import type { Logger } from 'pino';
import type { ListenerName } from '#config/schema.ts';
import { peek } from '#protocols/net/opening.ts';
import { parseProxyHeader, type Source } from '#protocols/net/proxy.ts';
import type { ProtocolServer, SessionKeeper, TlsProvider } from '#protocols/ports.ts';
import type { Admission, Refusal } from './admission.ts';
import {
  HELLO_WAIT_MS,
  MAX_REFUSALS,
  MAX_TLS_HANDSHAKES,
  PROXY_REST_MS,
  PROXY_WAIT_MS,
  REFUSAL_MS,
  TLS_HANDSHAKE_MS,
} from './limits.ts';
import { plainAddress } from './peers.ts';

export interface GateOptions {
  readonly hostname: string;
  readonly tls: TlsProvider;
  readonly admission: Admission;
  trusted(address: string): boolean;
  /** May this address say for whom it speaks ([listen] proxy_from)? */
  proxied(address: string): boolean;
  /** Counts a refused connection. */
  refused(listener: ListenerName, reason: Refusal | 'handshakes'): void;
  readonly sessions: SessionKeeper;
  readonly log: Logger;
  /** How long a handshake may take. */
  readonly handshakeMs?: number;
}

const IMPLICIT_TLS: ReadonlySet<ListenerName> = new Set(['submissions', 'imaps', 'pop3s', 'https']);

const PLAIN_TWIN: Partial<Record<ListenerName, ListenerName>> = {
  submissions: 'submission',
  imaps: 'imap',
  pop3s: 'pop3',
};

/** The first octet of a TLS connection: a record of the type handshake (RFC 8446 5.1). */
const TLS_HANDSHAKE = 0x16;

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
    const { remoteAddress, remotePort } = socket;
    // Gone before it was accepted.
    if (remoteAddress === undefined || remotePort === undefined) {
      socket.destroy();
      return;
    }
    const direct = { listener, server, socket, source: { address: plainAddress(remoteAddress), port: remotePort } };
    if (this.#options.proxied(direct.source.address)) void this.#behindProxy(direct);
    else this.#admit(direct);
  }

  /** A proxy says first for whom it speaks; without a header it speaks for itself. */
  async #behindProxy(arrival: Arrival): Promise<void> {
    const { listener, socket } = arrival;
    socket.on('error', destroy);
    let header = parseProxyHeader((await peek(socket, PROXY_WAIT_MS, () => true)) ?? Buffer.of());
    if (header.kind === 'partial') {
      const whole = (bytes: Buffer) => parseProxyHeader(bytes).kind !== 'partial';
      header = parseProxyHeader((await peek(socket, PROXY_REST_MS, whole)) ?? Buffer.of());
    }
    socket.off('error', destroy);
    if (socket.destroyed) return;
    if (header.kind === 'header') {
      socket.read(header.length);
      this.#admit({ ...arrival, source: header.source ?? arrival.source });
    } else if (header.kind === 'none' || socket.readableLength === 0) this.#admit(arrival);
    else {
      this.#options.log.warn({ listener, address: arrival.source.address }, 'a proxy sent a malformed PROXY header');
      socket.destroy();
    }
  }

  #admit(arrival: Arrival): void {
    const { listener, server, socket, source } = arrival;
    const trusted = this.#options.trusted(source.address);
    if (!trusted) {
      const admitted = this.#options.admission.admit(source.address, listener);
      if (typeof admitted === 'string') {
        this.#refuse(listener, socket, admitted, source.address);
        return;
      }
      socket.once('close', admitted);
    }
    if (IMPLICIT_TLS.has(listener)) void this.#expectTls(arrival, trusted);
    else if (listener === 'submission') void this.#perhapsTls(arrival, trusted);
    else server.accept(socket, false, source);
  }

  /** Programs are set up with the wrong one of the ports; on submission both ways work on each (F200). MX never does. */
  async #perhapsTls(arrival: Arrival, trusted: boolean): Promise<void> {
    const { server, socket, source } = arrival;
    socket.on('error', destroy);
    const opening = await peek(socket, HELLO_WAIT_MS, () => true);
    socket.off('error', destroy);
    if (opening?.[0] === TLS_HANDSHAKE) this.#handshake(arrival, trusted, this.#handshakeMs);
    else server.accept(socket, false, source);
  }

  /** Where TLS comes first a client that speaks, or waits for, plain text is told so, and so is the log (F200). */
  async #expectTls(arrival: Arrival, trusted: boolean): Promise<void> {
    const { listener, socket, source } = arrival;
    const until = performance.now() + this.#handshakeMs;
    socket.on('error', destroy);
    const opening = await peek(socket, this.#handshakeMs, () => true);
    socket.off('error', destroy);
    if (opening?.[0] === TLS_HANDSHAKE) return this.#handshake(arrival, trusted, until - performance.now());
    if (socket.destroyed || socket.readableEnded) {
      socket.destroy();
      return;
    }
    const what = opening === null ? 'waits for a greeting' : 'speaks plain text';
    this.#options.log.warn(
      { listener, address: source.address },
      `a client ${what} on a port that begins with TLS: it is set to STARTTLS or to no encryption`,
    );
    const line = plainLine(listener, this.#options.hostname, 'This port begins with TLS: set your program to it');
    const said = [`C: ${opening === null ? '(nothing)' : printable(opening)}`, `S: ${line?.trimEnd() ?? ''}`];
    const { address } = source;
    const started = Date.now();
    const nobody = { login: null, account: null, program: '' };
    this.#options.sessions.keep({ listener, address, ...nobody, started, seconds: 0, tls: null, lines: said });
    this.#say(socket, line);
  }

  get #handshakeMs(): number {
    return this.#options.handshakeMs ?? TLS_HANDSHAKE_MS;
  }

  #refuse(listener: ListenerName, socket: Socket, reason: Refusal, address: string): void {
    this.#options.refused(listener, reason);
    this.#options.log.warn({ listener, address, reason }, 'connection refused');
    this.#say(socket, refusalLine(listener, this.#options.hostname, REASONS[reason]));
  }

  /** The last words to a socket that nobody serves. */
  #say(socket: Socket, line: string | undefined): void {
    socket.on('error', destroy);
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

  #handshake({ listener, server, socket, source }: Arrival, trusted: boolean, ms: number): void {
    if (!trusted && this.#handshakes >= MAX_TLS_HANDSHAKES) {
      this.#options.refused(listener, 'handshakes');
      socket.destroy();
      return;
    }
    const { address } = source;
    const counts = trusted ? 0 : 1;
    this.#handshakes += counts;
    const secured = new TLSSocket(socket, { isServer: true, ...this.#options.tls.options() });
    secured.disableRenegotiation();
    const timeout = setTimeout(() => fail(new Error('the handshake took too long')), Math.max(0, ms));
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
      server.accept(secured, true, source);
    };
    secured.once('error', fail);
    secured.once('close', closed);
    secured.once('secure', succeed);
  }
}

/** A connection on its way to its protocol. */
interface Arrival {
  readonly listener: ListenerName;
  readonly server: ProtocolServer;
  readonly socket: Socket;
  /** Who it is of: the other side of the socket, or who a proxy says. */
  readonly source: Source;
}

function destroy(this: Socket): void {
  this.destroy();
}

/** What a plain-text listener says before it closes; a TLS one has no words before the handshake. */
function refusalLine(listener: ListenerName, hostname: string, reason: string): string | undefined {
  switch (listener) {
    case 'smtp':
    case 'submission':
    case 'lmtp':
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

/** The same in the protocol that a TLS listener speaks, to somebody who does not speak TLS. */
function plainLine(listener: ListenerName, hostname: string, reason: string): string | undefined {
  const plain = PLAIN_TWIN[listener];
  return plain && refusalLine(plain, hostname, reason);
}

/** The first line of what somebody said. */
function printable(bytes: Buffer): string {
  const [line = ''] = bytes.toString('latin1', 0, 100).split(/\r?\n/);
  return line.replace(/[^\x20-\x7e]/g, '?');
}
