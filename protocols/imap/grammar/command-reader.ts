// Reads commands off a connection: a line, and for each literal it announces the bytes and the next line, until the
// command is whole. A message that is being appended is not collected: the command is handed out where it starts, and
// the verb takes it piece by piece.

import { type Connection, Disconnected, type Event, TOO_LONG } from '#protocols/net/connection.ts';
import { release } from '#storage/blobs/release.ts';
import { COMMAND_LITERALS, DRAIN_BYTES, LITERAL_MS, TAG_CHARS } from '../limits.ts';
import { BadCommand } from './errors.ts';
import { Scanner, type Segment } from './scanner.ts';

/** A literal that has been announced and not read. */
export interface PendingLiteral {
  readonly size: number;
  /** The client waits for our `+`. */
  readonly sync: boolean;
  /** It is a literal8, which may hold NUL (RFC 3516 4.4). */
  readonly binary: boolean;
}

export interface Command {
  readonly tag: string;
  /** In upper case; `UID` verbs as `UID FETCH`. */
  readonly verb: string;
  /** At the arguments: after the verb, before the space. */
  readonly scanner: Scanner;
  readonly pending: PendingLiteral | null;
}

/** A command that can't be run: what to answer. `tag` is '*' when it had none. */
export interface Malformed {
  readonly tag: string;
  readonly error: string;
}

/** The peer breaks the protocol in a way after which its bytes can't be told apart: it gets BYE. */
export class Violation extends Error {
  constructor(text: string) {
    super(text);
    this.name = 'Violation';
  }
}

export interface ReaderLimits {
  readonly line: number;
  readonly command: number;
}

/** A command's text, as far as it has been read. */
interface Collected {
  readonly segments: Segment[];
  readonly pending: PendingLiteral | null;
  /** Why it is refused; '' if it is not. */
  readonly refused: string;
}

/** What a command begins with, and the rest of it. */
interface Begun {
  readonly head: { readonly tag: string; readonly verb: string } | Malformed;
  readonly scanner: Scanner;
}

function oneLine(line: Buffer): Collected {
  return { segments: [{ text: line.toString('latin1'), literal: null }], pending: null, refused: '' };
}

/** Says whether the literal announced at the end of these segments is a message, to be streamed by its verb. */
export type Streams = (verb: string, scanner: Scanner) => boolean;

const QUOTE = 0x22;
const PLUS = 0x2b;
const BACKSLASH = 0x5c;
const OPENING_BRACE = 0x7b;
const CLOSING_BRACE = 0x7d;
const TILDE = 0x7e;
/** Digits of a literal's size: more are no number of bytes that anybody has. */
const SIZE_DIGITS = 20;

export class CommandReader {
  readonly #connection: Connection;
  readonly #streams: Streams;
  limits: ReaderLimits;
  /** The longest literal that need not be asked for (RFC 7888 5). */
  unasked = Number.POSITIVE_INFINITY;
  /** Strings are UTF-8 (RFC 9755 3). */
  utf8 = false;
  /** Capabilities that are switched off: their syntax is unknown. */
  off: ReadonlySet<string> = new Set();
  /** What of the command in hand is unread, because its verb has not taken it: a literal, or the text after one. */
  #unread: { readonly verb: string; readonly literal: PendingLiteral | null } | null = null;
  /** See `literalTimeout`; and more of it was waited for. */
  #inLiteral = false;
  #waited = false;
  /** A line to be read again. */
  #returned: Buffer | null = null;

  constructor(connection: Connection, limits: ReaderLimits, streams: Streams) {
    this.#connection = connection;
    this.limits = limits;
    this.#streams = streams;
  }

  /** The next command, or why there is none. Throws Violation and Disconnected. */
  async next(): Promise<Command | Malformed | Exclude<Event, 'data'>> {
    for (;;) {
      const taken = this.take();
      if (taken !== null) return await taken;
      const event = await this.#connection.more();
      if (event !== 'data') return event;
    }
  }

  /** The next command, if its first line has come; a promise where a literal follows. Throws as `next`. */
  take(): Command | Malformed | Promise<Command | Malformed> | null {
    for (;;) {
      const line = this.#returned ?? this.#connection.takeLine(this.limits.line);
      this.#returned = null;
      if (line === null) return null;
      if (line === TOO_LONG) throw new Violation('Command line too long');
      // Empty lines between commands are ignored: some clients send them after a literal.
      if (line.length === 0) continue;
      // Most commands are one line without a literal.
      const isWhole = line[line.length - 1] !== CLOSING_BRACE;
      return isWhole ? this.#command(oneLine(line)) : this.#withLiterals(line);
    }
  }

  /** A line that the client was asked for (AUTHENTICATE) or owes (DONE); null when it is too long. */
  async line(max: number): Promise<string | null> {
    const line = await this.#awaitLine(max);
    return line === TOO_LONG ? null : line.toString('latin1');
  }

  /** A line that has come, if one has: for IDLE, which waits for other things too. */
  takeLine(max: number): string | typeof TOO_LONG | null {
    const line = this.#connection.takeLine(max);
    return line === null || line === TOO_LONG ? line : line.toString('latin1');
  }

  /** Has a line be read again, as a command. */
  giveBack(line: string): void {
    this.#returned = Buffer.from(line, 'latin1');
  }

  /**
   * Takes the pending literal of the command in hand, asking for it first. `write` may return a promise: the peer waits
   * that long. When it fails the rest of the literal is read all the same, and then the error thrown.
   */
  async receive(write: (bytes: Buffer) => void | Promise<void>): Promise<void> {
    const unread = this.#unread;
    if (unread?.literal == null) throw new Violation('No literal is pending');
    this.#unread = { verb: unread.verb, literal: null };
    await this.#bytes(unread.literal, write);
  }

  /**
   * The rest of a command after a literal that its verb took, up to the next literal that `streams` wants for the verb,
   * or the line's end.
   */
  async rest(
    streams: (scanner: Scanner) => boolean,
  ): Promise<{ readonly scanner: Scanner; readonly pending: PendingLiteral | null }> {
    const verb = this.#unread?.verb ?? '';
    this.#unread = null;
    const line = await this.#awaitLine(this.limits.line);
    if (line === TOO_LONG) throw new Violation('Command line too long');
    const collected = await this.#collect(line, (segments) => streams(new Scanner(segments, this.utf8, this.off)));
    if (collected.pending !== null) this.#unread = { verb, literal: collected.pending };
    if (collected.refused !== '') throw new BadCommand(collected.refused);
    return { scanner: new Scanner(collected.segments, this.utf8, this.off), pending: collected.pending };
  }

  /** Nothing of the command in hand is unread. */
  get finished(): boolean {
    return this.#unread === null;
  }

  /**
   * Ends the command in hand: what its verb left unread is read and thrown away, so that the next command is read as
   * what it is. A client that waits for our `+` has been answered instead and sends nothing (RFC 9051 4.3).
   */
  async finish(): Promise<void> {
    while (this.#unread !== null) {
      const { literal } = this.#unread;
      if (literal?.sync === true) {
        this.#unread = null;
        return;
      }
      if (literal !== null) await this.#drain(literal);
      try {
        await this.rest(() => true); // no literal of it is kept
      } catch (error) {
        if (!(error instanceof BadCommand)) throw error; // it has been refused already
      }
    }
  }

  async #withLiterals(line: Buffer): Promise<Command | Malformed> {
    let begun: Begun | null = null;
    const collected = await this.#collect(line, (segments) => {
      begun = this.#begin(segments);
      const { head, scanner } = begun;
      if ('error' in head) return false;
      const { mark } = scanner;
      const streams = this.#streams(head.verb, scanner);
      scanner.back(mark);
      return streams;
    });
    // After another line it is another text.
    return this.#command(collected, collected.segments.length === 1 ? begun : null);
  }

  #begin(segments: readonly Segment[]): Begun {
    const scanner = new Scanner(segments, this.utf8, this.off);
    return { head: commandHead(scanner), scanner };
  }

  #command(collected: Collected, begun: Begun | null = null): Command | Malformed {
    const { head, scanner } = begun ?? this.#begin(collected.segments);
    if ('error' in head) return head;
    if (collected.refused !== '') return { tag: head.tag, error: collected.refused };
    if (collected.pending !== null) this.#unread = { verb: head.verb, literal: collected.pending };
    return { tag: head.tag, verb: head.verb, scanner, pending: collected.pending };
  }

  /** Reads literals and lines until the command is whole, a message starts, or it is refused. */
  async #collect(first: Buffer, streams: (segments: Segment[]) => boolean): Promise<Collected> {
    const segments: Segment[] = [];
    let refused = '';
    let bytes = 0;
    let line = first;
    for (;;) {
      const text = line.toString('latin1');
      bytes += line.length;
      const literal = announcedLiteral(text);
      if (refused === '' && bytes > this.limits.command) refused = 'Command too long';
      if (segments.length === 0 || refused === '') segments.push({ text, literal: null });
      if (literal === null) return { segments, pending: null, refused };
      if (!literal.sync && literal.size > this.unasked) refused = 'A literal of that size must be asked for';
      if (refused === '' && streams(segments)) return { segments, pending: literal, refused };
      if (bytes + literal.size > this.limits.command) refused = 'Literal too large';
      if (segments.length > COMMAND_LITERALS) refused = 'Too many literals';
      if (refused !== '') {
        // A client that waits for our `+` gets the answer instead and sends nothing more of this command.
        if (literal.sync) return { segments, pending: null, refused };
        await this.#drain(literal);
      } else {
        bytes += literal.size;
        segments[segments.length - 1] = { text, literal: await this.#whole(literal) };
      }
      const next = await this.#awaitLine(this.limits.line);
      if (next === TOO_LONG) throw new Violation('Command line too long');
      line = next;
    }
  }

  async #whole(literal: PendingLiteral): Promise<Buffer> {
    const whole = Buffer.alloc(literal.size);
    let at = 0;
    await this.#bytes(literal, (bytes) => {
      whole.set(bytes, at);
      at += bytes.length;
    });
    return whole;
  }

  /** Throws a non-synchronizing literal away (RFC 7888 4). */
  async #drain(literal: PendingLiteral): Promise<void> {
    if (literal.size > DRAIN_BYTES) throw new Violation('Literal too large');
    await this.#bytes(literal, () => {});
  }

  async #bytes(literal: PendingLiteral, write: (bytes: Buffer) => void | Promise<void>): Promise<void> {
    if (literal.sync) this.#connection.out.text('+ OK\r\n'); // a space must follow the plus (RFC 9051 7.6)
    let failure: unknown;
    let failed = false;
    for (let left = literal.size; left > 0; ) {
      const bytes = this.#connection.takeBytes(left);
      if (bytes === null) {
        await this.#more();
        continue;
      }
      left -= bytes.length;
      if (failed) continue;
      try {
        const written = write(bytes);
        if (written !== undefined) await written;
        release(bytes);
      } catch (error) {
        failed = true;
        failure = error;
      }
    }
    if (failed) throw failure;
  }

  async #awaitLine(max: number): Promise<Buffer | typeof TOO_LONG> {
    for (;;) {
      const line = this.#connection.takeLine(max);
      if (line !== null) return line;
      await this.#more();
    }
  }

  /**
   * Until it is disposed a literal is in hand, which has a time of its own to come in; `afterwards`: what the connection
   * may be idle otherwise. A literal that came with its command sets no timer.
   */
  literalTimeout(afterwards: number): Disposable {
    this.#inLiteral = true;
    return {
      [Symbol.dispose]: () => {
        this.#inLiteral = false;
        if (!this.#waited) return;
        this.#waited = false;
        this.#connection.idle(afterwards, true);
      },
    };
  }

  /** More input inside a command: an interrupt is for whoever waits between commands. */
  async #more(): Promise<void> {
    if (this.#inLiteral && !this.#waited) {
      this.#waited = true;
      this.#connection.idle(LITERAL_MS, true);
    }
    const event = await this.#connection.more();
    if (event === 'end') throw new Disconnected();
    if (event === 'timeout') throw new Violation('Time-out inside a command');
  }
}

/** The literal that a line announces at its end, or null. Inside an open quoted string a brace is only a brace. */
function announcedLiteral(text: string): PendingLiteral | null {
  if (text.charCodeAt(text.length - 1) !== CLOSING_BRACE) return null;
  const sync = text.charCodeAt(text.length - 2) !== PLUS;
  const end = text.length - (sync ? 1 : 2);
  let start = end;
  while (isDigit(text.charCodeAt(start - 1))) start--;
  if (start === end || end - start > SIZE_DIGITS || text.charCodeAt(start - 1) !== OPENING_BRACE) return null;
  if (insideQuotes(text)) return null;
  return { size: Number(text.slice(start, end)), sync, binary: text.charCodeAt(start - 2) === TILDE };
}

function isDigit(code: number): boolean {
  return code >= 0x30 && code <= 0x39;
}

function insideQuotes(text: string): boolean {
  let inside = false;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) inside = !inside;
    else if (code === BACKSLASH && inside) at++;
  }
  return inside;
}

/** tag SP verb, with `UID` and its verb as one. */
function commandHead(scanner: Scanner): { tag: string; verb: string } | Malformed {
  const tag = scanner.tag();
  if (tag === '' || tag.length > TAG_CHARS || !scanner.take(' '))
    return { tag: '*', error: 'Expected a tag and a command' };
  const verb = scanner.name();
  if (verb === '') return { tag, error: 'Expected a command' };
  if (verb !== 'UID' || !scanner.take(' ')) return { tag, verb };
  return { tag, verb: `UID ${scanner.name()}` };
}
