// The routes of the settings over a store: for the scheduler, and for the command that tests one.

import type { Logger } from 'pino';
import type { Config } from '#config/schema.ts';
import type { Resolver } from '#protocols/dns/resolver.ts';
import type { Store } from '#storage/ports.ts';
import { addressesOf } from './addresses.ts';
import { createRoutes, type RouteOf } from './routes.ts';

export interface SetUpParts {
  readonly outbound: Pick<Config['outbound'], 'routes' | 'gateways' | 'ehlo' | 'ehloIpv6' | 'source'>;
  readonly store: Store;
  readonly resolver: Pick<Resolver, 'resolve'>;
  /** PEM. */
  readonly extraCa: readonly string[];
  readonly log: Logger;
  /** Unix ms. */
  readonly now: () => number;
}

export function setUpRoutes({ outbound, store, resolver, extraCa, log, now }: SetUpParts): RouteOf {
  const { routes, gateways, ehlo: hostname, ehloIpv6: hostname6, source } = outbound;
  return createRoutes({
    ...{ routes, gateways, hostname, hostname6, source, extraCa, log, now, addressesOf: addressesOf(resolver) },
    ...{ credentials: store.routeCredentials, directory: store.directory, queue: store.queue },
  });
}
