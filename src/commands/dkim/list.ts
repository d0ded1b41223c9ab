// posthuis dkim list DOMAIN [--json]

import { type StoreCommand, takeWords } from '../command.ts';
import { linesOf, type ShownKey, shownKeys } from './records.ts';

export const command: StoreCommand<{ readonly domain: string }, readonly ShownKey[]> = {
  kind: 'store',
  prepare(invocation, terminal) {
    const { DOMAIN: domain } = takeWords(invocation, 'DOMAIN');
    return {
      args: { domain },
      show(keys) {
        if (invocation.flags.has('json')) terminal.out(JSON.stringify(keys, null, 2));
        else for (const line of linesOf(keys)) terminal.out(line);
        return undefined;
      },
    };
  },
  run: async ({ store }, { domain }) => shownKeys(await store.signingKeys.list(domain)),
};
