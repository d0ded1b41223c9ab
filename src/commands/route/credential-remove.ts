// posthuis route credential remove NAME [--account ADDRESS]

import { findAccount } from '../account/find.ts';
import { type StoreCommand, takeWords } from '../command.ts';

export const command: StoreCommand<{ readonly name: string; readonly account: string | null }, null> = {
  kind: 'store',
  prepare(invocation, terminal) {
    const { NAME: name } = takeWords(invocation, 'NAME');
    return {
      args: { name, account: invocation.values.get('account') ?? null },
      show() {
        terminal.out(`the secrets of route ${name} are removed`);
        return undefined;
      },
    };
  },
  async run({ store }, { name, account }) {
    await store.routeCredentials.remove(name, account === null ? '' : (await findAccount(store, account)).id);
    return null;
  },
};
