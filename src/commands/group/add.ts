// posthuis group add GROUP

import { type StoreCommand, takeWords } from '../command.ts';

type Args = { readonly group: string };

export const command: StoreCommand<Args, null> = {
  kind: 'store',
  prepare(invocation, terminal) {
    const { GROUP: group } = takeWords(invocation, 'GROUP');
    return {
      args: { group },
      show() {
        terminal.out(`group ${group} added`);
        return undefined;
      },
    };
  },
  async run({ store }, { group }) {
    await store.sharing.addGroup(group);
    return null;
  },
};
