// One IMAP session (RFC 9051 3): reads commands in order, runs each to its end, tells what has changed, answers.

import { StoreError } from '#storage/errors.ts';
import type { Sharing } from '#storage/ports.ts';
import { type Connection, Disconnected } from '../net/connection.ts';
import { Pace } from '../net/pace.ts';
import type { Principal } from '../ports.ts';
import { type LoginContext, offered } from '../sasl/exchange.ts';
import { capabilities } from './capabilities.ts';
import type { Outcome, Own, Reply, Verb } from './commands/verb.ts';
import type { Enabled } from './enabled.ts';
import { refusalOf } from './errors.ts';
import { fetch } from './fetch/fetch.ts';
import { type Command, CommandReader, type Malformed, Violation } from './grammar/command-reader.ts';
import { BadCommand, Refusal } from './grammar/errors.ts';
import type { ImapAccount } from './index/account.ts';
import {
  BAD_COMMANDS,
  BAD_COMMANDS_UNAUTHENTICATED,
  COMMAND_BYTES,
  COMMAND_BYTES_UNAUTHENTICATED,
  LINE_BYTES,
  LINE_BYTES_UNAUTHENTICATED,
  LITERAL_MINUS_BYTES,
  LOGIN_MS,
} from './limits.ts';
import type { Notify } from './notify.ts';
import { Places } from './places.ts';
import { mayUse, noPermission, type Use } from './rights.ts';
import { tellWithSearches } from './search/context.ts';
import type { ImapContext, ServerState } from './server.ts';
import { capabilityOf, PARTS_OF_REV2 } from './settings.ts';
import type { Expunges, Selected } from './view/selected.ts';

export class Session {
  readonly connection: Connection;
  readonly context: ImapContext;
  readonly server: ServerState;
  readonly reader: CommandReader;
  principal: Principal | null = null;
  account: ImapAccount | null = null;
  #places: Places | null = null;
  selected: Selected | null = null;
  readonly enabled = new Set<Enabled>();
  /** Capabilities that are off, for everybody or for the account, in upper case. */
  #off: ReadonlySet<string>;
  /** What the client has asked to be told of; null until it first does (RFC 5465 3.1). */
  notify: Notify | null = null;
  /** Of the command in hand. */
  tag = '';
  loginFailures = 0;
  /** What the program calls itself. */
  #program = '';
  /** The connection ends after the reply in hand. */
  ending = false;
  #badCommands = 0;

  constructor(connection: Connection, context: ImapContext, server: ServerState) {
    this.connection = connection;
    this.context = context;
    this.server = server;
    const limits = { line: LINE_BYTES_UNAUTHENTICATED, command: COMMAND_BYTES_UNAUTHENTICATED };
    const plus = server.settings.literals === 'plus';
    this.reader = new CommandReader(connection, limits, (verb, scanner) => {
      const found = server.verbs.get(verb);
      return (typeof found === 'object' && found.streams?.(scanner)) ?? false;
    });
    if (!plus) this.reader.unasked = LITERAL_MINUS_BYTES;
    this.#off = server.settings.off;
    this.reader.off = this.#off;
  }

  /** Names and strings are UTF-8 both ways (RFC 9755 3, RFC 9051 5.1). */
  get utf8(): boolean {
    return this.enabled.has('UTF8=ACCEPT') || this.rev2;
  }

  /** The client speaks IMAP4rev2: nothing is told that RFC 9051 took away (appendix E). */
  get rev2(): boolean {
    return this.enabled.has('IMAP4rev2');
  }

  /** Where a login happens. */
  get loginContext(): LoginContext {
    const { peer, channelBinding: binding } = this.connection;
    return { authenticator: this.context.authenticator, protocol: 'imap', peer, binding };
  }

  /** TLS protects the connection, or the operator allows passwords without it. */
  get mayLogIn(): boolean {
    return this.connection.secure || this.context.plaintext;
  }

  get capabilities(): string {
    const { mayLogIn, connection, context } = this;
    const { messageSize } = context;
    const loggedIn = this.account !== null;
    const mechanisms = mayLogIn && !loggedIn ? offered(this.loginContext) : [];
    const { literals } = this.server.settings;
    const names = capabilities({ loggedIn, secure: connection.secure, mechanisms, messageSize, literals });
    return names.filter((name) => this.offers(name)).join(' ');
  }

  /** Is this capability not switched off, for everybody or for the account? */
  offers(capability: string): boolean {
    if (this.#off.size === 0) return true;
    const name = capability.toUpperCase().replace(/^APPENDLIMIT=.*/, 'APPENDLIMIT');
    return !this.#off.has(name);
  }

  /** Serves the connection until it ends. Never rejects. */
  async run(): Promise<void> {
    this.connection.idle(LOGIN_MS, false);
    this.connection.out.text(`* OK [CAPABILITY ${this.capabilities}] ${this.context.hostname} ready\r\n`);
    try {
      await this.#serve();
    } catch (error) {
      if (error instanceof Violation) this.bye(error.message);
      else if (!(error instanceof Disconnected)) {
        this.log('error', 'session failed', { err: error });
        this.bye('Internal error');
      }
    }
    this.noteDevice();
    this.deselect();
    this.setNotify(null);
    if (this.account !== null) this.server.leave(this.account);
    this.connection.close();
  }

  async #serve(): Promise<void> {
    // Commands that came together must not hold the event loop together.
    const pace = new Pace(this.connection);
    while (!this.ending) {
      if (this.server.closing) return this.bye('Server is shutting down');
      if (pace.late) await pace.rest();
      // One that is there already costs no promise of its own.
      const taken = this.notify === null ? this.reader.take() : await this.#next(this.notify);
      const next = await (taken ?? this.reader.next());
      if (next === 'end') return;
      if (next === 'timeout') return this.bye('Idle for too long');
      if (next === 'interrupt') continue;
      if ('error' in next) this.#malformed(next);
      else await this.#execute(next);
      if (!this.reader.finished) await this.reader.finish();
      // Who waits for input sends first what is written.
      if (this.connection.available > 0) this.connection.flushSoon();
    }
  }

  /** The next command; what happens while it is waited for is told to those who asked for it (RFC 5465). */
  async #next(notify: Notify): Promise<Awaited<ReturnType<CommandReader['next']>>> {
    if (this.account !== null && notify.stamp !== this.stamp) {
      notify.stamp = this.stamp;
      await this.sync(notify.atOnce);
      const ended = this.endOfSelected;
      if (ended !== '') this.bye(ended);
      if (this.ending) return 'interrupt';
    }
    return await this.reader.next();
  }

  /** Says why, and ends. */
  bye(text: string): void {
    this.connection.out.text(`* BYE ${text}\r\n`);
    this.ending = true;
  }

  /** A line in the log with what is known of this session. */
  log(level: 'debug' | 'info' | 'warn' | 'error', text: string, fields: object = {}): void {
    const { id, peer } = this.connection;
    const account = this.principal?.account.address;
    this.context.log[level]({ protocol: 'imap', connection: id, peer: peer.address, account, ...fields }, text);
  }

  // ------------------------------------------------------------------------------------------------------- commands

  async #execute(command: Command): Promise<void> {
    const started = performance.now();
    this.tag = command.tag;
    const found = this.server.verbs.get(command.verb);
    const known = found !== undefined && (this.#off.size === 0 || this.offers(capabilityOf(command.verb)));
    if (!known) return this.#malformed({ tag: command.tag, error: 'Unknown command' });
    const verb = typeof found === 'function' ? await found() : found;
    const wrong = this.#forbidden(verb);
    if (wrong !== '') return this.#malformed({ tag: command.tag, error: wrong });
    const outcome = await this.#attempt(verb, command);
    if (outcome !== 'answered') {
      const finishing = this.#finish(verb, command, outcome ?? {});
      if (finishing !== undefined) await finishing;
    }
    this.context.metrics.command('imap', command.verb, (performance.now() - started) / 1000);
  }

  #forbidden(verb: Verb): string {
    switch (verb.state) {
      case 'any':
        return '';
      case 'unauthenticated':
        return this.account === null ? '' : 'Already logged in';
      case 'authenticated':
        return this.account === null ? 'Log in first' : '';
      case 'selected':
        if (this.account === null) return 'Log in first';
        return this.selected === null ? 'No mailbox is selected' : '';
    }
  }

  /** Runs it; what was wrong with it is answered or becomes its reply. */
  async #attempt(verb: Verb, command: Command): Promise<Outcome> {
    try {
      // No session answers from the past: what any thread has committed is in the index before a command runs.
      if (verb.state !== 'any') {
        if (this.#places?.behind) await this.followRights();
        if (this.#shut) return this.#refuseShut();
        const account = this.selected?.account ?? this.account;
        if (account?.behind) await account.catchUp();
      }
      return await verb.run(this, command);
    } catch (error) {
      if (error instanceof BadCommand) {
        this.#malformed({ tag: command.tag, error: error.message });
        return 'answered';
      }
      const refusal = this.#refusal(error, command.verb);
      return { status: 'NO', code: refusal.code, text: refusal.message };
    }
  }

  /** What the client is told of an error; the cause goes to the log. Errors that end the session pass. */
  #refusal(error: unknown, verb: string): Refusal {
    if (error instanceof Refusal) return error;
    if (error instanceof Disconnected || error instanceof Violation) throw error;
    if (error instanceof StoreError) {
      const refusal = refusalOf(error);
      if (refusal.code === 'UNAVAILABLE') this.log('warn', 'the store refused', { verb, err: error });
      return refusal;
    }
    this.log('error', 'command failed', { verb, err: error });
    return new Refusal('SERVERBUG', 'Internal error');
  }

  /** A promise only where telling what has changed waits for something. */
  #finish(verb: Verb, command: Command, reply: Reply): void | Promise<void> {
    this.#badCommands = 0;
    const own = { expunged: reply.expunged === true, added: verb.adds === true };
    const expunges = this.sync(verb.expunges && reply.expunges !== false, own);
    if (typeof expunges === 'string') return this.#answer(command, reply, expunges);
    return expunges.then((told) => this.#answer(command, reply, told));
  }

  #answer(command: Command, reply: Reply, expunges: Expunges): void {
    const { status = 'OK', text = `${command.verb} completed` } = reply;
    const { out } = this.connection;
    const code = this.#highestModseq(reply, expunges);
    out.text(command.tag).text(` ${status} `);
    if (code !== '') out.text(`[${code}] `);
    out.text(text).text('\r\n');
    const ended = this.endOfSelected;
    if (ended !== '' && !this.ending) this.bye(ended);
  }

  /** Why the session can't stay in the mailbox that it has selected; '' if it can. */
  get endOfSelected(): string {
    if (this.#shut) return 'The selected mailbox is no longer shared';
    return this.selected?.index.deleted === true ? 'The selected mailbox was deleted' : '';
  }

  /** The session has a mailbox selected that it may no longer read. */
  get #shut(): boolean {
    return this.selected !== null && !mayUse(this.selected.rights, 'select');
  }

  /** Nothing more is told of a mailbox that was somebody else's all along (F147). */
  #refuseShut(): Reply {
    const text = this.endOfSelected;
    this.deselect();
    this.bye(text);
    return { status: 'NO', code: 'NOPERM', text };
  }

  /** Brings rights up to everything that was committed: what the session may do with the selected mailbox, too. */
  async followRights(): Promise<void> {
    const { selected } = this;
    await this.places.catchUp();
    if (selected !== null) selected.rights = this.places.rightsIn(selected.account, selected.mailbox.id);
  }

  /** Refuses what may not be done with the selected mailbox. */
  demand(use: Use): void {
    if (!mayUse(this.current.rights, use)) throw noPermission();
  }

  /** A number that is another after each commit that the session may have to tell of. */
  get stamp(): number {
    const accounts = new Set([this.owner, ...(this.notify?.others ?? [])]);
    if (this.selected !== null) accounts.add(this.selected.account);
    let stamp = this.places.generation();
    for (const { mail } of accounts) stamp += mail.generation();
    return stamp;
  }

  /** Wakes whoever waits for the client after each such commit, until it is disposed. */
  listen(): Disposable {
    const wakes = new DisposableStack();
    const wake = () => this.connection.interrupt();
    wakes.use(this.owner.mail.subscribe(wake));
    const { selected } = this;
    if (selected !== null && selected.account !== this.owner) {
      wakes.use(selected.account.mail.subscribe(wake));
      wakes.use(this.places.subscribe(wake));
    }
    return wakes;
  }

  /** The tagged reply's code; mod-sequences that the client must know of are told in it, or before it. */
  #highestModseq({ code = '', expunged = false }: Reply, expunges: Expunges): string {
    if (this.selected === null || !this.enabled.has('CONDSTORE')) return code;
    const qresync = this.enabled.has('QRESYNC');
    // RFC 7162 3.2: while expunges wait, a client must not believe the mod-sequences that come after them; and 3.2.7.
    if (expunges !== 'withheld' && !(qresync && (expunged || expunges === 'told'))) return code;
    const highest = `HIGHESTMODSEQ ${this.selected.synced}`;
    if (code === '') return highest;
    this.connection.out.text(`* OK [${highest}] Highest\r\n`);
    return code;
  }

  /** BAD, and BYE after too many in a row. */
  #malformed({ tag, error }: Malformed): void {
    this.connection.out.text(`${tag} BAD ${error}\r\n`);
    this.#badCommands++;
    const most = this.account === null ? BAD_COMMANDS_UNAUTHENTICATED : BAD_COMMANDS;
    if (this.#badCommands >= most && !this.connection.peer.trusted) this.bye('Too many invalid commands');
  }

  /**
   * Brings the view up to date and tells the client what it wants to know; `own`: what the command in hand has done is
   * told in any case, and its new messages are none to the client.
   */
  sync(expunges: boolean, own: Own = {}): Expunges | Promise<Expunges> {
    const { account, selected, notify } = this;
    if (account === null || (selected === null && notify === null)) return 'none';
    const shown = selected?.account ?? account;
    if (notify !== null || this.places.behind || shown.behind) return this.#syncSlowly(shown, expunges, own);
    return this.#shut ? 'none' : this.#tellSelected(expunges, own.expunged === true);
  }

  async #syncSlowly(shown: ImapAccount, expunges: boolean, own: Own): Promise<Expunges> {
    const { notify } = this;
    // The command itself is done; what fails here is tried again by the next one.
    const attempt = async (work: () => Promise<void>) => {
      try {
        await work();
      } catch (error) {
        this.#refusal(error, 'sync');
      }
    };
    if (this.places.behind || shown.behind) {
      await attempt(async () => {
        if (this.places.behind) await this.followRights();
        await shown.catchUp();
      });
    }
    if (this.#shut) return 'none';
    const lastUid = this.selected?.view.lastUid ?? 0;
    const told = await this.#tellSelected(expunges, own.expunged === true);
    if (notify === null) return told;
    await attempt(() => notify.tell(this));
    if (own.added !== true) await attempt(() => this.#tellNew(notify, lastUid));
    return told;
  }

  #tellSelected(expunges: boolean, always: boolean): Expunges | Promise<Expunges> {
    const { selected, notify, connection } = this;
    if (selected === null) return 'none';
    if (notify?.selected !== 'nothing' || always) {
      const flags = notify?.selected !== 'messages';
      const annotations = notify?.annotations;
      const tell = () => selected.tell(connection, expunges, flags, annotations);
      return tellWithSearches(this, selected, expunges, tell);
    }
    // A client that wants to hear of nothing must not believe later mod-sequences either.
    return selected.synced < selected.index.complete ? 'withheld' : 'none';
  }

  /** What NOTIFY asks for of messages above a UID that the client has been told of (RFC 5465 5.2). */
  async #tellNew({ plan }: Notify, lastUid: number): Promise<void> {
    if (plan === null || this.selected === null) return;
    await fetch(this, this.selected.view.byUid([[lastUid + 1, 0xffff_ffff]]), plan);
  }

  /** Switches an extension on; the first use of mod-sequences tells the mailbox's (RFC 7162 3.1). */
  enable(extension: Enabled): void {
    if (extension === 'QRESYNC') this.enable('CONDSTORE'); // RFC 7162 3.2.3
    if (this.enabled.has(extension)) return;
    this.enabled.add(extension);
    this.reader.utf8 = this.utf8;
    if (extension === 'IMAP4rev2') this.reader.off = this.#off.difference(PARTS_OF_REV2);
    if (extension !== 'CONDSTORE' || this.selected === null) return;
    this.connection.out.text(`* OK [HIGHESTMODSEQ ${this.selected.synced}] Highest\r\n`);
  }

  // --------------------------------------------------------------------------------------------------------- states

  /** Enters the authenticated state. */
  login(principal: Principal, account: ImapAccount, off: readonly string[]): void {
    this.#switchOff(off);
    this.principal = principal;
    this.account = account;
    this.#places = new Places(account, {
      sharing: this.sharing,
      visit: (id) => this.server.visit(id),
      unavailable: (address, err) => this.log('warn', 'a shared account is not available', { owner: address, err }),
    });
    this.reader.limits = { line: LINE_BYTES, command: COMMAND_BYTES };
    this.connection.idle(this.server.settings.idle, true);
    if (this.#program !== '') this.noteDevice();
  }

  /** The program has said what it is (RFC 2971). */
  identify(program: string): void {
    this.#program = program;
    this.noteDevice();
  }

  /** Notes that this program is in the account now; a session that is never asked about itself does so at its end. */
  noteDevice(): void {
    if (this.principal === null) return;
    const { context, connection, principal } = this;
    context.devices.seen(principal.account.id, 'imap', this.#program, connection.peer.address);
  }

  /** What is off for the account, and for everybody. */
  #switchOff(names: readonly string[]): void {
    const { off } = this.server.settings;
    // A set of its own only for who needs one: idle sessions are many.
    this.#off = names.length === 0 ? off : off.union(new Set(names.map((name) => name.toUpperCase())));
    this.reader.off = this.#off;
  }

  /** Back to the state before the login (RFC 8437 2): nothing of it is left. */
  logout(): void {
    this.deselect();
    if (this.account !== null) this.server.leave(this.account);
    this.log('info', 'logout');
    this.principal = null;
    this.account = null;
    this.#places = null;
    this.enabled.clear(); // RFC 8437 2
    this.#switchOff([]);
    this.setNotify(null);
    this.reader.utf8 = false;
    this.reader.limits = { line: LINE_BYTES_UNAUTHENTICATED, command: COMMAND_BYTES_UNAUTHENTICATED };
    this.connection.idle(LOGIN_MS, false);
  }

  /** What it is told of from now on. */
  setNotify(notify: Notify | null): void {
    this.notify?.[Symbol.dispose]();
    this.notify = notify;
  }

  select(selected: Selected): void {
    if (selected.account !== this.account) this.server.stay(selected.account);
    this.selected = selected;
  }

  /** Leaves the selected state. */
  deselect(): void {
    if (this.selected === null) return;
    const { account, index } = this.selected;
    account.release(index);
    if (account !== this.account) this.server.go(account);
    this.selected = null;
  }

  /** The account; commands that need one only run when there is one. */
  get owner(): ImapAccount {
    if (this.account === null) throw new BadCommand('Log in first');
    return this.account;
  }

  get sharing(): Sharing {
    return this.context.sharing;
  }

  /** The mailboxes that it may use; likewise. */
  get places(): Places {
    if (this.#places === null) throw new BadCommand('Log in first');
    return this.#places;
  }

  /** The selected mailbox; commands that need one only run when there is one. */
  get current(): Selected {
    if (this.selected === null) throw new BadCommand('No mailbox is selected');
    return this.selected;
  }
}
