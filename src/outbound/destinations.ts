// Where a lane of the queue goes: to the mail hosts of a domain, or by a route.

import type { Destination } from './carrier.ts';
import type { Connect } from './connector.ts';
import { TRANSACTION_RECIPIENTS, WINDOW } from './limits.ts';
import type { RouteOf } from './routes/routes.ts';

/** Both kinds together; no domain begins with `=`. */
export function createDestinations(connect: Connect, routeOf: RouteOf): (lane: string) => Destination {
  return (lane) => (lane.startsWith('=') ? routeOf(lane) : directly(connect, lane));
}

function directly(connect: Connect, domain: string): Destination {
  return {
    ...{ direct: true, most: WINDOW.most, recipients: TRANSACTION_RECIPIENTS },
    connect: (signal, need) => connect(domain, signal, need),
    admit: async () => null,
  };
}
