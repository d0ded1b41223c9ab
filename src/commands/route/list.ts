// posthuis route list [--json]

import type { RouteConfig } from '#config/routes.ts';
import { type StoreCommand, takeWords } from '../command.ts';
import { showListing } from '../listing.ts';
import { loginKindOf, placeOf } from './find.ts';

const COLUMNS: Readonly<Record<string, (route: RouteConfig) => string>> = {
  NAME: ({ name }) => name,
  BY: ({ driver }) => driver,
  TO: placeOf,
  TLS: ({ driver, tls }) => (driver === 'graph' ? 'https' : tls),
  LOGIN: loginKindOf,
};

export const command: StoreCommand<null, readonly RouteConfig[]> = {
  kind: 'store',
  prepare(invocation, terminal) {
    takeWords(invocation);
    return {
      args: null,
      show(routes) {
        if (routes.length === 0 && !invocation.flags.has('json')) terminal.out('the settings have no routes');
        else showListing(routes, COLUMNS, invocation, terminal);
        return undefined;
      },
    };
  },
  run: async ({ config }) => config.outbound.routes,
};
