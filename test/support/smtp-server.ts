// The SMTP servers over the real ingress, submission, authenticator and store, for tests over sockets: MX, submission
// with STARTTLS and submission under TLS, with the accounts anna (a quota can be given) and bert at example.test.
import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import { type Logger, pino } from 'pino';
import type { DnsServer } from '#protocols/dns/exchange.ts';
import type { Conduct, Envelope, Ingress, ProtocolContext, ProtocolServer } from '#protocols/ports.ts';
import type { Limits } from '#protocols/smtp/limits.ts';
import { createSmtpServer } from '#protocols/smtp/server.ts';
import type { QueueOffers } from '#protocols/smtp/session.ts';
import { createAuthenticator } from '#src/auth/authenticator.ts';
import { hashPassword, Passwords } from '#src/auth/passwords.ts';
import { createAuthShared } from '#src/auth/shared.ts';
import { Throttle } from '#src/auth/throttle.ts';
import { loadCertificates } from '#src/certificates/provider.ts';
import { ensureSelfSigned } from '#src/certificates/self-signed.ts';
import { createConduct, createConductShared } from '#src/conduct.ts';
import type { Forwarder } from '#src/ingress/forwarder.ts';
import { createIngress } from '#src/ingress/pipeline.ts';
import type { Reports } from '#src/ingress/reports.ts';
import { createVouching, NOBODY } from '#src/ingress/vouching.ts';
import { ThreadMetrics } from '#src/observe/metrics.ts';
import { Sessions } from '#src/observe/sessions.ts';
import { createForwarder } from '#src/outbound/forward.ts';
import type { RelayRule } from '#src/outbound/relay.ts';
import { createRouter } from '#src/outbound/routes/router.ts';
import type { SendingLimits } from '#src/outbound/settings.ts';
import { createSubmission } from '#src/outbound/submit.ts';
import { createReports } from '#src/outbound/told.ts';
import type { BudgetLimits } from '#storage/blobs/budget.ts';
import type { SyncCalls } from '#storage/engines/sqlite/wal-sync.ts';
import type { Account, AccountId, MailAccount, Store } from '#storage/ports.ts';
import { temporaryFolder } from './folder.ts';
import { type RouteSettings, readRoutes } from './routes.ts';
import { NO_SYNC, openSqlStore, type SqlStore } from './sql-store.ts';

export const PASSWORD = 'correct horse';
/** Its argon2id hash with the cheapest parameters: what a login costs is tested elsewhere. */
let cheapHash: Promise<string> | undefined;

export interface SmtpServersOptions extends RouteSettings {
  readonly limits?: Partial<Limits>;
  /** Logins without TLS; true unless said otherwise. */
  readonly plaintext?: boolean;
  readonly messageSize?: number;
  readonly trusted?: (address: string) => boolean;
  readonly sending?: Partial<SendingLimits>;
  readonly relay?: readonly RelayRule[];
  readonly proxied?: (address: string) => boolean;
  readonly quota?: number;
  readonly sync?: SyncCalls;
  /** Memory for messages on their way in. */
  readonly staging?: BudgetLimits;
  readonly fatal?: (error: Error) => void;
  readonly log?: Logger;
  /** [outbound] send; true unless said otherwise. */
  readonly send?: boolean;
  /** Whom SPF and DKIM are asked of; nobody is confirmed unless said otherwise. */
  readonly dns?: readonly DnsServer[];
  /** What a queue would act on; nothing unless said otherwise. */
  readonly queue?: QueueOffers;
  /** Sees each envelope that was accepted. */
  readonly accepted?: (envelope: Envelope) => void;
  /** Wraps the store, to see a fault in it. */
  readonly wrap?: (store: SqlStore) => Store;
}

export interface SmtpServers extends AsyncDisposable {
  readonly mx: number;
  readonly lmtp: number;
  readonly submission: number;
  readonly submissions: number;
  readonly servers: { readonly mx: ProtocolServer; readonly submission: ProtocolServer; readonly lmtp: ProtocolServer };
  readonly store: SqlStore;
  readonly conduct: Conduct;
  readonly forwarder: Forwarder;
  readonly reports: Reports;
  readonly sessions: Sessions;
  readonly folder: string;
  readonly anna: Account;
  readonly bert: Account;
  /** What lies in an account's INBOX: prefix and message, oldest first. */
  inbox(account: Account): Promise<string[]>;
}

/** `await using smtp = await startSmtp()`. */
export async function startSmtp(options: SmtpServersOptions = {}): Promise<SmtpServers> {
  await using opening = new AsyncDisposableStack();
  const folder = opening.use(await temporaryFolder()).path;
  const real = opening.use(
    await openSqlStore(folder, {
      sync: options.sync ?? NO_SYNC,
      ...(options.fatal && { fatal: options.fatal }),
      ...(options.staging && { staging: options.staging }),
    }),
  );
  const store = options.wrap?.(real) ?? real;
  const log = options.log ?? pino({ level: 'silent' });
  await real.directory.addDomain('example.test');
  cheapHash ??= hashPassword(PASSWORD);
  const passwordHash = await cheapHash;
  const quota = options.quota ?? null;
  const anna = await real.directory.addAccount({ address: 'anna@example.test', passwordHash, quota });
  const bert = await real.directory.addAccount({ address: 'bert@example.test', passwordHash, quota: null });
  const pem = await ensureSelfSigned(folder, 'mail.example.test');
  const tls = opening.use(await loadCertificates([{ certificate: pem, key: pem }], { log }));
  const hostname = 'mail.example.test';
  const messageSize = options.messageSize ?? 52_428_800;
  const conduct = createConduct(createConductShared());
  const retry = () => ({ firstMs: 300_000, longestMs: 14_400_000, giveUpMs: 432_000_000 });
  const { routes, routing, gateways } = readRoutes(options);
  const routed = createRouter(store.directory, { routes, routing, gateways });
  const stage = (bounds: { maxBytes: number }) => store.stage(bounds);
  const onward = {
    vouching: options.dns === undefined ? NOBODY : createVouching({ servers: options.dns, hostname, source: [] }),
    ...{ hostname, retry, routed, queue: store.queue, send: options.send ?? true, now: () => real.clock.now },
  };
  const forwarder = createForwarder({
    ...{ ...onward, directory: store.directory },
    derivedKey: (purpose) => store.derivedKey(purpose),
  });
  const reports = createReports({ ...onward, directory: store.directory, stage, log });
  const mail = (id: AccountId) => store.mail(id);
  const pipeline = createIngress({ hostname, directory: store.directory, mail, conduct, forwarder, reports, log });
  const ingress: Ingress = {
    ...pipeline,
    accept: (envelope, ...rest) => {
      options.accepted?.(envelope);
      return pipeline.accept(envelope, ...rest);
    },
  };
  const submission = createSubmission({
    ...{ hostname, directory: store.directory, ingress, stage, messageSize, log, queue: store.queue },
    signingKeys: store.signingKeys,
    domainSettings: store.domainSettings,
    routes,
    gateways,
    routed,
    send: options.send ?? true,
    retry,
    mail,
    relay: options.relay ?? [],
    limits: { messagesADay: null, recipientsAMessage: null, newRecipientsADay: null, ...options.sending },
  });
  const shared = createAuthShared(2);
  const context: ProtocolContext = {
    ...{ hostname, log, tls, messageSize },
    authenticator: createAuthenticator({
      directory: store.directory,
      passwords: new Passwords(shared),
      throttle: new Throttle(shared),
      log,
      wait: async () => {},
    }),
    metrics: opening.use(new ThreadMetrics(1)),
    devices: { seen() {}, failed() {} },
    plaintext: options.plaintext ?? true,
    trusted: options.trusted ?? (() => false),
    store: { mail: (id) => store.mail(id), stage },
  };
  const { queue = {}, proxied = () => false } = options;
  const limits: Partial<Limits> = { holdMs: 1, ...options.limits };
  const sessions = new Sessions();
  const servers = {
    lmtp: createSmtpServer({ ...context, sessions, conduct, proxied, ingress, queue }, 'lmtp', limits),
    mx: createSmtpServer({ ...context, sessions, conduct, proxied, ingress, queue }, 'mx', limits),
    submission: createSmtpServer({ ...context, sessions, conduct, proxied, submission, queue }, 'submission', limits),
  };
  const listen = async (server: ProtocolServer, secure: boolean) => {
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
  const ports = {
    mx: await listen(servers.mx, false),
    lmtp: await listen(servers.lmtp, false),
    submission: await listen(servers.submission, false),
    submissions: await listen(servers.submission, true),
  };
  opening.defer(async () => void (await Promise.all(Object.values(servers).map((server) => server.close()))));
  const lifetime = opening.move();
  return {
    ...ports,
    ...{ servers, store: real, conduct, forwarder, reports, sessions, folder, anna, bert },
    inbox: (account) => inboxOf(real.mail(account.id)),
    [Symbol.asyncDispose]: () => lifetime[Symbol.asyncDispose](),
  };
}

async function inboxOf(mail: MailAccount): Promise<string[]> {
  const inbox = await mail.mailboxByPath('INBOX');
  const messages: string[] = [];
  for await (const page of mail.placements(inbox?.id ?? 0, [[1, 0xffffffff]])) {
    for (const { message } of page) {
      const content = await mail.content(message);
      messages.push(Buffer.from(await content.bytes()).toString('latin1'));
    }
  }
  return messages;
}
