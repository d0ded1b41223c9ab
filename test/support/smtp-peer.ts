// A server that our client talks to: it says what it is told to, keeps what it gets, and can break off, stall or lie at
// any point.
import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { TLSSocket, type TlsOptions } from 'node:tls';

/**
 * What a peer does at a command instead of what a server does: says a line (or lines), `cut`s, stays `silent`, `stall`s:
 * is silent and reads nothing more either, says the usual after so many ms, or so many `lines`, or `flood`s: this over and
 * over, as fast as it is taken.
 */
export type Act =
  | string
  | { readonly cut: true }
  | { readonly silent: true }
  | { readonly stall: true }
  | { readonly late: number }
  | { readonly lines: number }
  | { readonly flood: string };

export interface PeerOptions {
  /** What EHLO offers; null: EHLO is unknown. */
  readonly extensions?: readonly string[] | null;
  /**
   * Called for each command line, with `CONNECT` before the first, `CONTENT` at the first bytes of a message and `DOT`
   * after it (its last chunk too; `CHUNK` after another one); undefined: the usual.
   */
  readonly act?: (command: string, session: PeerSession) => Act | undefined;
  /** With STARTTLS among the extensions. */
  readonly tls?: TlsOptions;
  readonly host?: string;
  readonly port?: number;
}

export interface PeerSession {
  readonly number: number;
  readonly commands: string[];
  secure: boolean;
  /** Of the message that is coming, or came last. */
  subject: string;
}

export interface ReceivedMail {
  readonly mail: string;
  readonly recipients: readonly string[];
  /** Dots removed; latin1. */
  readonly content: string;
  /** The same as it came, with all dots. */
  readonly raw: string;
  /** The octets of each BDAT; none by DATA. */
  readonly chunks: readonly number[];
  readonly secure: boolean;
}

export class SmtpPeer implements AsyncDisposable {
  options: PeerOptions;
  readonly sessions: PeerSession[] = [];
  readonly messages: ReceivedMail[] = [];
  /** Connections open now, and the most there were at once. */
  open = 0;
  most = 0;
  /** Bytes that its floods have handed to the system. */
  flooded = 0;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #stalled = new Set<Socket>();
  #closed = Promise.withResolvers<void>();

  constructor(options: PeerOptions) {
    this.options = options;
    this.#server = createServer((socket) => this.#serve(socket));
  }

  async start(): Promise<this> {
    this.#server.listen(this.options.port ?? 0, this.options.host ?? '127.0.0.1');
    await once(this.#server, 'listening');
    return this;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  get commands(): string[] {
    return this.sessions.flatMap(({ commands }) => commands);
  }

  /** Resolves when nothing is connected any more, and what had been sent here before is read; what stalls is cut. */
  async left(): Promise<void> {
    for (const socket of this.#stalled) socket.destroy();
    while (this.open > 0) await this.#closed.promise;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
    await once(this.#server, 'close');
  }

  #serve(plain: Socket): void {
    this.open++;
    this.most = Math.max(this.most, this.open);
    this.#sockets.add(plain);
    plain.once('close', () => {
      this.open--;
      this.#sockets.delete(plain);
      this.#stalled.delete(plain);
      this.#closed.resolve();
      this.#closed = Promise.withResolvers();
    });
    const session: PeerSession = { number: this.sessions.length + 1, commands: [], secure: false, subject: '' };
    this.sessions.push(session);
    let socket: Socket = plain;
    let pending = '';
    let content: string | null = null;
    let chunk: { readonly octets: number; readonly last: boolean; readonly refused: boolean } | null = null;
    let chunked = '';
    let chunks: number[] = [];
    let mail = '';
    let recipients: string[] = [];
    const stall = (): void => {
      this.#stalled.add(plain);
      socket.pause();
    };
    const say = (command: string, usual: string, yes?: RegExp): boolean =>
      perform(this.options.act?.(command, session) ?? usual, usual, yes);
    /** Whether it says yes. */
    const perform = (act: Act, usual: string, yes = /^[23]/): boolean => {
      if (typeof act === 'string') socket.write(act.endsWith('\n') || act === '' ? act : `${act}\r\n`);
      else if ('cut' in act) socket.destroy();
      else if ('stall' in act) stall();
      else if ('flood' in act) {
        const chunk = Buffer.alloc(64 * 1024, act.flood);
        const pour = (): void => {
          while (socket.writable && socket.write(chunk)) this.flooded += chunk.length;
        };
        socket.on('drain', pour);
        pour();
      } else if ('lines' in act) {
        const code = usual.slice(0, 3);
        socket.write(`${`${code}-still talking\r\n`.repeat(act.lines - 1)}${usual.trimEnd()}\r\n`);
        return yes.test(usual);
      } else if ('late' in act) {
        setTimeout(() => socket.write(usual.endsWith('\n') ? usual : `${usual}\r\n`), act.late);
        return yes.test(usual);
      }
      return typeof act === 'string' && yes.test(act);
    };
    const take = (line: string): void => {
      session.commands.push(line);
      const [verb = ''] = line.toUpperCase().split(/[ :]/);
      if (verb === 'EHLO') {
        const { extensions = [] } = this.options;
        const list = (extensions ?? []).filter((name) => name !== 'STARTTLS' || !session.secure);
        const lines = ['peer.test', ...list];
        const usual = lines.map((text, i) => `250${i === lines.length - 1 ? ' ' : '-'}${text}\r\n`).join('');
        say(line, extensions === null ? '500 What is that?' : usual);
      } else if (verb === 'MAIL') {
        recipients = [];
        if (say(line, '250 2.1.0 OK')) mail = line;
      } else if (verb === 'RCPT') {
        if (say(line, '250 2.1.5 OK')) recipients.push(line);
      } else if (verb === 'DATA') {
        if (say(line, recipients.length > 0 ? '354 Go on' : '503 5.5.1 To whom?', /^354/)) content = '';
      } else if (verb === 'BDAT' && this.options.extensions?.includes('CHUNKING') === true) {
        const [, octets = '', last] = /^BDAT (\d+)( LAST)?$/i.exec(line) ?? [];
        // Its octets follow whatever is said to it (RFC 3030 section 2), and are no commands.
        const act = this.options.act?.(line, session);
        chunk = { octets: Number(octets), last: last !== undefined, refused: act !== undefined };
        if (act !== undefined) perform(act, '');
      } else if (verb === 'STARTTLS') {
        if (say(line, '220 2.0.0 Go on')) secure();
      } else if (verb === 'QUIT') {
        say(line, '221 2.0.0 Bye');
        socket.end();
      } else say(line, '250 2.0.0 OK');
    };
    const work = (): void => {
      while (!this.#stalled.has(plain)) {
        if (chunk !== null) {
          if (pending.length < chunk.octets) return;
          const { octets, last, refused } = chunk;
          const part = pending.slice(0, octets);
          pending = pending.slice(octets);
          chunk = null;
          if (refused) continue;
          chunked += part;
          chunks.push(octets);
          session.subject = /^Subject: (.*)\r$/m.exec(chunked)?.[1] ?? '';
          const taken = recipients.length > 0 ? '250 2.0.0 Kept' : '503 5.5.1 To whom?';
          const yes = say(last ? 'DOT' : 'CHUNK', taken);
          if (!last && yes) continue;
          const got = { mail, recipients, raw: chunked, content: chunked, chunks, secure: session.secure };
          if (last && yes) this.messages.push(got);
          if (!yes) recipients = [];
          chunked = '';
          chunks = [];
        } else if (content !== null) {
          if (content === '' && pending !== '') {
            session.subject = '';
            const act = this.options.act?.('CONTENT', session);
            if (typeof act === 'object' && 'cut' in act) socket.destroy();
            if (typeof act === 'object' && 'stall' in act) {
              stall();
              return;
            }
          }
          content += pending;
          pending = '';
          // The header, too, comes in as many pieces as it likes.
          if (session.subject === '') session.subject = /^Subject: (.*)\r$/m.exec(content)?.[1] ?? '';
          const end = content.startsWith('.\r\n') ? 0 : content.indexOf('\r\n.\r\n') + 2;
          if (end === 1) return;
          const raw = content.slice(0, end);
          pending = content.slice(end + 3);
          content = null;
          const got = { mail, recipients, raw, content: raw.replace(/^\./gm, ''), chunks: [], secure: session.secure };
          if (say('DOT', '250 2.0.0 Kept')) this.messages.push(got);
        } else {
          const end = pending.indexOf('\r\n');
          if (end < 0) return;
          const line = pending.slice(0, end);
          pending = pending.slice(end + 2);
          take(line);
        }
      }
    };
    const secure = (): void => {
      plain.removeAllListeners('data');
      socket = new TLSSocket(plain, { isServer: true, ...this.options.tls });
      session.secure = true;
      pending = '';
      listen();
    };
    const listen = (): void => {
      socket.on('error', () => socket.destroy());
      socket.on('data', (chunk) => {
        pending += chunk.toString('latin1');
        work();
      });
    };
    listen();
    say('CONNECT', '220 peer.test ready');
  }
}

/** `await using peer = await smtpPeer({ extensions: ['PIPELINING'] })`. */
export function smtpPeer(options: PeerOptions = {}): Promise<SmtpPeer> {
  return new SmtpPeer(options).start();
}
