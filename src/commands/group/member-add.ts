// posthuis group member add GROUP ADDRESS

import { type StoreCommand, takeWords } from '../command.ts';

type Args = { readonly group: string; readonly address: string };

export const command: StoreCommand<Args, null> = {
  kind: 'store',
  prepare(invocation, terminal) {
    const { GROUP: group, ADDRESS: address } = takeWords(invocation, 'GROUP', 'ADDRESS');
    return {
      args: { group, address },
      show() {
        terminal.out(`${address} is in ${group} now`);
        return undefined;
      },
    };
  },
  async run({ store }, { group, address }) {
    await store.sharing.addMember(group, address);
    return null;
  },
};
