// The road out, put together: the scheduler over the queue, with the way to other servers and the one to our own mailboxes.

import { readFileSync } from 'node:fs';
import type { Logger } from 'pino';
import type { Config } from '#config/schema.ts';
import { Resolver } from '#protocols/dns/resolver.ts';
import type { Store } from '#storage/ports.ts';
import { createConduct } from '../conduct.ts';
import { createIngress } from '../ingress/pipeline.ts';
import { createVouching } from '../ingress/vouching.ts';
import type { ServerShared } from '../thread-messages.ts';
import { createConnector } from './connector.ts';
import { createDestinations } from './destinations.ts';
import { createForwarder } from './forward.ts';
import { sendsByIpv6 } from './own-addresses.ts';
import { retryTimes } from './retry.ts';
import { createRouter } from './routes/router.ts';
import { setUpRoutes } from './routes/set-up.ts';
import type { SchedulerParts } from './scheduler/lane.ts';
import { Scheduler } from './scheduler/scheduler.ts';
import { createPolicies } from './sts.ts';
import { tlsCollector } from './tls-report/collect.ts';
import { TlsReporter } from './tls-report/reporter.ts';
import { createReports } from './told.ts';

export interface OutboundParts {
  readonly config: Pick<Config, 'hostname' | 'dns' | 'outbound' | 'tls'>;
  readonly store: Store;
  readonly log: Logger;
  readonly shared: Pick<ServerShared, 'conduct'>;
  readonly delivered: SchedulerParts['delivered'];
  /** Unix ms; for tests. */
  readonly now?: () => number;
}

/** Begins to send what waits; disposing stops it. */
export function startOutbound({
  config,
  store,
  log,
  shared,
  delivered,
  now = Date.now,
}: OutboundParts): AsyncDisposable {
  const { hostname, dns, outbound, tls } = config;
  const { directory, queue } = store;
  const resolver = new Resolver({ servers: dns.servers });
  const extraCa = tls.extraCa === null ? [] : [readFileSync(tls.extraCa, 'utf8')];
  const names = { hostname: outbound.ehlo, hostname6: outbound.ehloIpv6, source: outbound.source };
  const ways = { ...names, extraCa, log };
  const connect = createConnector({
    ...{ ...ways, resolver, port: outbound.port, tlsRules: outbound.tls },
    ipv6: sendsByIpv6({ resolver, source: outbound.source, now }),
    ...(outbound.tlsReports && { noteTls: tlsCollector(resolver, store.tlsResults, now) }),
    policyOf: createPolicies({ resolver, extraCa, policies: store.policies, port: outbound.stsPort, log, now }),
  });
  const routed = createRouter(directory, outbound);
  const stage = (options: { maxBytes: number }) => store.stage(options);
  const retry = retryTimes(outbound);
  const onward = {
    ...{ hostname, queue, now, routed, retry, send: outbound.send },
    vouching: createVouching({ ...names, servers: dns.servers }),
  };
  const forwarder = createForwarder({ ...onward, directory, derivedKey: (purpose) => store.derivedKey(purpose) });
  const running = new AsyncDisposableStack();
  if (outbound.tlsReports && outbound.send) {
    const { signingKeys, tlsResults: results } = store;
    running.use(
      new TlsReporter({
        hostname,
        resolver,
        directory,
        results,
        queue,
        signingKeys,
        stage,
        routed,
        retry,
        extraCa,
        log,
        now,
      }),
    );
  }
  running.use(
    new Scheduler({
      ...{ hostname, directory, queue, log, now, delivered, signingKeys: store.signingKeys },
      returns: forwarder.returns,
      ingress: createIngress({
        hostname,
        directory,
        mail: (id) => store.mail(id),
        conduct: createConduct(shared.conduct),
        forwarder,
        reports: createReports({ ...onward, directory, stage, log }),
        log,
      }),
      mail: (id) => store.mail(id),
      stage,
      destination: createDestinations(connect, setUpRoutes({ outbound, store, resolver, extraCa, log, now })),
      routed,
      retry,
      delayReportMs: outbound.delayReportMs,
      suppressAfter: outbound.suppressAfter,
    }),
  );
  return running;
}
