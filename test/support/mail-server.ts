// What a protocol's server needs, for tests over sockets: the real store in a temporary folder with one account, the real
// password check, a certificate, and a listening socket in front of the server.
import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import { type Logger, pino } from 'pino';
import type { Authenticator, MailStore, ProtocolContext, ProtocolMetrics, ProtocolServer } from '#protocols/ports.ts';
import { createAuthenticator } from '#src/auth/authenticator.ts';
import { hashPassword, Passwords } from '#src/auth/passwords.ts';
import { createAuthShared } from '#src/auth/shared.ts';
import { Throttle } from '#src/auth/throttle.ts';
import { loadCertificates } from '#src/certificates/provider.ts';
import { ensureSelfSigned } from '#src/certificates/self-signed.ts';
import { metricsPage, ThreadMetrics } from '#src/observe/metrics.ts';
import { networkMatcher } from '#src/peers.ts';
import type { Account, Appended, MailAccount, Store } from '#storage/ports.ts';
import { temporaryFolder } from './folder.ts';
import { openSqlStore } from './sql-store.ts';

export const PASSWORD = 'correct horse';

export interface MailServerOptions {
  /** Makes the server under test. */
  create(context: ProtocolContext): ProtocolServer;
  /** TLS from the first byte; false unless said otherwise. */
  readonly secure?: boolean;
  /** Logins without TLS; true unless said otherwise. */
  readonly plaintext?: boolean;
  /** Networks exempt from limits; none unless said otherwise. */
  readonly trusted?: readonly string[];
  readonly log?: Logger;
  /** Wraps a part, to see a fault in it. */
  readonly wrapStore?: (store: MailStore) => MailStore;
  readonly wrapAuthenticator?: (authenticator: Authenticator) => Authenticator;
}

export interface MailServer extends AsyncDisposable {
  readonly port: number;
  readonly store: Store;
  /** anna@example.test, with PASSWORD. */
  readonly anna: Account;
  readonly mail: MailAccount;
  readonly protocol: ProtocolServer;
  readonly metrics: ProtocolMetrics & { page(): Promise<string> };
  /** Places a message in a mailbox, INBOX unless said otherwise. */
  deliver(message: string | Uint8Array, path?: string): Promise<Appended>;
}

/** `await using server = await startMailServer({ create })`. */
export async function startMailServer(options: MailServerOptions): Promise<MailServer> {
  await using opening = new AsyncDisposableStack();
  const folder = opening.use(await temporaryFolder());
  const log = options.log ?? pino({ level: 'silent' });
  const store = opening.use(await openSqlStore(folder.path));
  await store.directory.addDomain('example.test');
  const passwordHash = await hashPassword(PASSWORD);
  const anna = await store.directory.addAccount({ address: 'anna@example.test', passwordHash, quota: null });
  const pem = await ensureSelfSigned(folder.path, 'mail.example.test');
  const tls = opening.use(await loadCertificates([{ certificate: pem, key: pem }], { log }));
  const metrics = opening.use(new ThreadMetrics(1));
  const shared = createAuthShared(2);
  const authenticator = createAuthenticator({
    directory: store.directory,
    passwords: new Passwords(shared),
    throttle: new Throttle(shared),
    log,
  });
  const protocol = options.create({
    hostname: 'mail.example.test',
    log,
    tls,
    authenticator: options.wrapAuthenticator?.(authenticator) ?? authenticator,
    metrics,
    devices: { seen() {}, failed() {} },
    plaintext: options.plaintext ?? true,
    messageSize: 64 * 1024 * 1024,
    trusted: networkMatcher(options.trusted ?? []),
    store: options.wrapStore?.(store) ?? store,
  });
  const accept = (socket: Socket) => {
    if (options.secure !== true) return protocol.accept(socket, false);
    const secured = new TLSSocket(socket, { isServer: true, ...tls.options() });
    secured.on('error', () => secured.destroy());
    secured.once('secure', () => protocol.accept(secured, true));
  };
  const listener = createServer(accept).listen(0, '127.0.0.1');
  await once(listener, 'listening');
  opening.defer(async () => {
    listener.close();
    await protocol.close();
  });
  const mail = store.mail(anna.id);
  const running = opening.move();
  return {
    port: (listener.address() as AddressInfo).port,
    store,
    anna,
    mail,
    protocol,
    metrics: Object.assign(metrics, { page: async () => metricsPage([await metrics.snapshot()]) }),
    deliver: (message, path = 'INBOX') => deliver(store, mail, message, path),
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  };
}

async function deliver(store: Store, mail: MailAccount, message: string | Uint8Array, path: string): Promise<Appended> {
  const mailbox = await mail.mailboxByPath(path);
  if (mailbox === undefined) throw new Error(`there is no ${path}`);
  await using staging = store.stage({ maxBytes: 64 * 1024 * 1024 });
  await staging.write(typeof message === 'string' ? Buffer.from(message, 'latin1') : message);
  await using staged = await staging.finish();
  const [appended] = await mail.append(mailbox.id, [{ staged }]);
  if (appended === undefined) throw new Error('nothing was appended');
  return appended;
}
