// posthuis account remove ADDRESS

import { type StoreCommand, takeWords } from '../command.ts';
import { findAccount } from './find.ts';

type Args = { readonly address: string };

export const command: StoreCommand<Args, null> = {
  kind: 'store',
  prepare(invocation, terminal) {
    const { ADDRESS: address } = takeWords(invocation, 'ADDRESS');
    return {
      args: { address },
      show() {
        terminal.out(`account ${address} removed`);
        return undefined;
      },
    };
  },
  async run({ store }, { address }) {
    await store.directory.removeAccount((await findAccount(store, address)).id);
    return null;
  },
};
