// posthuis alias list [--json]

import { type StoreCommand, takeWords } from '../command.ts';
import { showListing } from '../listing.ts';

type Row = { readonly address: string; readonly targets: readonly string[] };

export const command: StoreCommand<null, readonly Row[]> = {
  kind: 'store',
  prepare(invocation, terminal) {
    takeWords(invocation);
    return {
      args: null,
      show(rows) {
        showListing(rows, { ALIAS: (r) => r.address, TARGETS: (r) => r.targets.join(', ') }, invocation, terminal);
        return undefined;
      },
    };
  },
  async run({ store }) {
    return (await store.directory.aliases()).map(({ address, targets }) => ({ address, targets }));
  },
};
