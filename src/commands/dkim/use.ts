// posthuis dkim use DOMAIN SET

import { type StoreCommand, takeWords } from '../command.ts';

export const command: StoreCommand<{ readonly domain: string; readonly set: string }, null> = {
  kind: 'store',
  prepare(invocation, terminal) {
    const { DOMAIN: domain, SET: set } = takeWords(invocation, 'DOMAIN', 'SET');
    return {
      args: { domain, set },
      show() {
        terminal.out(`mail of ${domain} is signed with ${set} from now on`);
        return undefined;
      },
    };
  },
  async run({ store }, { domain, set }) {
    await store.signingKeys.use(domain, set);
    return null;
  },
};
