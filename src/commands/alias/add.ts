// posthuis alias add ALIAS TARGET...

import { type StoreCommand, UsageError } from '../command.ts';

type Args = { readonly alias: string; readonly targets: readonly string[] };

export const command: StoreCommand<Args, null> = {
  kind: 'store',
  prepare(invocation, terminal) {
    const [alias, ...targets] = invocation.words;
    if (alias === undefined) throw new UsageError('ALIAS is missing');
    if (targets.length === 0) throw new UsageError('TARGET is missing');
    return {
      args: { alias, targets },
      show() {
        terminal.out(`alias ${alias} added`);
        return undefined;
      },
    };
  },
  async run({ store }, { alias, targets }) {
    await store.directory.addAlias(alias, targets);
    return null;
  },
};
