// posthuis group list [--json]

import type { Group } from '#storage/ports.ts';
import { type StoreCommand, takeWords } from '../command.ts';
import { showListing } from '../listing.ts';

export const command: StoreCommand<null, readonly Group[]> = {
  kind: 'store',
  prepare(invocation, terminal) {
    takeWords(invocation);
    return {
      args: null,
      show(groups) {
        const columns = { GROUP: ({ name }: Group) => name, MEMBERS: ({ members }: Group) => members.join(', ') };
        showListing(groups, columns, invocation, terminal);
        return undefined;
      },
    };
  },
  run({ store }) {
    return store.sharing.groups();
  },
};
