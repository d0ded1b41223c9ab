// posthuis account quota ADDRESS SIZE

import { type StoreCommand, takeWords } from '../command.ts';
import { findAccount } from './find.ts';
import { parseQuota } from './quota-size.ts';

type Args = { readonly address: string; readonly quota: number | null };

export const command: StoreCommand<Args, null> = {
  kind: 'store',
  prepare(invocation, terminal) {
    const { ADDRESS: address, SIZE: size } = takeWords(invocation, 'ADDRESS', 'SIZE');
    return {
      args: { address, quota: parseQuota(size) },
      show() {
        terminal.out(`the quota of ${address} is ${size}`);
        return undefined;
      },
    };
  },
  async run({ store }, { address, quota }) {
    await store.directory.setQuota((await findAccount(store, address)).id, quota);
    return null;
  },
};
