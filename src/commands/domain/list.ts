// posthuis domain list [--json]

import { type StoreCommand, takeWords } from '../command.ts';
import { showListing } from '../listing.ts';

type Row = { readonly name: string; readonly default: boolean };

export const command: StoreCommand<null, readonly Row[]> = {
  kind: 'store',
  prepare(invocation, terminal) {
    takeWords(invocation);
    return {
      args: null,
      show(rows) {
        showListing(rows, { DOMAIN: (r) => r.name, DEFAULT: (r) => (r.default ? 'yes' : '') }, invocation, terminal);
        return undefined;
      },
    };
  },
  async run({ store }) {
    return (await store.directory.domains()).map(({ name, isDefault }) => ({ name, default: isDefault }));
  },
};
