// posthuis queue flush

import { type StoreCommand, takeWords } from '../command.ts';

export const command: StoreCommand<null, number> = {
  kind: 'store',
  prepare(invocation, terminal) {
    takeWords(invocation);
    return {
      args: null,
      show(count) {
        terminal.out(`${count} ${count === 1 ? 'recipient' : 'recipients'} will be tried now`);
        return undefined;
      },
    };
  },
  run: ({ store }) => store.queue.change('retry', {}),
};
