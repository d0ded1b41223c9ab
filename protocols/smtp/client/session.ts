// A session with another server, as its client (RFC 5321): greeting, EHLO or HELO, STARTTLS, transactions one after the
// other, QUIT. What a server sends is bounded in size and in time; what it says of each recipient is kept apart.

import { randomBytes } from 'node:crypto';
import { connect, type Socket } from 'node:net';
import type { ConnectionOptions } from 'node:tls';
import { Connection, TOO_LONG } from '#protocols/net/connection.ts';
import type { ChunkFaults } from './chunks.ts';
import { CLIENT_LIMITS, type ClientLimits, REPLY_LINE_OCTETS } from './limits.ts';
import { formatReply, ReplyReader, type ServerReply } from './reply.ts';
import { Transcript } from './transcript.ts';

/** Why a session could not go on: with this server, at this address, now. */
export class SessionFailure extends Error {
  /**
   * connect: it never came so far; tls: it failed to protect itself; reply: the server said no; login: it does
   * not know us; lost: it broke off.
   */
  readonly kind: 'connect' | 'tls' | 'reply' | 'login' | 'lost';
  /** As it is told to senders and operators. */
  readonly reply: ServerReply;

  constructor(kind: SessionFailure['kind'], reply: ServerReply, options?: { cause?: unknown }) {
    super(formatReply(reply), options);
    this.name = 'SessionFailure';
    this.kind = kind;
    this.reply = reply;
  }
}

/** What is asked of TLS before anything of a message is sent. */
export interface TlsWanted {
  /** may: if it is offered; must: or no mail; never: not even then; first: before anything is said (RFC 8314 3.3). */
  readonly use: 'never' | 'may' | 'must' | 'first';
  /** For the handshake: the name that is asked for, authorities, versions. */
  readonly options: ConnectionOptions;
  /** Looks at the certificate: null if it is good, or why it is not. */
  accept(connection: Connection): string | null;
}

export interface SessionOptions {
  /** An IP address. */
  readonly address: string;
  readonly port: number;
  /** The address that it is reached from; the system's choice if not given. */
  readonly localAddress?: string;
  /** What EHLO says. */
  readonly hostname: string;
  readonly tls: TlsWanted;
  readonly limits?: Partial<ClientLimits>;
  /** Servers that get no chunks; absent: this one may. */
  readonly chunkFaults?: ChunkFaults;
  /** Cuts the session, whatever it is at. */
  readonly signal?: AbortSignal;
}

export class Session {
  readonly transcript = new Transcript();
  /** What the server's last EHLO offered; empty after HELO. */
  extensions: ReadonlyMap<string, string> = new Map();
  readonly connection: Connection;
  readonly limits: ClientLimits;
  readonly #hostname: string;
  readonly #server: string;
  readonly #chunkFaults: ChunkFaults | undefined;

  private constructor(connection: Connection, options: SessionOptions, limits: ClientLimits) {
    this.connection = connection;
    this.limits = limits;
    this.#hostname = options.hostname;
    this.#server = `${options.address} ${options.port}`;
    this.#chunkFaults = options.chunkFaults;
  }

  /** Connects and says hello, over TLS as wanted; rejects with SessionFailure, its transcript told to `failed`. */
  static async open(options: SessionOptions, failed: (transcript: Transcript) => void = () => {}): Promise<Session> {
    const limits = { ...CLIENT_LIMITS, ...options.limits };
    const socket = await reach(options, limits.connectMs);
    const peer = {
      connection: randomBytes(6).toString('base64url'),
      ...{ address: options.address, port: options.port, trusted: false },
    };
    const session = new Session(new Connection(socket, peer, false), options, limits);
    const cut = () => session.connection.destroy();
    options.signal?.addEventListener('abort', cut, { once: true });
    session.connection.onClose(() => options.signal?.removeEventListener('abort', cut));
    session.transcript.note(`connected to ${options.address} port ${options.port}`);
    try {
      if (options.tls.use === 'first') await session.#handshake(options.tls);
      await session.#greet();
      await session.#protect(options.tls);
      return session;
    } catch (error) {
      failed(session.transcript);
      session.connection.destroy();
      throw error;
    }
  }

  /** It can take another transaction. */
  get usable(): boolean {
    // Something said between transactions is a goodbye.
    return !this.connection.closed && !this.connection.ended && this.connection.available === 0;
  }

  /** It may be sent BDAT: it offers it, and has not broken on it (RFC 3030 2). */
  get takesChunks(): boolean {
    return this.extensions.has('CHUNKING') && this.#chunkFaults?.has(this.#server) !== true;
  }

  /** It broke on a chunk, or while one was under way: it gets DATA from now on. */
  noteChunkFault(): void {
    this.transcript.note('no more BDAT for this server');
    this.#chunkFaults?.note(this.#server);
  }

  /** TLS version and cipher; null without. */
  get tls(): { readonly version: string; readonly cipher: string } | null {
    return this.connection.tls;
  }

  /** Writes a command; it goes with the next wait for a reply. `shown`: how it stands in the transcript. */
  send(command: string, shown = command): void {
    this.transcript.client(shown);
    this.connection.out.utf8(`${command}\r\n`);
  }

  /** A command and its reply. */
  ask(command: string, waitMs = this.limits.commandMs): Promise<ServerReply> {
    this.send(command);
    return this.reply(waitMs);
  }

  /** A line that nobody is to read afterwards, and its reply. */
  askSecretly(line: string): Promise<ServerReply> {
    this.send(line, line === '' ? '' : '***');
    return this.reply();
  }

  /** The next reply. Rejects with SessionFailure when there is none; a 421 ends the session (RFC 5321 3.8). */
  async reply(waitMs = this.limits.commandMs): Promise<ServerReply> {
    const reader = new ReplyReader();
    this.connection.idle(waitMs, false);
    for (;;) {
      const line = this.connection.takeLine(REPLY_LINE_OCTETS);
      if (line === null) {
        const event = await this.connection.more();
        if (event === 'data') continue;
        throw this.#lost(event === 'timeout' ? 'the server does not answer' : 'the server broke off the connection');
      }
      if (this.#took(reader, line)) break;
    }
    const reply = reader.reply();
    if (reply.code === 421) {
      this.connection.close();
      throw new SessionFailure('reply', reply);
    }
    this.#lines = reader.lines;
    return reply;
  }

  /** Ends the session politely, without waiting long. */
  async quit(): Promise<void> {
    if (this.connection.closed) return;
    try {
      if (this.usable) await this.ask('QUIT', this.limits.quitMs);
    } catch (error) {
      if (!(error instanceof SessionFailure)) throw error; // it is gone already
    }
    this.connection.close();
  }

  /** The lines of the last reply, as they came. */
  #lines: readonly string[] = [];

  #took(reader: ReplyReader, line: Buffer | typeof TOO_LONG): boolean {
    try {
      if (line === TOO_LONG) throw new TypeError('a reply line that does not end');
      const text = line.toString('utf8');
      this.transcript.server(text);
      return reader.take(text);
    } catch (error) {
      if (error instanceof TypeError) throw this.#lost(error.message);
      throw error;
    }
  }

  #lost(text: string): SessionFailure {
    this.transcript.note(text);
    this.connection.destroy();
    return new SessionFailure('lost', { code: 451, enhanced: '4.4.2', text });
  }

  async #greet(): Promise<void> {
    const greeting = await this.reply(this.limits.greetingMs);
    if (greeting.code !== 220) throw new SessionFailure('reply', asTemporary(greeting));
    await this.#hello();
  }

  async #hello(): Promise<void> {
    const reply = await this.ask(`EHLO ${this.#hostname}`);
    if (reply.code === 250) {
      this.extensions = extensionsOf(this.#lines.slice(1));
      return;
    }
    this.extensions = new Map();
    // RFC 5321 3.2: a server that does not know EHLO is greeted as in 1982.
    const old = reply.code >= 500 ? await this.ask(`HELO ${this.#hostname}`) : reply;
    // A refusal here is meant for us, and lasts: an address that is not wanted, a name that is not believed.
    if (old.code !== 250) throw new SessionFailure('reply', old.code >= 500 ? old : asTemporary(old));
  }

  async #protect(wanted: TlsWanted): Promise<void> {
    const { use } = wanted;
    if (use === 'never' || use === 'first') return;
    if (!this.extensions.has('STARTTLS')) {
      if (use === 'must') {
        throw tlsFailure('the server does not offer STARTTLS, without which it gets nothing', '4.7.4');
      }
      return;
    }
    const reply = await this.ask('STARTTLS');
    if (reply.code !== 220) throw tlsFailure(`STARTTLS was refused: ${formatReply(reply)}`, '4.7.4');
    // RFC 3207 6: what came unprotected together with the 220 would be taken for protected.
    if (this.connection.available > 0) throw tlsFailure('the server sent more before the handshake');
    await this.#handshake(wanted);
    await this.#hello(); // RFC 3207 4.2: everything said before is forgotten
  }

  async #handshake({ options, accept }: TlsWanted): Promise<void> {
    let cause = 'the handshake failed';
    const secured = await this.connection.startTlsAsClient(options, (error) => {
      cause = error.message;
    });
    if (!secured) throw tlsFailure(cause);
    const { version = '', cipher = '' } = this.tls ?? {};
    this.transcript.note(`${version} ${cipher}`);
    const refused = accept(this.connection);
    if (refused !== null) throw tlsFailure(refused);
  }
}

/** RFC 3463 3.8: 4.7.4, there is no TLS; 4.7.5, it failed, or is not with whom it should be. */
function tlsFailure(text: string, enhanced: '4.7.4' | '4.7.5' = '4.7.5'): SessionFailure {
  return new SessionFailure('tls', { code: 454, enhanced, text: text.replace(/\p{Cc}/gu, ' ') });
}

/** That a server does not want to talk to us says nothing of the message: it is tried elsewhere, and later. */
function asTemporary(reply: ServerReply): ServerReply {
  if (reply.code < 500 && reply.code >= 400) return reply;
  return { code: 451, enhanced: `4${reply.enhanced.slice(1)}`, text: `${formatReply(reply)} (at the greeting)` };
}

/** Keywords in upper case (RFC 5321 4.1.1.1); `AUTH=LOGIN` of old servers is AUTH. */
function extensionsOf(lines: readonly string[]): Map<string, string> {
  const found = new Map<string, string>();
  for (const line of lines) {
    const [, keyword = '', rest = ''] = /^([A-Za-z0-9][A-Za-z0-9-]*)[ =]?(.*)$/s.exec(line.trim()) ?? [];
    if (keyword !== '' && !found.has(keyword.toUpperCase())) found.set(keyword.toUpperCase(), rest.trim());
  }
  return found;
}

function reach({ address, port, localAddress, signal }: SessionOptions, waitMs: number): Promise<Socket> {
  const socket = connect({ host: address, port, ...(localAddress === undefined ? {} : { localAddress }) });
  const { promise, resolve, reject } = Promise.withResolvers<Socket>();
  const fail = (text: string, cause?: unknown) => {
    socket.destroy();
    const reply = { code: 451, enhanced: '4.4.1', text: `${address} port ${port}: ${text}` };
    reject(new SessionFailure('connect', reply, { cause }));
  };
  const timer = setTimeout(() => fail('no answer'), waitMs);
  const cut = () => fail('given up');
  signal?.addEventListener('abort', cut, { once: true });
  const failed = (error: Error) => fail('code' in error ? String(error.code) : error.message, error);
  socket.once('error', failed);
  socket.once('connect', () => {
    socket.off('error', failed);
    resolve(socket);
  });
  return promise.finally(() => {
    clearTimeout(timer);
    signal?.removeEventListener('abort', cut);
  });
}
