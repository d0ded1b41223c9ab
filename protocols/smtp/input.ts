// What a session reads: command lines, and after DATA the content of a message. Takes the place of smtp-server's
// SMTPStream: bounded lines that end in CR LF, a strict end of data, and no copy of the content on the way.

import { setImmediate as turn } from 'node:timers/promises';
import { release } from '#storage/blobs/release.ts';
import { BURST } from './limits.ts';
import { SMTPStream } from './package.ts';

const LF = 0x0a;

/** Where the input goes. Each call is over before the next one is made: at once, or when its promise resolves. */
export interface InputHandler {
  /** A line without its LF, to be answered. */
  command(line: Buffer): Promise<void> | void;
  /** A line longer than allowed has been skipped to its end. */
  overlong(): Promise<void> | void;
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
  /** The end has been read, and is to be answered. */
  end(): Promise<void> | void;
  /** There will be no end. */
  abort(): Promise<void>;
}

export interface InputLimits {
  readonly commandOctets: number;
  readonly runawayOctets: number;
}

/** How far what has arrived at once is worked off. */
interface Place {
  readonly chunk: Buffer;
  at: number;
  lines: number;
  /** Where content went when it began. */
  readonly sink: DataSink | null;
}

/** Where the input of a connection goes that is gone. */
const NOBODY: InputHandler = {
  command() {},
  overlong() {},
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
    const done = (error?: Error | null) => {
      this.working = false;
      next(error);
    };
    try {
      const later = this.#consume(chunk);
      if (later === undefined) done();
      else later.then(() => done(), done);
    } catch (error) {
      done(error instanceof Error ? error : new Error(String(error)));
    }
  }

  /** smtp-server would run what is left of a line as a command; a command that was cut is none. */
  override _flushData(): void {
    if (!this.isClosed) this.#handler.end();
  }

  /** Works off what has arrived. Most is answered at once: promises, a dozen a command, are only for what has to wait. */
  #consume(chunk: Buffer): Promise<void> | void {
    const place: Place = { chunk, at: 0, lines: 0, sink: this.#sink };
    while (this.#hasMore(place)) {
      const waiting = this.#step(place);
      if (waiting !== undefined) return this.#consumeLater(place, waiting);
    }
    this.#worked(place);
  }

  async #consumeLater(place: Place, waiting: Promise<void>): Promise<void> {
    await waiting;
    while (this.#hasMore(place)) await this.#step(place);
    this.#worked(place);
  }

  #hasMore({ chunk, at }: Place): boolean {
    return at < chunk.length && !this.isClosed;
  }

  /** A line, or content as far as it goes. */
  #step(place: Place): Promise<void> | void {
    if (this.#sink !== null) return this.#content(this.#sink, place);
    const { chunk, at } = place;
    const end = chunk.indexOf(LF, at);
    const line = this.#line(chunk, at, end);
    place.at = end < 0 ? chunk.length : end + 1;
    if (line === null) return;
    const answered = line === 'overlong' ? this.#handler.overlong() : this.#handler.command(line);
    if (++place.lines % BURST !== 0) return answered;
    return answered === undefined ? turn() : answered.then(() => turn());
  }

  #worked({ chunk, at, sink }: Place): void {
    // All of it was content, which has been taken: nothing refers to it any more.
    if (sink !== null && sink === this.#sink && at === chunk.length) release(chunk);
    if (!this.isClosed) this.#handler.idle();
  }

  #content(sink: DataSink, place: Place): Promise<void> | void {
    const { reader } = sink;
    place.at = reader.read(place.chunk, place.at);
    const taken = reader.content.length > 0 ? sink.take(reader.content) : undefined;
    if (!reader.ended) return taken;
    const end = () => {
      this.#sink = null;
      return sink.end();
    };
    return taken === undefined ? end() : taken.then(end);
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
