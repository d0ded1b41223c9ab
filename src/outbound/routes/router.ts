// Gives the recipients of what goes into the queue their routes: submissions, forwarded mail and our own reports alike.

import type { GatewayConfig } from '#config/gateways.ts';
import type { RouteConfig, RoutingRule } from '#config/routes.ts';
import type { Directory, NewQueued } from '#storage/ports.ts';
import { chooseRoute } from './choose.ts';

/** The message with the routes of its recipients; those who are here have none. `network`: where it was handed in. */
export type Router = (message: NewQueued, network: string | null) => Promise<NewQueued>;

export interface RouterSettings {
  readonly routes: readonly RouteConfig[];
  readonly routing: readonly RoutingRule[];
  readonly gateways: readonly GatewayConfig[];
}

export function createRouter(
  directory: Pick<Directory, 'account' | 'resolve'>,
  { routes, routing, gateways }: RouterSettings,
): Router {
  if (routing.length + gateways.length === 0) return async (message) => message;
  const choose = chooseRoute(routes, routing);
  const byDomain = new Map(gateways.map(({ domain, name }) => [domain, `=${name}`]));
  return async (message, network) => {
    const { sender, owner } = message;
    const account = owner === '' ? null : ((await directory.account(owner)) ?? null);
    const recipients: NewQueued['recipients'][number][] = [];
    for (const recipient of message.recipients) {
      const { kind } = await directory.resolve(recipient.address);
      // Only what an account has handed in: its permission was asked for.
      const gateway = account === null ? undefined : byDomain.get(recipient.domain);
      const route = gateway ?? (kind === 'foreign' ? choose({ sender, account, network }, recipient.domain) : '');
      recipients.push(route === '' ? recipient : { ...recipient, route });
    }
    return { ...message, recipients };
  };
}
