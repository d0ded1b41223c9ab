// The routes of the settings, ready to be used: for each lane of the queue where it goes and how fast.

import { createSecureContext, rootCertificates } from 'node:tls';
import type { Logger } from 'pino';
import type { GatewayConfig } from '#config/gateways.ts';
import type { RouteConfig } from '#config/routes.ts';
import { ChunkFaults } from '#protocols/smtp/client/chunks.ts';
import type { ClientLimits } from '#protocols/smtp/client/limits.ts';
import type { Directory, Queue, RouteCredentials } from '#storage/ports.ts';
import { type Destination, NoRoute } from '../carrier.ts';
import { gatewayDestination } from '../gateways/gateway.ts';
import type { OurNames } from '../leaving.ts';
import { TRANSACTION_RECIPIENTS, WINDOW } from '../limits.ts';
import type { AddressesOf } from './addresses.ts';
import { readLane } from './choose.ts';
import { connectGraph } from './graph.ts';
import type { DraftKeeper } from './graph-large.ts';
import { loginOf } from './logins.ts';
import { Pace } from './pace.ts';
import { connectSmtp, type LoginOf } from './smtp.ts';
import { AccessTokens } from './tokens.ts';

export interface RoutesParts extends OurNames {
  readonly routes: readonly RouteConfig[];
  readonly gateways: readonly GatewayConfig[];
  readonly credentials: RouteCredentials;
  readonly directory: Pick<Directory, 'account'>;
  readonly queue: Pick<Queue, 'used' | 'noteUse' | 'drafts' | 'noteDraft'>;
  readonly addressesOf: AddressesOf;
  /** More authorities, PEM. */
  readonly extraCa: readonly string[];
  readonly log: Logger;
  /** Unix ms. */
  readonly now: () => number;
  readonly clientLimits?: Partial<ClientLimits>;
}

/** Where a lane of the queue goes that is a route's. */
export type RouteOf = (lane: string) => Destination;

export function createRoutes(parts: RoutesParts): RouteOf {
  const { routes, extraCa, hostname, hostname6, source, addressesOf, clientLimits, credentials, directory } = parts;
  const byName = new Map(routes.map((route) => [route.name, route]));
  const gatewaysByName = new Map(parts.gateways.map((gateway) => [gateway.name, gateway]));
  const ca = extraCa.length === 0 ? {} : { ca: [...rootCertificates, ...extraCa] };
  const trust = { secureContext: createSecureContext(ca) };
  const tokens = new AccessTokens(parts);
  const paces = new Map<string, Pace>();
  const chunkFaults = new ChunkFaults();
  const names = { hostname, source, ...(hostname6 !== undefined && { hostname6 }) };
  const smtp = { ...names, addressesOf, trust, chunkFaults, ...(clientLimits && { limits: clientLimits }) };
  const routeOf: RouteOf = (lane) => {
    const { name, owner } = readLane(lane);
    const route = byName.get(name);
    const gateway = gatewaysByName.get(name);
    if (gateway !== undefined) return gatewayDestination({ addressesOf, extraCa, credentials, routeOf }, gateway);
    if (route === undefined) return lost(name);
    const loginFor: LoginOf = (refused) => loginOf({ credentials, directory, tokens }, route, owner, refused);
    const { limits } = route;
    const pace = paces.get(lane) ?? new Pace({ lane, limits, queue: parts.queue, now: parts.now });
    paces.set(lane, pace);
    return {
      direct: false,
      most: Math.min(limits.connections ?? WINDOW.most, WINDOW.most),
      recipients: Math.max(
        1,
        Math.min(TRANSACTION_RECIPIENTS, limits.recipientsAMessage ?? Infinity, limits.recipientsADay ?? Infinity),
      ),
      admit: (recipients) => pace.admit(recipients),
      takeBack: (recipients) => pace.takeBack(recipients),
      connect: (signal) =>
        route.driver === 'graph'
          ? connectGraph({ addressesOf, extraCa, signal, drafts: draftsOf(parts.queue, lane) }, route, loginFor)
          : connectSmtp(smtp, route, loginFor, signal),
    };
  };
  return routeOf;
}

function draftsOf(queue: RoutesParts['queue'], lane: string): DraftKeeper {
  return {
    known: () => queue.drafts(lane),
    note: (draft, there) => queue.noteDraft(lane, draft, there),
  };
}

/** Mail that waits for a route which is in the settings no more: it waits on, and somebody is told. */
function lost(name: string): Destination {
  const text = `the settings have no route ${name} any more; give it back, or: posthuis queue route --route ${name} NAME`;
  return {
    ...{ direct: false, most: 1, recipients: TRANSACTION_RECIPIENTS, admit: async () => null },
    connect: () => Promise.reject(new NoRoute({ code: 451, enhanced: '4.3.5', text }, '', '', true)),
  };
}
