// A client's end of a line protocol for tests and drivers: lines, literals and replies, nothing interpreted beyond that.
// It counts the bytes it has taken in, so that a reply can be found again in a trace of what the server sent.
import { type Socket, connect as tcpConnect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect as tlsConnect } from 'node:tls';

/** A login that has waited so often for its turn is not refused for want of time. */
const LOGIN_TRIES = 20;

/** The connection ended while something was awaited. */
export class WireClosed extends Error {}

export class Wire {
  readonly socket: Socket;
  /** Bytes taken from the connection so far, up to the end of the last line or literal that was read. */
  taken = 0;
  #buffer: Buffer = Buffer.alloc(0);
  #chunks: Buffer[] = [];
  #wake: (() => void) | null = null;
  #closed: Error | null = null;

  constructor(socket: Socket) {
    this.socket = socket;
    socket.setNoDelay(true);
    socket.on('data', (chunk: Buffer) => {
      this.#chunks.push(chunk);
      this.#wake?.();
    });
    const end = (error?: Error) => {
      this.#closed ??= new WireClosed(error?.message ?? 'closed');
      this.#wake?.();
    };
    socket.on('error', end);
    socket.on('end', () => end());
    socket.on('close', () => end());
  }

  /** Connects; with `secure`, TLS from the first byte, whatever the certificate. */
  static async open(port: number, options: { secure?: boolean } = {}): Promise<Wire> {
    const socket = options.secure
      ? tlsConnect({ host: '127.0.0.1', port, rejectUnauthorized: false })
      : tcpConnect({ host: '127.0.0.1', port });
    const wire = new Wire(socket);
    await new Promise<void>((resolve, reject) => {
      socket.once(options.secure ? 'secureConnect' : 'connect', () => resolve());
      socket.once('error', reject);
    });
    return wire;
  }

  /** The same connection under TLS, after the server agreed to STARTTLS. */
  async secured(): Promise<Wire> {
    this.socket.removeAllListeners('data');
    const socket = tlsConnect({ socket: this.socket, rejectUnauthorized: false });
    const wire = new Wire(socket);
    await new Promise<void>((resolve, reject) => {
      socket.once('secureConnect', () => resolve());
      socket.once('error', reject);
    });
    return wire;
  }

  send(data: string | Uint8Array): void {
    this.socket.write(data);
  }

  /** The next line without its CRLF, as latin1. */
  async line(): Promise<string> {
    let from = 0;
    for (;;) {
      const end = this.#buffer.indexOf(10, from);
      if (end >= 0) {
        const text = this.#take(end + 1).toString('latin1');
        return text.replace(/\r?\n$/, '');
      }
      from = this.#buffer.length;
      await this.#more();
    }
  }

  /** The next `length` bytes. */
  async bytes(length: number): Promise<Buffer> {
    if (this.#buffer.length < length) await this.#more(length - this.#buffer.length);
    return Buffer.from(this.#take(length));
  }

  /** Closes at once. */
  destroy(): void {
    this.socket.destroy();
  }

  /** Resolves when the server has closed; what it still sends is dropped. */
  async closed(): Promise<void> {
    while (this.#closed === null) {
      this.#chunks = [];
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  #take(length: number): Buffer {
    const taken = this.#buffer.subarray(0, length);
    this.#buffer = this.#buffer.subarray(length);
    this.taken += length;
    return taken;
  }

  /** Waits until at least `atLeast` more bytes are there. */
  async #more(atLeast = 1): Promise<void> {
    while (this.#chunks.reduce((sum, chunk) => sum + chunk.length, 0) < atLeast) {
      if (this.#closed !== null) throw this.#closed;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    this.#wake = null;
    this.#buffer = Buffer.concat([this.#buffer, ...this.#chunks]);
    this.#chunks = [];
  }
}

/** An SMTP reply: its code, and its lines without the code. */
export interface SmtpReply {
  readonly code: number;
  readonly lines: readonly string[];
}

/** An SMTP client that says exactly what it is told. */
export class SmtpWire {
  wire: Wire;

  constructor(wire: Wire) {
    this.wire = wire;
  }

  /** Connects and reads the greeting. */
  static async open(port: number, options: { secure?: boolean } = {}): Promise<SmtpWire> {
    const client = new SmtpWire(await Wire.open(port, options));
    await client.expect(220);
    return client;
  }

  async reply(): Promise<SmtpReply> {
    const lines: string[] = [];
    for (;;) {
      const line = await this.wire.line();
      lines.push(line.slice(4));
      if (line[3] !== '-') return { code: Number(line.slice(0, 3)), lines };
    }
  }

  async expect(code: number): Promise<SmtpReply> {
    const reply = await this.reply();
    if (reply.code !== code) throw new Error(`${code} was expected: ${reply.code} ${reply.lines.join(' / ')}`);
    return reply;
  }

  async command(line: string): Promise<SmtpReply> {
    this.wire.send(`${line}\r\n`);
    return this.reply();
  }

  /** AUTH PLAIN, again where the machine is too busy to check a password now (454, RFC 4954 section 6). */
  async login(user: string, password: string): Promise<void> {
    const initial = Buffer.from(`\0${user}\0${password}`).toString('base64');
    for (let tries = 1; ; tries += 1) {
      const { code, lines } = await this.command(`AUTH PLAIN ${initial}`);
      if (code === 235) return;
      if (code !== 454 || tries >= LOGIN_TRIES) throw new Error(`AUTH ${user}: ${code} ${lines.join(' / ')}`);
      await sleep(100);
    }
  }

  /** Goes on under TLS. */
  async startTls(): Promise<void> {
    this.wire.send('STARTTLS\r\n');
    await this.expect(220);
    this.wire = await this.wire.secured();
  }
}

/** One response of an IMAP server: its text with each literal replaced by `{n}`, and the literals. */
export interface ImapResponse {
  readonly text: string;
  readonly literals: readonly Buffer[];
}

export interface ImapResult {
  readonly status: string;
  /** The tagged line behind the status. */
  readonly text: string;
  readonly untagged: readonly ImapResponse[];
}

/** An IMAP client that says exactly what it is told. */
export class ImapWire {
  wire: Wire;
  greeting = '';
  #tag = 0;

  constructor(wire: Wire) {
    this.wire = wire;
  }

  /** Connects and reads the greeting. */
  static async open(port: number, options: { secure?: boolean } = {}): Promise<ImapWire> {
    const client = new ImapWire(await Wire.open(port, options));
    client.greeting = await client.wire.line();
    return client;
  }

  nextTag(): string {
    this.#tag += 1;
    return `t${this.#tag}`;
  }

  /** One line with the literals in it. */
  async response(): Promise<ImapResponse> {
    let text = '';
    const literals: Buffer[] = [];
    for (;;) {
      const line = await this.wire.line();
      text += line;
      const literal = /\{(\d+)\}$/.exec(line);
      if (literal === null) return { text, literals };
      literals.push(await this.wire.bytes(Number(literal[1])));
    }
  }

  /** Reads up to the tagged response. */
  async result(tag: string): Promise<ImapResult> {
    const untagged: ImapResponse[] = [];
    for (;;) {
      const response = await this.response();
      if (response.text.startsWith(`${tag} `)) {
        const [, status = '', ...rest] = response.text.split(' ');
        return { status, text: rest.join(' '), untagged };
      }
      untagged.push(response);
    }
  }

  /** Sends a command, `{n}` literals each after the server's consent, and reads its result. */
  async command(text: string, ...literals: Uint8Array[]): Promise<ImapResult> {
    const tag = this.nextTag();
    this.wire.send(`${tag} ${text}${literals.length > 0 ? ` {${literals[0]?.length}}` : ''}\r\n`);
    for (const [index, literal] of literals.entries()) {
      const before: ImapResponse[] = [];
      for (;;) {
        const response = await this.response();
        if (response.text.startsWith('+')) break;
        if (response.text.startsWith(`${tag} `)) {
          const [, status = '', ...rest] = response.text.split(' ');
          return { status, text: rest.join(' '), untagged: before };
        }
        before.push(response);
      }
      const next = literals[index + 1];
      this.wire.send(literal);
      this.wire.send(next === undefined ? '\r\n' : ` {${next.length}}\r\n`);
    }
    return this.result(tag);
  }

  /** As `command`, and throws unless the answer is OK. */
  async ok(text: string, ...literals: Uint8Array[]): Promise<ImapResult> {
    const result = await this.command(text, ...literals);
    if (result.status !== 'OK') throw new Error(`${text}: ${result.status} ${result.text}`);
    return result;
  }

  /** Asks again where the machine is too busy to check a password now (RFC 5530: UNAVAILABLE). */
  async login(user: string, password: string): Promise<void> {
    for (let tries = 1; ; tries += 1) {
      const { status, text } = await this.command(`LOGIN "${user}" "${password}"`);
      if (status === 'OK') return;
      const busy = text.startsWith('[UNAVAILABLE]') && tries < LOGIN_TRIES;
      if (!busy) throw new Error(`LOGIN ${user}: ${status} ${text}`);
      await sleep(100);
    }
  }

  async startTls(): Promise<void> {
    await this.ok('STARTTLS');
    this.wire = await this.wire.secured();
  }
}
