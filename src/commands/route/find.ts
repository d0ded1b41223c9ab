// The route that a command names.

import type { RouteConfig } from '#config/routes.ts';
import type { Config } from '#config/schema.ts';
import { Refused } from '../command.ts';

export function findRoute({ outbound }: Pick<Config, 'outbound'>, name: string): RouteConfig {
  const route = outbound.routes.find((one) => one.name === name);
  if (route !== undefined) return route;
  const names = outbound.routes.map((one) => one.name).join(', ') || 'none';
  throw new Refused(`the settings have no route ${JSON.stringify(name)}; they have: ${names}`);
}

/** Where it leads, for people. */
export function placeOf({ driver, hosts, port, graphUrl }: RouteConfig): string {
  return driver === 'graph' ? graphUrl : hosts.map((host) => `${host}:${port}`).join(', ');
}

/** How it is logged in there, for people. */
export function loginKindOf({ auth, oauth }: RouteConfig): string {
  if (auth === 'none') return 'none';
  return `${auth}, ${oauth === null ? 'password' : `OAuth 2 (${oauth.provider}, ${oauth.grant})`}`;
}
