// The IMAP server of one thread: its sessions, and the accounts they share.

import type { Socket } from 'node:net';
import type { AccountId, Sharing } from '#storage/ports.ts';
import { Connection, peerOf } from '../net/connection.ts';
import { OutputBuffers } from '../net/output-buffers.ts';
import type { Source } from '../net/proxy.ts';
import type { ProtocolContext, ProtocolServer } from '../ports.ts';
import type { AskedFetch } from './commands/fetch.ts';
import { VERBS } from './commands/table.ts';
import type { LateVerb, Verb } from './commands/verb.ts';
import { LineCache, MessageCache } from './fetch/lines.ts';
import { ImapAccount } from './index/account.ts';
import { CLOSE_MS, CONNECTIONS_PER_ACCOUNT, KEPT_ACCOUNTS, KEPT_ROWS } from './limits.ts';
import { RecentLedger, type RecentShared } from './recent.ts';
import { Session } from './session.ts';
import type { ImapSettings } from './settings.ts';
import { TextExchange } from './sort/exchange.ts';

/** What the sessions of a thread share. */
export interface ServerState {
  readonly verbs: ReadonlyMap<string, Verb | LateVerb>;
  readonly recent: RecentLedger;
  readonly settings: ImapSettings;
  readonly lines: LineCache;
  readonly messages: MessageCache;
  /** What was lately asked of FETCH, by its text. */
  readonly fetches: Map<string, AskedFetch>;
  readonly texts: TextExchange;
  readonly closing: boolean;
  /** The account for one more session, or null when it has too many. */
  enter(id: AccountId, trusted: boolean): ImapAccount | null;
  leave(account: ImapAccount): void;
  /** Another account on this thread, whose mailboxes somebody shares. */
  visit(id: AccountId): ImapAccount;
  /** A session selects a mailbox of another account, and leaves it. */
  stay(account: ImapAccount): void;
  go(account: ImapAccount): void;
}

/** What the IMAP server is handed. */
export interface ImapContext extends ProtocolContext {
  readonly sharing: Sharing;
  /** A name of its own for what the threads of this process tell each other. */
  readonly channel: string;
}

/** `shared` is made once for all threads of the process. */
export function createImapServer(context: ImapContext, shared: RecentShared, settings: ImapSettings): ProtocolServer {
  return new ImapServer(context, shared, settings);
}

/** An account, its sessions, and those of others that have a mailbox of it selected. */
interface Entry {
  readonly account: ImapAccount;
  sessions: number;
  guests: number;
}

class ImapServer implements ProtocolServer, ServerState {
  readonly verbs = VERBS;
  readonly recent: RecentLedger;
  readonly settings: ImapSettings;
  readonly lines = new LineCache();
  readonly messages = new MessageCache();
  readonly fetches = new Map<string, AskedFetch>();
  readonly texts: TextExchange;
  closing = false;
  readonly #context: ImapContext;
  readonly #buffers = new OutputBuffers();
  readonly #sessions = new Map<Session, Promise<void>>();
  /** With and without sessions; of those without, the first was left longest ago. */
  readonly #accounts = new Map<AccountId, Entry>();

  constructor(context: ImapContext, shared: RecentShared, settings: ImapSettings) {
    this.#context = context;
    this.settings = settings;
    this.recent = new RecentLedger(shared);
    this.texts = new TextExchange(context.channel);
  }

  get connections(): number {
    return this.#sessions.size;
  }

  accept(socket: Socket, secure: boolean, source?: Source): void {
    const peer = peerOf(socket, (address) => this.#context.trusted(address), source);
    if (peer === undefined || this.closing) {
      socket.destroy();
      return;
    }
    const connection = new Connection(socket, peer, secure, this.#buffers);
    const session = new Session(connection, this.#context, this);
    this.#context.metrics.connection('imap', 1);
    const done = session.run().then(() => {
      this.#sessions.delete(session);
      this.#context.metrics.connection('imap', -1);
    });
    this.#sessions.set(session, done);
  }

  enter(id: AccountId, trusted: boolean): ImapAccount | null {
    const entry = this.#accounts.get(id) ?? this.#entry(id);
    if (entry.sessions >= CONNECTIONS_PER_ACCOUNT && !trusted) return null;
    entry.sessions++;
    this.#accounts.set(id, entry);
    return entry.account;
  }

  leave(account: ImapAccount): void {
    const entry = this.#accounts.get(account.id);
    if (entry !== undefined && --entry.sessions === 0) this.#left(account.id, entry);
  }

  visit(id: AccountId): ImapAccount {
    const known = this.#accounts.get(id);
    if (known !== undefined) return known.account;
    const entry = this.#entry(id);
    this.#accounts.set(id, entry);
    this.#trim();
    return entry.account;
  }

  stay(account: ImapAccount): void {
    const entry = this.#accounts.get(account.id) ?? { account, sessions: 0, guests: 0 };
    entry.guests++;
    this.#accounts.set(account.id, entry);
  }

  go(account: ImapAccount): void {
    const entry = this.#accounts.get(account.id);
    if (entry !== undefined && --entry.guests === 0) this.#left(account.id, entry);
  }

  #entry(id: AccountId): Entry {
    return { account: new ImapAccount(this.#context.store.mail(id)), sessions: 0, guests: 0 };
  }

  /** Puts it behind all that were left before. */
  #left(id: AccountId, entry: Entry): void {
    if (entry.sessions + entry.guests > 0) return;
    this.#accounts.delete(id);
    this.#accounts.set(id, entry);
    this.#trim();
  }

  /** Forgets accounts without sessions, from the one left longest ago, until the rest is within its limits. */
  #trim(): void {
    const kept = [...this.#accounts].filter(([, { sessions, guests }]) => sessions + guests === 0);
    let rows = kept.reduce((sum, [, { account }]) => sum + account.rows, 0);
    for (const [at, [id, { account }]] of kept.entries()) {
      if (rows <= KEPT_ROWS && kept.length - at <= KEPT_ACCOUNTS) break;
      this.#accounts.delete(id);
      rows -= account.rows;
    }
  }

  /** Commands in hand finish; idle sessions get BYE at once; who takes too long is cut off. */
  async close(): Promise<void> {
    this.closing = true;
    const cut = setTimeout(() => {
      for (const session of this.#sessions.keys()) session.connection.destroy();
    }, CLOSE_MS);
    for (const session of this.#sessions.keys()) session.connection.interrupt();
    await Promise.all(this.#sessions.values());
    clearTimeout(cut);
    this.lines.clear();
    this.messages.clear();
    this.texts.close();
  }
}
