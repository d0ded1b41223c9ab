// posthuis group member remove GROUP ADDRESS

import { type StoreCommand, takeWords } from '../command.ts';

type Args = { readonly group: string; readonly address: string };

export const command: StoreCommand<Args, null> = {
  kind: 'store',
  prepare(invocation, terminal) {
    const { GROUP: group, ADDRESS: address } = takeWords(invocation, 'GROUP', 'ADDRESS');
    return {
      args: { group, address },
      show() {
        terminal.out(`${address} is no longer in ${group}`);
        return undefined;
      },
    };
  },
  async run({ store }, { group, address }) {
    await store.sharing.removeMember(group, address);
    return null;
  },
};
