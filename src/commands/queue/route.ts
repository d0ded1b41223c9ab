// posthuis queue route NAME [ID] [--domain DOMAIN] [--sender ADDRESS] [--account ADDRESS] [--route NAME]

import { DIRECT } from '#config/routes.ts';
import { type StoreCommand, UsageError } from '../command.ts';
import { findRoute } from '../route/find.ts';
import { readSelection, type Selection, toFilter } from './selection.ts';

export const command: StoreCommand<Selection & { readonly name: string }, number> = {
  kind: 'store',
  prepare(invocation, terminal) {
    const [name] = invocation.words;
    if (name === undefined) throw new UsageError('NAME is missing');
    const selection = readSelection(invocation, 1);
    if (Object.values(selection).every((value) => value === null)) {
      throw new UsageError('ID or one of --domain, --sender, --account, --route is missing');
    }
    return {
      args: { ...selection, name },
      show(count) {
        terminal.out(`${count} ${count === 1 ? 'recipient takes' : 'recipients take'} ${name} now`);
        return count === 0 ? 1 : undefined;
      },
    };
  },
  async run({ config, store }, { name, ...selection }) {
    const route = name === DIRECT ? null : findRoute(config, name);
    const to = route === null ? { name: '', own: false } : { name, own: route.auth === 'user' };
    return store.queue.reroute(await toFilter(store, selection), to);
  },
};
