// Gives the recipients of what goes into the queue their routes: submissions, forwarded mail and our own reports alike.

import type { RouteConfig, RoutingRule } from '#config/routes.ts';
import type { Directory, NewQueued } from '#storage/ports.ts';
import { chooseRoute } from './choose.ts';

/** The message with the routes of its recipients; those who are here have none. `network`: where it was handed in. */
export type Router = (message: NewQueued, network: string | null) => Promise<NewQueued>;

export function createRouter(
  directory: Pick<Directory, 'account' | 'resolve'>,
  { routes, routing }: { readonly routes: readonly RouteConfig[]; readonly routing: readonly RoutingRule[] },
): Router {
  if (routing.length === 0) return async (message) => message;
  const choose = chooseRoute(routes, routing);
  return async (message, network) => {
    const { sender, owner } = message;
    const account = owner === '' ? null : ((await directory.account(owner)) ?? null);
    const recipients: NewQueued['recipients'][number][] = [];
    for (const recipient of message.recipients) {
      const { kind } = await directory.resolve(recipient.address);
      const route = kind === 'foreign' ? choose({ sender, account, network }, recipient.domain) : '';
      recipients.push(route === '' ? recipient : { ...recipient, route });
    }
    return { ...message, recipients };
  };
}
