// posthuis suppression add ADDRESS

import { type StoreCommand, takeWords } from '../command.ts';

export const command: StoreCommand<{ readonly address: string }, null> = {
  kind: 'store',
  prepare(invocation, terminal) {
    const { ADDRESS: address } = takeWords(invocation, 'ADDRESS');
    return {
      args: { address },
      show() {
        terminal.out(`nothing is sent to ${address} any more`);
        return undefined;
      },
    };
  },
  async run({ store }, { address }) {
    await store.suppression.add(address);
    return null;
  },
};
