// posthuis alias remove ALIAS

import { type StoreCommand, takeWords } from '../command.ts';

type Args = { readonly alias: string };

export const command: StoreCommand<Args, null> = {
  kind: 'store',
  prepare(invocation, terminal) {
    const { ALIAS: alias } = takeWords(invocation, 'ALIAS');
    return {
      args: { alias },
      show() {
        terminal.out(`alias ${alias} removed`);
        return undefined;
      },
    };
  },
  async run({ store }, { alias }) {
    await store.directory.removeAlias(alias);
    return null;
  },
};
