// The IMAP server over the real store and authenticator, for tests over sockets: a plain and a TLS port, with the
// accounts anna (a quota can be given) and bert at example.test.
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import { type Logger, pino } from 'pino';
import { IDLE_MS } from '#protocols/imap/limits.ts';
import { createRecentShared, type RecentShared } from '#protocols/imap/recent.ts';
import { createImapServer } from '#protocols/imap/server.ts';
import type { Authenticator, MailStore, ProtocolContext, ProtocolServer } from '#protocols/ports.ts';
import { createAuthenticator } from '#src/auth/authenticator.ts';
import { hashPassword, Passwords } from '#src/auth/passwords.ts';
import { createAuthShared } from '#src/auth/shared.ts';
import { Throttle } from '#src/auth/throttle.ts';
import { loadCertificates } from '#src/certificates/provider.ts';
import { ensureSelfSigned } from '#src/certificates/self-signed.ts';
import { ThreadMetrics } from '#src/observe/metrics.ts';
import type { BudgetLimits } from '#storage/blobs/budget.ts';
import type { Account } from '#storage/ports.ts';
import { temporaryFolder } from './folder.ts';
import { NO_SYNC, openSqlStore, type SqlStore } from './sql-store.ts';
import { ImapWire } from './wire.ts';

export const PASSWORD = 'correct horse';
let cheapHash: Promise<string> | undefined;

export interface ImapServerOptions {
  /** Logins without TLS; true unless said otherwise. */
  readonly plaintext?: boolean;
  readonly messageSize?: number;
  readonly trusted?: (address: string) => boolean;
  readonly quota?: number;
  readonly log?: Logger;
  readonly recent?: RecentShared;
  /** Capabilities that are off, and which literals need not be asked for. */
  readonly off?: readonly string[];
  readonly literals?: 'plus' | 'minus';
  /** Milliseconds after which a session without a command ends. */
  readonly idle?: number;
  /** Memory for messages on their way in. */
  readonly staging?: BudgetLimits;
  /** Wraps the store that the sessions see, to see a fault in it. */
  readonly wrap?: (store: SqlStore) => MailStore;
  readonly authenticator?: (real: Authenticator) => Authenticator;
}

export interface ImapServer extends AsyncDisposable {
  readonly port: number;
  readonly securePort: number;
  readonly server: ProtocolServer;
  readonly store: SqlStore;
  readonly anna: Account;
  readonly bert: Account;
  readonly folder: string;
  /** A connection that has read the greeting. */
  connect(options?: { secure?: boolean }): Promise<ImapWire>;
  /** A connection logged in as anna, or bert. */
  login(user?: 'anna' | 'bert'): Promise<ImapWire>;
}

/** `await using imap = await startImap()`. */
export async function startImap(options: ImapServerOptions = {}): Promise<ImapServer> {
  await using opening = new AsyncDisposableStack();
  const folder = opening.use(await temporaryFolder()).path;
  const store = opening.use(
    await openSqlStore(folder, { sync: NO_SYNC, ...(options.staging && { staging: options.staging }) }),
  );
  const log = options.log ?? pino({ level: 'silent' });
  await store.directory.addDomain('example.test');
  cheapHash ??= hashPassword(PASSWORD);
  const passwordHash = await cheapHash;
  const anna = await store.directory.addAccount({
    address: 'anna@example.test',
    passwordHash,
    quota: options.quota ?? null,
  });
  const bert = await store.directory.addAccount({ address: 'bert@example.test', passwordHash, quota: null });
  const pem = await ensureSelfSigned(folder, 'mail.example.test');
  const tls = opening.use(await loadCertificates([{ certificate: pem, key: pem }], { log }));
  const shared = createAuthShared(2);
  const authenticator = createAuthenticator({
    directory: store.directory,
    passwords: new Passwords(shared),
    throttle: new Throttle(shared),
    log,
    wait: async () => {},
  });
  const context: ProtocolContext = {
    ...{ hostname: 'mail.example.test', log, tls },
    authenticator: options.authenticator?.(authenticator) ?? authenticator,
    metrics: opening.use(new ThreadMetrics(1)),
    devices: { seen() {}, failed() {} },
    plaintext: options.plaintext ?? true,
    messageSize: options.messageSize ?? 52_428_800,
    trusted: options.trusted ?? (() => false),
    store: options.wrap?.(store) ?? store,
  };
  // The tests' store has a clock of its own, which stands still.
  const server = createImapServer(
    { ...context, sharing: store.sharing, channel: folder },
    options.recent ?? createRecentShared(store.clock.now),
    {
      literals: options.literals ?? 'plus',
      off: new Set(options.off),
      idle: options.idle ?? IDLE_MS,
      offFor: async (id) => (await store.directory.settings(id)).get('imap-off') ?? [],
      urls: {
        secret: randomBytes(32),
        account: async (address) => (await store.directory.accountByAddress(address))?.id ?? null,
      },
    },
  );
  const listen = async (secure: boolean) => {
    const listening = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
      if (!secure) return server.accept(socket, false);
      const tlsSocket = new TLSSocket(socket, { ...tls.options(), isServer: true });
      tlsSocket.on('error', () => socket.destroy());
      tlsSocket.once('secure', () => server.accept(tlsSocket as Socket, true));
    });
    listening.listen(0, '127.0.0.1');
    await once(listening, 'listening');
    opening.defer(() => void listening.close());
    return (listening.address() as AddressInfo).port;
  };
  const port = await listen(false);
  const securePort = await listen(true);
  const clients: ImapWire[] = [];
  opening.defer(async () => {
    for (const client of clients) client.wire.destroy();
    await server.close();
  });
  const connect = async ({ secure = false } = {}) => {
    const client = await ImapWire.open(secure ? securePort : port, { secure });
    clients.push(client);
    return client;
  };
  const login = async (user: 'anna' | 'bert' = 'anna') => {
    const client = await connect();
    await client.login(`${user}@example.test`, PASSWORD);
    return client;
  };
  const lifetime = opening.move();
  return {
    ...{ port, securePort, server, store, anna, bert, folder, connect, login },
    [Symbol.asyncDispose]: () => lifetime[Symbol.asyncDispose](),
  };
}

/** A message with this subject and body, CRLF-ended. */
export function message(subject: string, body = `This is ${subject}.`, headers: readonly string[] = []): Buffer {
  const lines = [
    'From: Anna <anna@example.test>',
    'To: bert@example.test',
    `Subject: ${subject}`,
    ...headers,
    '',
    body,
  ];
  return Buffer.from(`${lines.join('\r\n')}\r\n`, 'utf8');
}
