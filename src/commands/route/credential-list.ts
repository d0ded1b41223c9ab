// posthuis route credential list [--json]

import { listing } from '../listing.ts';
import { type ShownCredential, shownCredentials } from './credentials.ts';

export const command = listing<ShownCredential>(
  {
    ROUTE: ({ route }) => route,
    FOR: ({ account }) => account ?? 'all',
    KIND: ({ kind }) => kind,
    LOGIN: ({ login }) => login,
    SET: ({ changed }) => new Date(changed).toISOString(),
  },
  ({ store }) => shownCredentials(store),
);
