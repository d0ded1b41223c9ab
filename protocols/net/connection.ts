// A connection of a line protocol (IMAP, POP3): lines and counted bytes in, batched replies out, both bounded.
//
// Reading: `takeLine` and `takeBytes` give what is there and never wait; `more` waits. So a session that is idle holds
// one pending promise and no buffer, and pipelined commands cost no turn of the event loop. When 64 KB are unread the
// socket is paused: a peer that sends faster than it is answered waits in its own kernel.
//
//   for (;;) {
//     const line = connection.takeLine(MAX);
//     if (line === null) {
//       const event = await connection.more();       // flushes what was written
//       if (event !== 'data') break;                 // 'end', 'timeout' or 'interrupt'
//     } else if (line === TOO_LONG) connection.out.text('-ERR line too long\r\n');
//     else answer(line);
//   }
//   connection.close();                              // flushes, says FIN, lingers shortly
//
// Writing: `out` collects replies; `flush` sends them. Where a reply can be long, `if (connection.congested) await
// connection.drain()` between its pieces keeps a peer that does not read from growing the process.

import { randomBytes, type X509Certificate } from 'node:crypto';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { type ConnectionOptions, connect, TLSSocket } from 'node:tls';
import type { Peer, TlsProvider } from '../ports.ts';
import { type ChannelBinding, channelBinding } from './channel-binding.ts';
import { Deflated } from './deflated.ts';
import { InputBuffer, type TOO_LONG } from './input-buffer.ts';
import { letGoWhenClosed } from './let-go.ts';
import {
  HANDSHAKE_MS,
  INPUT_HIGH_BYTES,
  INPUT_LOW_BYTES,
  LINGER_MS,
  OUTPUT_HIGH_BYTES,
  OVERLONG_SKIP_BYTES,
  WRITE_STALL_MS,
} from './limits.ts';
import { OutputBuffers } from './output-buffers.ts';
import type { Source } from './proxy.ts';
import { ReplyWriter } from './reply-writer.ts';

export { TOO_LONG } from './input-buffer.ts';

/** What ended a wait: input, the peer's end (or a lost connection), our time-out, or somebody's `interrupt`. */
export type Event = 'data' | 'end' | 'timeout' | 'interrupt';

/** Rejected waits of a connection that is gone. Sessions let it pass to their outermost frame. */
export class Disconnected extends Error {
  constructor() {
    super('the connection is closed');
    this.name = 'Disconnected';
  }
}

/** Who is at the other side of a socket, or of the proxy that is; undefined when it is already gone. */
export function peerOf(socket: Socket, trusted: (address: string) => boolean, source?: Source): Peer | undefined {
  const { remoteAddress, remotePort } = socket;
  if (remoteAddress === undefined || remotePort === undefined) return undefined;
  const { address: from, port } = source ?? { address: remoteAddress, port: remotePort };
  const address = from.startsWith('::ffff:') ? from.slice(7) : from;
  const connection = randomBytes(6).toString('base64url');
  return { connection, address, port, trusted: trusted(address) };
}

export class Connection {
  /** Stands on every log line of this connection. */
  readonly id: string;
  readonly peer: Peer;
  /** Replies are written here. */
  readonly out: ReplyWriter;
  readonly #buffers: OutputBuffers;
  /** What is read from and written to: the socket, or its compression. */
  #socket: Duplex;
  /** The TCP or TLS socket itself. */
  #wire: Socket;
  #detach: () => void = () => {};
  #secure: boolean;

  readonly #input = new InputBuffer();
  #paused = false;

  #flushing = false;
  #ended = false;
  #closed = false;
  #waiter: ((event: Event) => void) | null = null;
  #drainer: { resolve: () => void; reject: (error: Disconnected) => void } | null = null;
  #abort: AbortController | null = null;
  #onClose: (() => void) | null = null;

  #timer: NodeJS.Timeout | null = null;
  /** Input restarts the idle timer; false for a deadline. */
  #restart = true;

  /**
   * Takes the socket over. It is read from now on; a lost connection shows as 'end' in `more` and Disconnected in
   * `drain`. `secure`: TLS is already established. `buffers`: those that its long replies share with others'.
   */
  constructor(socket: Socket, peer: Peer, secure: boolean, buffers: OutputBuffers = new OutputBuffers(0)) {
    this.out = new ReplyWriter((chunk, lent) => this.#send(chunk, lent), buffers);
    this.#buffers = buffers;
    this.id = peer.connection;
    this.peer = peer;
    this.#secure = secure;
    this.#socket = socket;
    this.#wire = socket;
    socket.setNoDelay(true);
    this.#attach(socket);
  }

  /** TLS protects it. */
  get secure(): boolean {
    return this.#secure;
  }

  /** Nothing can be written any more. */
  get closed(): boolean {
    return this.#closed;
  }

  /** The peer has finished sending, or is gone. */
  get ended(): boolean {
    return this.#ended;
  }

  /** TLS version and cipher, or null on a plain connection. */
  get tls(): { readonly version: string; readonly cipher: string } | null {
    if (!(this.#wire instanceof TLSSocket)) return null;
    return { version: this.#wire.getProtocol() ?? '', cipher: this.#wire.getCipher()?.name ?? '' };
  }

  /** What a login can be bound to; null on a plain connection. */
  get channelBinding(): ChannelBinding | null {
    return channelBinding(this.#wire);
  }

  /** Aborted when the peer finishes sending or is gone: for long work on its behalf. Made when first asked for. */
  get signal(): AbortSignal {
    this.#abort ??= new AbortController();
    if (this.#ended || this.#closed) this.#abort.abort();
    return this.#abort.signal;
  }

  /** Calls `listener` once when the connection is gone (at once if it is). */
  onClose(listener: () => void): void {
    if (this.#closed) listener();
    else this.#onClose = listener;
  }

  // ---------------------------------------------------------------------------------------------------------- input

  /** Unread bytes. */
  get available(): number {
    return this.#input.available;
  }

  /**
   * The next line without its CRLF (a bare LF ends one too), or null when none is complete. One longer than `max` is
   * skipped to its end and given as TOO_LONG. The bytes stay valid.
   */
  takeLine(max: number): Buffer | typeof TOO_LONG | null {
    const line = this.#input.takeLine(max);
    if (this.#input.skipped > OVERLONG_SKIP_BYTES) this.destroy();
    this.#readOn();
    return line;
  }

  /** A whole line is there: `takeLine` will not give null. */
  get hasLine(): boolean {
    return this.#input.hasLine;
  }

  /** Up to `max` bytes of what is there, or null when nothing is. The bytes stay valid. */
  takeBytes(max: number): Buffer | null {
    const bytes = this.#input.takeBytes(max);
    this.#readOn();
    return bytes;
  }

  /** Sends what is written, then waits for input, the peer's end, the time-out or an interrupt. One waiter at a time. */
  more(): Promise<Event> {
    this.flush();
    if (this.#closed || this.#ended) return Promise.resolve('end');
    if (this.#paused) {
      this.#paused = false;
      this.#socket.resume();
    }
    return new Promise((resolve) => {
      this.#waiter = resolve;
    });
  }

  /** Ends a wait in `more` with 'interrupt'; does nothing when nobody waits. */
  interrupt(): void {
    this.#wake('interrupt');
  }

  /**
   * How long `more` may wait. `restart`: from the last input (an idle time-out); otherwise from now on (a deadline).
   * While nobody waits in `more` no time runs out.
   */
  idle(ms: number, restart: boolean): void {
    this.#restart = restart;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#expire(), ms).unref();
  }

  // --------------------------------------------------------------------------------------------------------- output

  /** The kernel has not taken our output: await `drain` before writing more. */
  get congested(): boolean {
    return this.#socket.writableLength + this.out.pending > OUTPUT_HIGH_BYTES;
  }

  /** Sends what is written. */
  flush(): void {
    this.out.flush();
  }

  /** Sends what is written when other work gets its turn: for a reply whose sender goes on with the next command. */
  flushSoon(): void {
    if (this.#flushing || this.out.pending === 0) return;
    this.#flushing = true;
    setImmediate(() => {
      this.#flushing = false;
      this.flush();
    });
  }

  /** Sends what is written and waits until the kernel has taken it. Rejects with Disconnected. */
  drain(): Promise<void> {
    this.flush();
    if (this.#closed) return Promise.reject(new Disconnected());
    if (!this.#socket.writableNeedDrain) return Promise.resolve();
    return new Promise((resolve, reject) => {
      const stall = setTimeout(() => this.destroy(), WRITE_STALL_MS).unref();
      const settle = (then: () => void) => {
        clearTimeout(stall);
        this.#drainer = null;
        then();
      };
      this.#drainer = { resolve: () => settle(resolve), reject: (error) => settle(() => reject(error)) };
    });
  }

  /** Sends what is written, ends the connection, and lets the peer read for a moment before it is cut. */
  close(): void {
    if (this.#closed) return;
    this.flush();
    this.#ended = true;
    this.#input.clear();
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.destroy(), LINGER_MS).unref();
    // Node destroys the socket by itself once both sides have ended; what still comes in is dropped.
    this.#socket.end();
    this.#socket.resume();
  }

  /** Cuts the connection at once. */
  destroy(): void {
    this.#socket.destroy();
    this.#gone();
  }

  // ------------------------------------------------------------------------------------------------------------ TLS

  /**
   * Makes it a TLS connection (STARTTLS, STLS), after sending what is written. Whatever the peer sent after its
   * command and before the handshake is thrown away: it was not protected (RFC 9051 6.2.1, CVE-2011-0411). False when
   * the handshake fails or takes too long; the connection is then closed.
   */
  startTls(provider: TlsProvider): Promise<boolean> {
    return this.#upgrade('secure', (plain) => new TLSSocket(plain, { ...provider.options(), isServer: true }));
  }

  /** The same from the client's side. False when the handshake fails; `error` is then told why. */
  startTlsAsClient(options: ConnectionOptions, error: (cause: Error) => void): Promise<boolean> {
    return this.#upgrade('secureConnect', (socket) => connect({ ...options, socket }).on('error', error));
  }

  /** The certificate that the server showed, and whether it is good for the name that it was asked for. */
  get certificate(): { readonly authorized: boolean; readonly x509: X509Certificate | undefined } | null {
    if (!(this.#wire instanceof TLSSocket)) return null;
    return { authorized: this.#wire.authorized, x509: this.#wire.getPeerX509Certificate() };
  }

  async #upgrade(done: 'secure' | 'secureConnect', upgrade: (plain: Socket) => TLSSocket): Promise<boolean> {
    const plain = this.#wire;
    plain.removeAllListeners('data');
    plain.pause();
    while (plain.read() !== null);
    this.#input.clear();
    this.flush();
    const socket = upgrade(plain);
    this.#socket = socket;
    this.#wire = socket;
    const secured = await new Promise<boolean>((resolve) => {
      const timer = setTimeout(() => resolve(false), HANDSHAKE_MS).unref();
      const settle = (ok: boolean) => {
        clearTimeout(timer);
        resolve(ok);
      };
      socket.once(done, () => settle(true));
      socket.on('error', () => settle(false));
      socket.once('close', () => settle(false));
    });
    if (!secured || socket.destroyed) {
      plain.destroy();
      this.destroy();
      return false;
    }
    this.#secure = true;
    this.#paused = false;
    this.#attach(socket);
    return true;
  }

  // ---------------------------------------------------------------------------------------------------- compression

  /** Both directions are compressed (RFC 4978). */
  get compressed(): boolean {
    return this.#socket instanceof Deflated;
  }

  /** Sends what is written as it is; everything after it, both ways, is compressed. */
  startDeflate(): void {
    this.flush();
    this.#detach();
    this.#wire.pause();
    const unread = this.available === 0 ? null : this.#input.copy();
    this.#input.clear();
    this.#paused = false;
    const deflated = new Deflated(this.#wire, unread);
    this.#socket = deflated;
    this.#attach(deflated);
    this.#wire.resume();
  }

  /** Sends what is written and `last` compressed, and goes on without compression. What came before that is dropped. */
  async stopDeflate(last: string): Promise<void> {
    const deflated = this.#socket;
    if (!(deflated instanceof Deflated)) return;
    this.flush();
    this.#input.clear();
    try {
      await deflated.release(last);
    } catch {
      throw new Disconnected(); // it was lost meanwhile
    }
    this.#detach();
    this.#input.clear();
    this.#paused = false;
    this.#socket = this.#wire;
    this.#attach(this.#wire);
    this.#wire.resume();
  }

  // -------------------------------------------------------------------------------------------------------- internal

  #attach(socket: Duplex): void {
    // The peer may finish sending and still read the answers to what it pipelined.
    socket.allowHalfOpen = true;
    const receive = (chunk: Buffer) => this.#receive(chunk);
    const finished = () => this.#finished(socket);
    const drained = () => this.#drainer?.resolve();
    const failed = () => this.destroy();
    const gone = () => this.#gone();
    letGoWhenClosed(socket);
    socket.on('data', receive).on('end', finished).on('drain', drained).on('error', failed).on('close', gone);
    this.#detach = () => {
      socket.off('data', receive).off('end', finished).off('drain', drained).off('error', failed).off('close', gone);
    };
  }

  #receive(chunk: Buffer): void {
    if (this.#ended || this.#closed) return;
    if (this.#restart) this.#timer?.refresh();
    this.#input.add(chunk);
    if (this.available >= INPUT_HIGH_BYTES && this.#waiter === null) {
      this.#paused = true;
      this.#socket.pause();
    }
    this.#wake('data');
  }

  /** Lets the peer send again, once most of what it sent has been read. */
  #readOn(): void {
    if (!this.#paused || this.available >= INPUT_LOW_BYTES) return;
    this.#paused = false;
    this.#socket.resume();
  }

  #wake(event: Event): void {
    const waiter = this.#waiter;
    this.#waiter = null;
    waiter?.(event);
  }

  #send(chunk: Buffer, lent: Buffer | null): void {
    if (this.#closed || !this.#socket.writable) return;
    if (lent === null) {
      this.#socket.write(chunk);
      return;
    }
    this.#socket.write(chunk, (error) => {
      // What a lost connection still had to write may be read a moment longer.
      if (!error && !this.#closed) this.#buffers.give(lent);
    });
  }

  #expire(): void {
    if (this.#waiter === null) this.#timer?.refresh();
    else this.#wake('timeout');
  }

  #finished(socket: Duplex): void {
    // A plain socket that TLS has taken over says nothing more of its own.
    if (this.#ended || socket !== this.#socket) return;
    this.#ended = true;
    this.#abort?.abort();
    this.#wake('end');
  }

  #gone(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#ended = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    this.out.discard();
    this.#input.clear();
    this.#abort?.abort();
    this.#drainer?.reject(new Disconnected());
    this.#wake('end');
    this.#onClose?.();
    this.#onClose = null;
  }
}
