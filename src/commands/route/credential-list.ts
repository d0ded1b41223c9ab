// posthuis route credential list [--json]

import { type StoreCommand, takeWords } from '../command.ts';
import { showListing } from '../listing.ts';
import { type ShownCredential, shownCredentials } from './credentials.ts';

const COLUMNS: Readonly<Record<string, (credential: ShownCredential) => string>> = {
  ROUTE: ({ route }) => route,
  FOR: ({ account }) => account ?? 'all',
  KIND: ({ kind }) => kind,
  LOGIN: ({ login }) => login,
  SET: ({ changed }) => new Date(changed).toISOString(),
};

export const command: StoreCommand<null, readonly ShownCredential[]> = {
  kind: 'store',
  prepare(invocation, terminal) {
    takeWords(invocation);
    return {
      args: null,
      show(credentials) {
        showListing(credentials, COLUMNS, invocation, terminal);
        return undefined;
      },
    };
  },
  run: ({ store }) => shownCredentials(store),
};
