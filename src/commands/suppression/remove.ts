// posthuis suppression remove ADDRESS

import { type StoreCommand, takeWords } from '../command.ts';

export const command: StoreCommand<{ readonly address: string }, null> = {
  kind: 'store',
  prepare(invocation, terminal) {
    const { ADDRESS: address } = takeWords(invocation, 'ADDRESS');
    return {
      args: { address },
      show() {
        terminal.out(`${address} is sent mail again`);
        return undefined;
      },
    };
  },
  async run({ store }, { address }) {
    await store.suppression.remove(address);
    return null;
  },
};
