// posthuis dkim remove DOMAIN SET

import { type StoreCommand, takeWords } from '../command.ts';

export const command: StoreCommand<{ readonly domain: string; readonly set: string }, null> = {
  kind: 'store',
  prepare(invocation, terminal) {
    const { DOMAIN: domain, SET: set } = takeWords(invocation, 'DOMAIN', 'SET');
    return {
      args: { domain, set },
      show() {
        terminal.out(
          `keys ${set} of ${domain} removed; their DNS records may go once no mail signed with them is on its way`,
        );
        return undefined;
      },
    };
  },
  async run({ store }, { domain, set }) {
    await store.signingKeys.remove(domain, set);
    return null;
  },
};
