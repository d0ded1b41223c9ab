// posthuis account settings ADDRESS [--json]

import { type StoreCommand, takeWords } from '../command.ts';
import { showListing } from '../listing.ts';
import { findAccount } from './find.ts';

type Row = { readonly name: string; readonly value: string };

export const command: StoreCommand<{ readonly address: string }, readonly Row[]> = {
  kind: 'store',
  prepare(invocation, terminal) {
    const { ADDRESS: address } = takeWords(invocation, 'ADDRESS');
    return {
      args: { address },
      show(rows) {
        showListing(rows, { NAME: (row: Row) => row.name, VALUE: (row: Row) => row.value }, invocation, terminal);
        return undefined;
      },
    };
  },
  async run({ store }, { address }) {
    const settings = await store.directory.settings((await findAccount(store, address)).id);
    return [...settings].flatMap(([name, values]) => values.map((value) => ({ name, value })));
  },
};
