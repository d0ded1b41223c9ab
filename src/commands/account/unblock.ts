// posthuis account unblock ADDRESS

import { type StoreCommand, takeWords } from '../command.ts';
import { findAccount } from './find.ts';

export const command: StoreCommand<{ readonly address: string }, null> = {
  kind: 'store',
  prepare(invocation, terminal) {
    const { ADDRESS: address } = takeWords(invocation, 'ADDRESS');
    return {
      args: { address },
      show() {
        terminal.out(`${address} may send as much as on a new day, and nothing of it is held`);
        return undefined;
      },
    };
  },
  async run({ store }, { address }) {
    const { id } = await findAccount(store, address);
    await store.mail(id).forgiveSent();
    await store.queue.forgive(id);
    return null;
  },
};
