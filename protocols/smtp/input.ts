// What a session reads: command lines, and after DATA the content of a message. Takes the place of smtp-server's
// SMTPStream: bounded lines that end in CR LF, a strict end of data, and no copy of the content on the way.

import { setImmediate as turn } from 'node:timers/promises';
import { release } from '#storage/blobs/release.ts';
import { BURST } from './limits.ts';
import { SMTPStream } from './package.ts';

const LF = 0x0a;

/** Where the input goes. Each call is over before the next one is made. */
export interface InputHandler {
  /** A line without its LF. Resolves when it is answered. */
  command(line: Buffer): Promise<void>;
  /** A line longer than allowed has been skipped to its end. */
  overlong(): Promise<void>;
  /** A line has no end: nothing more is read after this. */
  runaway(): void;
  /** All that has arrived has been worked off: the replies can go out. */
  idle(): void;
  /** The peer will send nothing more. */
  end(): void;
}

/** Finds the end of content, and what of the octets is content. */
export interface ContentReader {
  /** The content found by the last read(); it stays valid. */
  readonly content: Uint8Array;
  readonly ended: boolean;
  /** Reads a chunk from `from` on; returns where what follows the end starts, or the chunk's length before the end. */
  read(chunk: Uint8Array, from: number): number;
}

/** Where the content of a message goes. */
export interface DataSink {
  readonly reader: ContentReader;
  /** The back-pressure is the promise. */
  take(content: Uint8Array): Promise<void> | void;
  /** The end has been read. Resolves when it is answered. */
  end(): Promise<void>;
  /** There will be no end. */
  abort(): Promise<void>;
}

export interface InputLimits {
  readonly commandOctets: number;
  readonly runawayOctets: number;
}

/** Where the input of a connection goes that is gone. */
const NOBODY: InputHandler = {
  command: async () => {},
  overlong: async () => {},
  runaway() {},
  idle() {},
  end() {},
};

export class Input extends SMTPStream {
  /** True while something that has arrived is worked off: the peer waits for us. */
  working = false;

  #handler: InputHandler;
  readonly #limits: InputLimits;
  #sink: DataSink | null = null;
  /** The start of a line whose end has not arrived. */
  #partial: Buffer | null = null;
  #length = 0;
  /** Octets skipped of a line that is too long. */
  #skipped = 0;

  constructor(limits: InputLimits, handler: InputHandler) {
    super();
    this.#limits = limits;
    this.#handler = handler;
  }

  /** The connection is gone: nothing more is heard, and its session is not held (net/let-go.ts). */
  letGo(): void {
    this.#handler = NOBODY;
    this.#sink = null;
    this.removeAllListeners();
  }

  /** From the next octet on it is content, until the reader has seen the end. */
  receive(sink: DataSink): void {
    this.#sink = sink;
  }

  /** What has come of a line is the beginning of a TLS handshake. */
  get handshake(): boolean {
    return this.#partial !== null && isHandshake(this.#partial.subarray(0, this.#length));
  }

  /** Content is awaited. */
  get receiving(): boolean {
    return this.#sink !== null;
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding | 'buffer', next: (error?: Error | null) => void): void {
    this.working = true;
    this.#consume(chunk)
      .finally(() => {
        this.working = false;
      })
      .then(() => next(), next);
  }

  /** smtp-server would run what is left of a line as a command; a command that was cut is none. */
  override _flushData(): void {
    if (!this.isClosed) this.#handler.end();
  }

  async #consume(chunk: Buffer): Promise<void> {
    const sink = this.#sink;
    let at = 0;
    let burst = 0;
    while (at < chunk.length && !this.isClosed) {
      if (this.#sink !== null) {
        at = await this.#content(this.#sink, chunk, at);
        continue;
      }
      const end = chunk.indexOf(LF, at);
      const line = this.#line(chunk, at, end);
      at = end < 0 ? chunk.length : end + 1;
      if (line === null) continue;
      await (line === 'overlong' ? this.#handler.overlong() : this.#handler.command(line));
      if (++burst % BURST === 0) await turn();
    }
    // All of it was content, which has been taken: nothing refers to it any more.
    if (sink !== null && sink === this.#sink && at === chunk.length) release(chunk);
    if (!this.isClosed) this.#handler.idle();
  }

  async #content(sink: DataSink, chunk: Buffer, from: number): Promise<number> {
    const { reader } = sink;
    const next = reader.read(chunk, from);
    if (reader.content.length > 0) await sink.take(reader.content);
    if (reader.ended) {
      this.#sink = null;
      await sink.end();
    }
    return next;
  }

  /** The line that ends at `end`, or null when its end has not arrived (-1). */
  #line(chunk: Buffer, from: number, end: number): Buffer | 'overlong' | null {
    const piece = chunk.subarray(from, end < 0 ? chunk.length : end);
    const { commandOctets, runawayOctets } = this.#limits;
    if (this.#skipped > 0 || this.#length + piece.length > commandOctets) {
      this.#skipped += this.#length + piece.length;
      this.#length = 0;
      this.#partial = null;
      if (this.#skipped > runawayOctets) this.#handler.runaway();
      if (end < 0) return null;
      this.#skipped = 0;
      return 'overlong';
    }
    if (end >= 0 && this.#length === 0) return piece;
    this.#partial ??= Buffer.allocUnsafe(commandOctets);
    piece.copy(this.#partial, this.#length);
    this.#length += piece.length;
    if (end < 0) return null;
    const line = this.#partial.subarray(0, this.#length);
    this.#partial = null;
    this.#length = 0;
    return line;
  }
}

/** A client that begins with TLS where that is asked for by STARTTLS (RFC 8446 5.1: handshake, 3.x). */
export function isHandshake(bytes: Uint8Array): boolean {
  return bytes[0] === 0x16 && bytes[1] === 0x03;
}
