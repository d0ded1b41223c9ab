// posthuis account remove ADDRESS

import { deed } from '../command.ts';
import { findAccount } from './find.ts';

export const command = deed(
  ['ADDRESS'],
  ({ ADDRESS }) => `account ${ADDRESS} removed`,
  async ({ store }, { ADDRESS }) => {
    await store.directory.removeAccount((await findAccount(store, ADDRESS)).id);
  },
);
