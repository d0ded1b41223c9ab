// posthuis alias list [--json]

import { listing } from '../listing.ts';

type Row = { readonly address: string; readonly targets: readonly string[] };

export const command = listing<Row>(
  { ALIAS: ({ address }) => address, TARGETS: ({ targets }) => targets.join(', ') },
  async ({ store }) => (await store.directory.aliases()).map(({ address, targets }) => ({ address, targets })),
);
