// The IMAP server of one thread: its sessions, and the accounts they share.

import type { Socket } from 'node:net';
import type { AccountId } from '#storage/ports.ts';
import { Connection, peerOf } from '../net/connection.ts';
import { OutputBuffers } from '../net/output-buffers.ts';
import type { Source } from '../net/proxy.ts';
import type { ProtocolContext, ProtocolServer } from '../ports.ts';
import { VERBS } from './commands/table.ts';
import type { Verb } from './commands/verb.ts';
import { LineCache } from './fetch/lines.ts';
import { ImapAccount } from './index/account.ts';
import { CLOSE_MS, CONNECTIONS_PER_ACCOUNT, KEPT_ACCOUNTS, KEPT_ROWS } from './limits.ts';
import { RecentLedger, type RecentShared } from './recent.ts';
import { Session } from './session.ts';
import type { ImapSettings } from './settings.ts';

/** What the sessions of a thread share. */
export interface ServerState {
  readonly verbs: ReadonlyMap<string, Verb>;
  readonly recent: RecentLedger;
  readonly settings: ImapSettings;
  readonly lines: LineCache;
  readonly closing: boolean;
  /** The account for one more session, or null when it has too many. */
  enter(id: AccountId, trusted: boolean): ImapAccount | null;
  leave(account: ImapAccount): void;
}

/** `shared` is made once for all threads of the process. */
export function createImapServer(
  context: ProtocolContext,
  shared: RecentShared,
  settings: ImapSettings,
): ProtocolServer {
  return new ImapServer(context, shared, settings);
}

class ImapServer implements ProtocolServer, ServerState {
  readonly verbs = VERBS;
  readonly recent: RecentLedger;
  readonly settings: ImapSettings;
  readonly lines = new LineCache();
  closing = false;
  readonly #context: ProtocolContext;
  readonly #buffers = new OutputBuffers();
  readonly #sessions = new Map<Session, Promise<void>>();
  /** With and without sessions; of those without, the first was left longest ago. */
  readonly #accounts = new Map<AccountId, { readonly account: ImapAccount; sessions: number }>();

  constructor(context: ProtocolContext, shared: RecentShared, settings: ImapSettings) {
    this.#context = context;
    this.settings = settings;
    this.recent = new RecentLedger(shared);
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
    const entry = this.#accounts.get(id) ?? { account: new ImapAccount(this.#context.store.mail(id)), sessions: 0 };
    if (entry.sessions >= CONNECTIONS_PER_ACCOUNT && !trusted) return null;
    entry.sessions++;
    this.#accounts.set(id, entry);
    return entry.account;
  }

  leave(account: ImapAccount): void {
    const entry = this.#accounts.get(account.id);
    if (entry === undefined || --entry.sessions > 0) return;
    this.#accounts.delete(account.id);
    this.#accounts.set(account.id, entry);
    this.#trim();
  }

  /** Forgets accounts without sessions, from the one left longest ago, until the rest is within its limits. */
  #trim(): void {
    const kept = [...this.#accounts].filter(([, { sessions }]) => sessions === 0);
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
  }
}
