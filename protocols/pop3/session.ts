// One POP3 session (RFC 1939 3): AUTHORIZATION, then TRANSACTION; QUIT enters UPDATE. Reads a line, runs its command,
// writes the reply; everything it knows lives as long as its connection.
import type { Logger } from 'pino';
import { isTemporary, StoreError } from '#storage/errors.ts';
import type { MessageId } from '#storage/ports.ts';
import { type Connection, Disconnected, type Event, TOO_LONG } from '../net/connection.ts';
import { Pace } from '../net/pace.ts';
import type { ReplyWriter } from '../net/reply-writer.ts';
import type { Principal, ProtocolContext } from '../ports.ts';
import type { LoginContext } from '../sasl/exchange.ts';
import type { Command } from './command.ts';
import { commandOf } from './commands/table.ts';
import { parseLine } from './grammar.ts';
import { IDLE_MS, LINE_OCTETS, LOGIN_MS, MAX_BAD_COMMANDS } from './limits.ts';
import type { Maildrop } from './maildrop.ts';
import type { ReadyReplies, ReadyReply } from './ready.ts';

/** RFC 2449 8, RFC 3206, RFC 6856 5. */
export type ResponseCode = 'IN-USE' | 'AUTH' | 'SYS/TEMP' | 'SYS/PERM';

/** Thrown where a line is awaited and none will come. */
class SessionOver extends Error {
  readonly event: Event | 'stopping';

  constructor(event: Event | 'stopping') {
    super(`the session is over: ${event}`);
    this.name = 'SessionOver';
    this.event = event;
  }
}

export class Session {
  readonly connection: Connection;
  readonly context: ProtocolContext;
  readonly log: Logger;
  /** From USER, until PASS or STLS. */
  user: string | null = null;
  /** UTF8 was said (RFC 6856 2). */
  utf8 = false;
  failedLogins = 0;
  readonly #ready: ReadyReplies;
  #next: ReadyReply | null = null;
  #principal: Principal | null = null;
  #maildrop: Maildrop | null = null;
  #badCommands = 0;
  #closing = false;
  #stopping = false;
  readonly #pace: Pace;
  /** A multi-line response is under way: an error can only be told by cutting the connection. */
  #answering = false;
  readonly #counts = { retrieved: 0, octets: 0, deleted: 0 };

  constructor(connection: Connection, context: ProtocolContext, ready: ReadyReplies) {
    this.#ready = ready;
    this.connection = connection;
    this.#pace = new Pace(connection);
    this.context = context;
    this.log = context.log.child({ connection: connection.id, address: connection.peer.address });
  }

  /** Serves the connection to its end. Never rejects. */
  async run(): Promise<void> {
    let end: string = 'quit';
    try {
      this.ok(`${this.context.hostname} POP3 ready`);
      this.connection.idle(LOGIN_MS, false);
      while (!this.#closing) {
        await this.#answer(await this.line());
        await this.pace();
      }
    } catch (error) {
      end = this.#ended(error);
    }
    await this.#release();
    this.connection.close();
    this.log.debug({ login: this.#principal?.login, end, ...this.#counts }, 'POP3 session over');
  }

  /** Ends the session after the command in hand. */
  stop(): void {
    this.#stopping = true;
    this.connection.interrupt();
  }

  /** The next line. Where none comes any more it throws what `run` catches. */
  async line(): Promise<Buffer | typeof TOO_LONG> {
    for (;;) {
      if (this.#stopping) throw new SessionOver('stopping');
      const line = this.connection.takeLine(LINE_OCTETS);
      if (line !== null) return line;
      const event = await this.connection.more();
      if (event === 'end' || event === 'timeout') throw new SessionOver(event);
    }
  }

  // -------------------------------------------------------------------------------------------------------- replies

  ok(text: string): void {
    this.connection.out.text(`+OK ${text}\r\n`);
  }

  error(text: string, code?: ResponseCode): void {
    this.connection.out.text(code === undefined ? `-ERR ${text}\r\n` : `-ERR [${code}] ${text}\r\n`);
  }

  /** A multi-line response: +OK, what `write` writes, and the dot that it ends with itself or leaves to us. */
  async multiline(text: string, write: () => Promise<void> | void): Promise<void> {
    this.ok(text);
    this.#answering = true;
    await write();
    this.#answering = false;
  }

  /** Makes the reply to RETR of a message before it is asked for, if there is room; `write` says whether it could. */
  prepare(message: MessageId, write: (out: ReplyWriter) => boolean): void {
    this.#dropNext();
    this.#next = this.#ready.make(message, write);
  }

  /** Sends the reply to RETR of a message if it is made; what was made for another is of no use any more. */
  sendPrepared(message: MessageId): boolean {
    const next = this.#next;
    if (next?.message !== message) {
      this.#dropNext();
      return false;
    }
    this.#next = null;
    this.#ready.send(next, this.connection.out);
    return true;
  }

  #dropNext(): void {
    if (this.#next !== null) this.#ready.drop(this.#next);
    this.#next = null;
  }

  /** Between pieces of a long reply and between commands: waits for a peer that reads slowly, and lets others work. */
  async pace(): Promise<void> {
    if (this.#pace.late) await this.#pace.rest();
  }

  /** Closes the connection after the reply. */
  hangUp(): void {
    this.#closing = true;
  }

  // ---------------------------------------------------------------------------------------------------------- state

  /** The maildrop; there is one exactly in the TRANSACTION state. */
  get maildrop(): Maildrop | null {
    return this.#maildrop;
  }

  /** Where a login happens. */
  get loginContext(): LoginContext {
    const { peer, channelBinding: binding } = this.connection;
    return { authenticator: this.context.authenticator, protocol: 'pop3', peer, binding };
  }

  /** A password may be sent now: under TLS, or where plaintext is allowed. */
  get mayLogIn(): boolean {
    return this.connection.secure || this.context.plaintext;
  }

  /** Enters the TRANSACTION state. */
  enter(principal: Principal, maildrop: Maildrop): void {
    this.#principal = principal;
    this.#maildrop = maildrop;
    this.context.devices.seen(principal.account.id, 'pop3', '', this.connection.peer.address);
    this.user = null;
    this.connection.idle(IDLE_MS, true);
  }

  /** Moves what is marked, gives the maildrop back; the reply to QUIT comes after it. */
  async leave(): Promise<void> {
    if (this.#maildrop === null) return;
    const marked = this.#maildrop.marked;
    await this.#maildrop.update();
    this.#counts.deleted += marked;
    await this.#release();
  }

  /** Counts a message that was sent. */
  retrieved(octets: number): void {
    this.#counts.retrieved += 1;
    this.#counts.octets += octets;
  }

  // ------------------------------------------------------------------------------------------------------- internal

  async #answer(line: Buffer | typeof TOO_LONG): Promise<void> {
    if (line === TOO_LONG) {
      this.#bad('line too long');
      return;
    }
    const { verb, argument } = parseLine(line);
    const command = commandOf(verb);
    if (command === undefined) {
      this.#bad('unknown command');
      return;
    }
    const start = performance.now();
    try {
      await this.#run(command, argument);
    } catch (error) {
      this.#failed(verb, error);
    }
    this.context.metrics.command('pop3', verb, (performance.now() - start) / 1_000);
  }

  /** RFC 1939 3: each command belongs to a state. */
  #run(command: Command, argument: Buffer | null): Promise<void> | void {
    const maildrop = this.#maildrop;
    if (command.state === 'transaction') {
      return maildrop === null ? this.error('log in first') : command.run(this, argument, maildrop);
    }
    if (command.state === 'authorization' && maildrop !== null) return this.error('already logged in');
    return command.run(this, argument);
  }

  /** A fault while a command ran: told as temporary or permanent (RFC 3206), its cause only in the log. */
  #failed(verb: string, error: unknown): void {
    if (error instanceof SessionOver || error instanceof Disconnected) throw error;
    const temporary = !(error instanceof StoreError) || isTemporary(error.code);
    this.log.error({ err: error, login: this.#principal?.login, verb }, 'a command failed');
    // Half a message must never look like a whole one.
    if (this.#answering) {
      this.connection.destroy();
      throw new Disconnected();
    }
    if (temporary) this.error('temporary fault, try again later', 'SYS/TEMP');
    else this.error('this can not be done', 'SYS/PERM');
  }

  #bad(text: string): void {
    this.error(text);
    this.#badCommands += 1;
    if (this.#badCommands < MAX_BAD_COMMANDS || this.connection.peer.trusted) return;
    this.error('too many errors');
    this.#closing = true;
  }

  /** How the session ended, other than by QUIT: nothing is deleted (RFC 1939 6). */
  #ended(error: unknown): string {
    if (error instanceof SessionOver) {
      // Said between commands, so it answers the next one. A time-out is not answered (RFC 1939 3).
      if (error.event === 'stopping') this.error('the server is shutting down', 'SYS/TEMP');
      return error.event;
    }
    if (error instanceof Disconnected) return 'cut';
    this.log.error({ err: error }, 'a session failed');
    this.connection.destroy();
    return 'failed';
  }

  async #release(): Promise<void> {
    this.#dropNext();
    const maildrop = this.#maildrop;
    this.#maildrop = null;
    try {
      await maildrop?.close();
    } catch (error) {
      this.log.error({ err: error }, 'a maildrop could not be given back');
    }
  }
}
