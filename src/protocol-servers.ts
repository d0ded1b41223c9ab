// What one thread serves: every protocol over this thread's store, put together from its parts.
import type { Logger } from 'pino';
import type { Config, ListenerName } from '#config/schema.ts';
import { createPublicServer } from '#protocols/http/public.ts';
import { IDLE_MS } from '#protocols/imap/limits.ts';
import { createImapServer } from '#protocols/imap/server.ts';
import { createPop3Server } from '#protocols/pop3/server.ts';
import type {
  DeviceKeeper,
  ProtocolContext,
  ProtocolMetrics,
  ProtocolServer,
  SessionKeeper,
  TlsProvider,
  TokenVerifier,
} from '#protocols/ports.ts';
import { createSmtpServer } from '#protocols/smtp/server.ts';
import type { AccountId, Store } from '#storage/ports.ts';
import { createAuthenticator } from './auth/authenticator.ts';
import { Passwords } from './auth/passwords.ts';
import { Throttle } from './auth/throttle.ts';
import { createConduct } from './conduct.ts';
import { createIngress } from './ingress/pipeline.ts';
import { createVouching } from './ingress/vouching.ts';
import { createForwarder } from './outbound/forward.ts';
import { policyServer } from './outbound/own-policy.ts';
import { retryTimes } from './outbound/retry.ts';
import { createRouter } from './outbound/routes/router.ts';
import { createSubmission } from './outbound/submit.ts';
import { createReports } from './outbound/told.ts';
import { networkMatcher } from './peers.ts';
import type { ServerShared } from './thread-messages.ts';

export interface ProtocolServersParts {
  readonly config: Config;
  readonly shared: ServerShared;
  readonly store: Store;
  readonly tls: TlsProvider;
  readonly metrics: ProtocolMetrics;
  readonly sessions: SessionKeeper;
  readonly devices: DeviceKeeper;
  readonly log: Logger;
}

/** The servers by their listeners; the operator's http is the main thread's alone. */
export async function createProtocolServers(
  parts: ProtocolServersParts,
): Promise<Partial<Record<ListenerName, ProtocolServer>>> {
  const { config, shared, store, log } = parts;
  const { directory } = store;
  const { hostname } = config;
  const { messageSize } = config.limits;
  const tokens = await tokenVerifier(config);
  const context: ProtocolContext = {
    hostname,
    log,
    tls: parts.tls,
    authenticator: createAuthenticator({
      directory,
      passwords: new Passwords(shared.auth),
      throttle: new Throttle(shared.auth),
      secret: store.derivedKey('scram of nobody'),
      devices: parts.devices,
      log,
      ...(tokens && { tokens }),
    }),
    metrics: parts.metrics,
    devices: parts.devices,
    plaintext: config.auth.plaintext,
    messageSize,
    trusted: networkMatcher(config.limits.trustedNetworks),
    store,
  };
  const mail = (id: AccountId) => store.mail(id);
  const conduct = createConduct(shared.conduct);
  const proxied = networkMatcher(config.proxyFrom);
  const smtp = { ...context, conduct, proxied, sessions: parts.sessions };
  const retry = retryTimes(config.outbound);
  const routed = createRouter(directory, config.outbound);
  const { ehlo: sendingName, ehloIpv6: hostname6, source } = config.outbound;
  const stage = (options: { maxBytes: number }) => store.stage(options);
  const onward = {
    vouching: createVouching({ servers: config.dns.servers, hostname: sendingName, hostname6, source }),
    ...{ hostname, retry, routed, queue: store.queue, now: Date.now, send: config.outbound.send },
  };
  const forwarder = createForwarder({ ...onward, directory, derivedKey: (purpose) => store.derivedKey(purpose) });
  const reports = createReports({ ...onward, directory, stage, log });
  const ingress = createIngress({ hostname, directory, mail, conduct, forwarder, reports, log });
  const submission = createSubmission({
    ...{ hostname, directory, mail, ingress, stage, messageSize, log },
    limits: config.submission,
    relay: config.submission.relay,
    send: config.outbound.send,
    queue: store.queue,
    signingKeys: store.signingKeys,
    domainSettings: store.domainSettings,
    retry,
    routes: config.outbound.routes,
    gateways: config.outbound.gateways,
    routed,
  });
  const offers = { dsn: true, requireTls: true };
  const handedIn = { ...offers, verp: true, futureMs: config.submission.futureReleaseMs };
  const submissions = createSmtpServer({ ...smtp, submission, queue: handedIn }, 'submission');
  const imap = createImapServer({ ...context, sharing: store.sharing, channel: shared.store.name }, shared.recent, {
    literals: config.imap.literals,
    off: new Set(config.imap.disable),
    idle: IDLE_MS,
    offFor: async (id) => (await directory.settings(id)).get('imap-off') ?? [],
    urls: {
      secret: store.derivedKey('keys of mailboxes for URLs'),
      account: async (address) => (await directory.accountByAddress(address))?.id ?? null,
    },
  });
  const pop3 = createPop3Server(context);
  return {
    smtp: createSmtpServer({ ...smtp, ingress, queue: offers }, 'mx'),
    lmtp: createSmtpServer({ ...smtp, ingress, queue: offers }, 'lmtp'),
    submission: submissions,
    submissions,
    imap,
    imaps: imap,
    pop3,
    pop3s: pop3,
    https: createPublicServer({ policy: policyServer(config, directory), log }),
  };
}

/** Loaded only where an issuer is configured. */
async function tokenVerifier(config: Config): Promise<TokenVerifier | undefined> {
  if (config.oauth === null) return undefined;
  const { createTokenVerifier } = await import('./auth/tokens/verifier.ts');
  return createTokenVerifier(config);
}
