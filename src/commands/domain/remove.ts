// posthuis domain remove DOMAIN

import { type StoreCommand, takeWords } from '../command.ts';

type Args = { readonly domain: string };

export const command: StoreCommand<Args, null> = {
  kind: 'store',
  prepare(invocation, terminal) {
    const { DOMAIN: domain } = takeWords(invocation, 'DOMAIN');
    return {
      args: { domain },
      show() {
        terminal.out(`domain ${domain} removed`);
        return undefined;
      },
    };
  },
  async run({ store }, { domain }) {
    await store.directory.removeDomain(domain);
    return null;
  },
};
