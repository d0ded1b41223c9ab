// posthuis domain list [--json]

import { listing } from '../listing.ts';

type Row = { readonly name: string; readonly default: boolean };

export const command = listing<Row>(
  { DOMAIN: (row) => row.name, DEFAULT: (row) => (row.default ? 'yes' : '') },
  async ({ store }) => (await store.directory.domains()).map(({ name, isDefault }) => ({ name, default: isDefault })),
);
