// posthuis account settings ADDRESS [--json]

import { listing } from '../listing.ts';
import { findAccount } from './find.ts';

type Row = { readonly name: string; readonly value: string };

export const command = listing<Row, 'ADDRESS'>(
  { NAME: ({ name }) => name, VALUE: ({ value }) => value },
  async ({ store }, { ADDRESS }) => {
    const settings = await store.directory.settings((await findAccount(store, ADDRESS)).id);
    return [...settings].flatMap(([name, values]) => values.map((value) => ({ name, value })));
  },
  'ADDRESS',
);
