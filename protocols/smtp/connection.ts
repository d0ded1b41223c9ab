// One connection: smtp-server's SMTPConnection with our input, our replies and our limits. What stays theirs is the life
// of the socket and the upgrade to TLS. Each override says what it is for; a test holds it to that, since these are
// internals of a package whose version is pinned.

import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import type { Logger } from 'pino';
import type { SMTPStream } from 'smtp-server/lib/smtp-stream.js';
import { type ChannelBinding, channelBinding } from '#protocols/net/channel-binding.ts';
import { letGoWhenClosed } from '#protocols/net/let-go.ts';
import type { Source } from '#protocols/net/proxy.ts';
import type { Peer, PeerConduct, Principal, SmtpReply } from '#protocols/ports.ts';
import { COMMANDS } from './commands/table.ts';
import { Dialogue } from './dialogue.ts';
import { decodeLine, splitVerb } from './grammar.ts';
import { type DataSink, Input, isHandshake } from './input.ts';
import { SMTPConnection } from './package.ts';
import { format, Reply } from './replies.ts';
import type { SmtpServer } from './server.ts';
import { type Answer, labelOf, type Part, type Session, type Transaction } from './session.ts';

/** A browser that was made to talk to us (cross-protocol request). */
/** How it stands in a dialogue that a client begins with TLS in its first octet. */
const HANDSHAKE = '(a TLS handshake)';

const HTTP = /^(?:GET|HEAD|POST|PUT|DELETE|OPTIONS|TRACE|CONNECT|PATCH) \S+ HTTP\/\d/i;

export class Connection extends SMTPConnection implements Session {
  readonly part: Part;
  peer: Peer;
  conduct: PeerConduct | null;
  log: Logger;
  readonly proxied: boolean;
  hello: Session['hello'] = null;
  principal: Principal | null = null;
  transaction: Transaction | null = null;
  continuation: Session['continuation'] = null;
  readonly dialogue = new Dialogue();
  readonly #started = Date.now();
  readonly counts: Session['counts'] = { errors: 0, refused: 0, idle: 0, logins: 0 };

  readonly #onGone: () => void;
  #gone = false;
  /** Replies that wait for the end of what has arrived, so that a pipelined batch is one write (RFC 2920 3.2). */
  #out = '';
  #sink: DataSink | null = null;
  #after: 'finish' | 'upgrade' | null = null;
  #stopping = false;
  readonly #sessionTimer: NodeJS.Timeout;
  readonly #fruitTimer: NodeJS.Timeout;
  #phaseTimer: NodeJS.Timeout | undefined;
  #progressed = false;
  #endHold: () => void = () => {};

  constructor(server: SmtpServer, socket: Socket, options: ConnectionOptions) {
    super(server, socket, { id: options.peer.connection });
    this.part = server.part;
    this.peer = options.peer;
    this.log = options.log;
    this.#onGone = options.onGone;
    this.secure = this.session.secure = options.secure;
    this.conduct = options.conduct;
    this.proxied = options.proxied;
    letGoWhenClosed(socket);
    const { sessionMs, fruitlessMs } = this.part.limits;
    this.#sessionTimer = setTimeout(() => this.cut(Reply.tooSlow), sessionMs).unref();
    this.#fruitTimer = setTimeout(() => this.#fruitless(), fruitlessMs).unref();
  }

  // --------------------------------------------------------------------------------------- what commands ask (Session)

  get tls(): Session['tls'] {
    if (!(this._socket instanceof TLSSocket)) return null;
    return { version: this._socket.getProtocol() ?? '', cipher: this._socket.getCipher()?.name ?? '' };
  }

  get channelBinding(): ChannelBinding | null {
    return channelBinding(this._socket);
  }

  receive(sink: DataSink): void {
    this.#sink = sink;
    this.#input?.receive({
      reader: sink.reader,
      take: sink.take,
      abort: sink.abort,
      end: () => {
        this.#sink = null;
        clearTimeout(this.#phaseTimer);
        return sink.end();
      },
    });
    this.#expect(performance.now() + this.part.limits.dataMs);
  }

  reset(): void {
    const { transaction } = this;
    this.transaction = null;
    void transaction?.chunks?.reception.abort().catch((error: unknown) => this.#leftover(error));
  }

  speaksFor({ address, port }: Source, name?: string): SmtpReply | null {
    const server = this._server as SmtpServer;
    const { context } = this.part;
    const { connection } = this.peer;
    this.peer = { connection, address, port, trusted: context.trusted(address), ...(name !== undefined && { name }) };
    this.conduct = server.conductOf(this.peer);
    this.log = server.logOf(this.peer);
    this.hello = null;
    this.principal = null;
    return server.refusalOf(this.conduct);
  }

  progress(): void {
    this.#progressed = true;
    this.counts.idle = 0;
    this.#fruitTimer.refresh();
  }

  async hold(): Promise<void> {
    this.#flush();
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, this.part.limits.holdMs).unref();
    this.#endHold = resolve;
    await promise;
    clearTimeout(timer);
  }

  finish(): void {
    this.#after = 'finish';
  }

  cut(reply: SmtpReply): void {
    if (this._closing || this.#gone) return;
    if (this._upgrading) {
      this.destroy(); // in the middle of a handshake nothing can be said
      return;
    }
    this.#write(format(reply));
    this.close();
  }

  answer(answer: Answer): Promise<void> | void {
    if (isError(answer) && ++this.counts.errors > this.part.limits.errorsAtOnce && this.conduct !== null) {
      return this.hold().then(() => this.#say(answer));
    }
    return this.#say(answer);
  }

  #say(answer: Answer): Promise<void> | void {
    if (this._closing || this.#gone) return;
    this.#write(typeof answer === 'string' ? answer : format(answer));
    if (typeof answer !== 'string') this.#enforce();
    if (this._closing) return;
    if (this.#after === 'finish') this.close();
    else if (this.#stopping && this.#sink === null) this.cut(Reply.stopping);
    // The socket that hands us its bytes changes its owner when it has done so.
    else if (this.#after === 'upgrade') return Promise.resolve().then(() => this.#upgrade());
    // A peer that pipelines and never reads must not fill our memory with replies.
    if (this._socket.writableNeedDrain) return new Promise<void>((resolve) => this._whenWritable(resolve));
  }

  // ------------------------------------------------------------------------------------------------------ the lifetime

  /** The 100 ms before the greeting and the reverse look-up are gone: the greeting comes at once. */
  override init(): void {
    this.part.context.metrics.connection(this.#label, 1);
    this._setListeners(() => {
      this.#write(`220 ${this.part.context.hostname} ${this.part.kind === 'lmtp' ? 'LMTP' : 'ESMTP'}\r\n`); // RFC 2034 3: without an enhanced code
      this.#flush();
    });
  }

  /** No reply is left behind when the socket ends. */
  override close(): void {
    this.#flush();
    super.close();
  }

  /** Stops: at once when the peer owes us a command, else after the answer to what is in hand. */
  stop(): void {
    this.#stopping = true;
    this.#endHold();
    if (this.#input?.working !== true && this.#sink === null) this.cut(Reply.stopping);
  }

  destroy(): void {
    this._socket.destroy();
  }

  override _onClose(): void {
    const input = this.#input;
    super._onClose();
    input?.letGo();
    if (this.#gone) return;
    this.#gone = true;
    this.#endHold();
    clearTimeout(this.#sessionTimer);
    clearTimeout(this.#fruitTimer);
    clearTimeout(this.#phaseTimer);
    this.part.context.metrics.connection(this.#label, -1);
    if (!this.#progressed && this.counts.errors > this.part.limits.errorsAtOnce) this.conduct?.note('spoiled-session');
    const sink = this.#sink;
    this.#sink = null;
    void sink?.abort().catch((error: unknown) => this.#leftover(error));
    this.reset();
    this.#record();
    this.#onGone();
  }

  #record(): void {
    this.part.context.sessions.keep({
      listener: this.#label,
      address: this.peer.address,
      login: this.principal?.account.address ?? this.dialogue.login,
      account: this.principal?.account.id ?? null,
      program: this.hello?.name ?? '',
      started: this.#started,
      seconds: (Date.now() - this.#started) / 1000,
      tls: this.tls?.version ?? null,
      lines: this.dialogue.lines,
    });
  }

  #leftover(error: unknown): void {
    this.log.error({ err: error }, 'a cut message left something behind');
  }

  /** A lost connection is the peer's affair, not an 'error' that nobody listens to. */
  override _onError(error: Error): void {
    this.log.debug({ err: error }, 'connection lost');
    this._socket.destroy();
  }

  /** While we work the peer can't be late; and the words are ours. */
  override _onTimeout(): void {
    if (this._closing || this._upgrading) this._socket.destroy();
    else if (this.#input?.working === true) this._armTimeout();
    else this.cut(Reply.idle);
  }

  // ----------------------------------------------------------------------------------------------------------- the TLS

  startTls(): void {
    this.#after = 'upgrade';
  }

  #upgrade(): void {
    this.#after = null;
    this.#flush();
    this.#phaseTimer = setTimeout(() => this._socket.destroy(), this.part.limits.handshakeMs).unref();
    (this._server as SmtpServer).refreshSecureContext();
    const plain = this._socket;
    while (plain.read() !== null); // what was not protected is not heard (CVE-2011-0411)
    super.upgrade(
      () => {},
      () => {
        clearTimeout(this.#phaseTimer);
        letGoWhenClosed(this._socket);
        // RFC 3207 4.2: nothing said before counts. (smtp-server has thrown away what was pipelined behind STARTTLS.)
        this.hello = null;
        this.principal = null;
        this.reset();
      },
    );
  }

  // --------------------------------------------------------------------------------------------------------- the input

  get #input(): Input | null {
    return this._parser instanceof Input ? this._parser : null;
  }

  get #label(): string {
    return labelOf(this.part.kind);
  }

  /** Our input in place of smtp-server's stream; called from its constructor and for the session inside TLS. */
  override _createParser(): SMTPStream {
    const { limits, kind } = (this._server as SmtpServer).part;
    const input = new Input(
      {
        commandOctets: kind === 'submission' ? limits.authOctets : limits.commandOctets,
        runawayOctets: limits.runawayOctets,
      },
      {
        command: (line) => this.#command(line),
        overlong: () => this.answer(this.continuation === null ? Reply.lineTooLong : this.#authTooLong()),
        runaway: () => this.cut(Reply.runaway),
        idle: () => {
          this.#flush();
          if (this.#stopping && this.#sink === null) this.cut(Reply.stopping);
        },
        end: () => {
          if (input.handshake) this.dialogue.client(HANDSHAKE);
          this.close();
        },
      },
    );
    // A fault of the program while it reads: the connection ends, not the process.
    input.on('error', (error) => {
      this.log.error({ err: error }, 'the input could not be read');
      this.destroy();
    });
    return input;
  }

  #command(bytes: Buffer): Promise<void> | void {
    const line = decodeLine(bytes, this.part.kind === 'submission');
    if (this.continuation !== null) return this.#continue(this.continuation, line);
    this.dialogue.client(line ?? (isHandshake(bytes) ? HANDSHAKE : '(not a line)'));
    if (line === null) return this.answer(Reply.badLine);
    const { verb, rest } = splitVerb(line);
    const command = COMMANDS.get(verb);
    if (command === undefined) {
      if (HTTP.test(line)) return this.cut(Reply.http);
      return this.answer(Reply.unknownCommand);
    }
    if (!this.#spend(verb)) return this.cut(Reply.tooManyCommands);
    const started = performance.now();
    const answer = this.#guarded(() => command(this, rest));
    if (answer instanceof Promise) return answer.then((later) => this.#answered(verb, started, later));
    return this.#answered(verb, started, answer);
  }

  async #continue(continuation: NonNullable<Session['continuation']>, line: string | null): Promise<void> {
    this.continuation = null;
    this.dialogue.response(line ?? '');
    await this.answer(line === null ? Reply.authMalformed : await this.#guarded(() => continuation(line)));
  }

  #answered(verb: string, started: number, answer: Answer): Promise<void> | void {
    this.part.context.metrics.command(this.#label, verb, (performance.now() - started) / 1000);
    this.log.debug({ verb, code: typeof answer === 'string' ? answer.slice(0, 3) : answer.code }, 'command');
    return this.answer(answer);
  }

  /** A fault of the program ends one command, not the session, and never the process. */
  #guarded(run: () => Answer | Promise<Answer>): Answer | Promise<Answer> {
    const failed = (error: unknown) => {
      this.log.error({ err: error }, 'a command failed');
      return Reply.temporary;
    };
    try {
      const answer = run();
      return answer instanceof Promise ? answer.catch(failed) : answer;
    } catch (error) {
      return failed(error);
    }
  }

  #authTooLong(): Answer {
    this.continuation = null;
    return Reply.authLineTooLong;
  }

  // --------------------------------------------------------------------------------------------------------- the limits

  /** Counts commands that bring no message further; a message or a login starts the count anew. */
  #spend(verb: string): boolean {
    if (verb === 'RCPT' || verb === 'DATA' || verb === 'BDAT' || verb === 'QUIT') return true; // BDAT counts by itself
    const { limits, kind } = this.part;
    const anonymous = kind === 'submission' && this.principal === null;
    const limit = anonymous ? limits.anonymousCommands : limits.idleCommands;
    return ++this.counts.idle <= limit || this.peer.trusted;
  }

  #enforce(): void {
    const { counts, peer, principal } = this;
    const { limits } = this.part;
    if (peer.trusted) return;
    const refused = principal === null ? limits.refusedRecipients : limits.refusedRecipientsOfUser;
    if (counts.logins >= limits.logins) this.cut(Reply.tooManyLogins);
    else if (counts.errors >= limits.errors) this.cut(Reply.tooManyErrors);
    else if (counts.refused >= refused) this.cut(Reply.tooManyErrors);
  }

  /** Content is awaited until `deadline`; in each rateMs in which the peer kept us waiting it must send some. */
  #expect(deadline: number): void {
    const { rateMs, rateOctets } = this.part.limits;
    const before = this._socket.bytesRead;
    const left = deadline - performance.now();
    const check = () => {
      if (this.#sink === null) return;
      const slow = this._socket.bytesRead - before < rateOctets && this.#input?.working !== true;
      if (left <= rateMs || slow) this.cut(Reply.tooSlow);
      else this.#expect(deadline);
    };
    this.#phaseTimer = setTimeout(check, Math.max(1, Math.min(rateMs, left))).unref();
  }

  /** Nothing came of this session for long. */
  #fruitless(): void {
    if (this.#sink === null && this.#input?.working !== true) this.cut(Reply.tooSlow);
    else this.#fruitTimer.refresh();
  }

  // -------------------------------------------------------------------------------------------------------- the output

  #write(text: string): void {
    if (text !== '') this.dialogue.server(text);
    this.#out += text;
  }

  #flush(): void {
    const text = this.#out;
    this.#out = '';
    if (text !== '' && this._socket.writable && !this._upgrading) this._socket.write(text);
  }
}

export interface ConnectionOptions {
  readonly peer: Peer;
  readonly conduct: PeerConduct | null;
  readonly proxied: boolean;
  readonly secure: boolean;
  readonly log: Logger;
  onGone(): void;
}

/** The peer does not speak SMTP as it should: unknown, malformed or out of order. */
function isError(answer: Answer): boolean {
  if (typeof answer === 'string') return false;
  return (answer.code >= 500 && answer.code <= 504) || answer.code === 555;
}
