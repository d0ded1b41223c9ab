// Which mail in the queue a command means: a message by its id, or what the options name.

import { canonicalDomain } from '#storage/directory/addresses.ts';
import type { QueueFilter, Store } from '#storage/ports.ts';
import { findAccount } from '../account/find.ts';
import { type Invocation, Refused, type StoreCommand, UsageError } from '../command.ts';

/** As it stands on the command line. */
export type Selection = {
  readonly id: number | null;
  readonly domain: string | null;
  readonly sender: string | null;
  readonly account: string | null;
  readonly route: string | null;
};

/** Reads the options, and the id if there is one. */
export function readSelection({ words, values }: Invocation, skipped = 0): Selection {
  const [id, ...more] = words.slice(skipped);
  if (more.length > 0) throw new UsageError(`what is ${JSON.stringify(more[0])}?`);
  return {
    id: id === undefined ? null : readId(id),
    domain: values.get('domain') ?? null,
    sender: values.get('sender') ?? null,
    account: values.get('account') ?? null,
    route: values.get('route') ?? null,
  };
}

export function readId(text: string): number {
  if (!/^\d{1,15}$/.test(text)) throw new UsageError(`${JSON.stringify(text)} is no id of a message in the queue`);
  return Number(text);
}

/** What the store looks for. */
export async function toFilter(store: Store, { id, domain, sender, account, route }: Selection): Promise<QueueFilter> {
  const name = domain === null ? null : canonicalDomain(domain);
  if (name === '') throw new Refused(`${JSON.stringify(domain)} is not a domain`);
  return {
    ...(id === null ? {} : { id }),
    ...(name === null ? {} : { domain: name }),
    ...(sender === null ? {} : { sender }),
    ...(route === null ? {} : { route }),
    ...(account === null ? {} : { owner: (await findAccount(store, account)).id }),
  };
}

/** A command that changes what it means, and says how many recipients that were. */
export function changing(
  done: string,
  change: (store: Store, filter: QueueFilter) => Promise<number>,
): StoreCommand<Selection, number> {
  return {
    kind: 'store',
    prepare(invocation, terminal) {
      const args = readSelection(invocation);
      if (Object.values(args).every((value) => value === null)) {
        throw new UsageError('ID or one of --domain, --sender, --account, --route is missing');
      }
      return {
        args,
        show(count) {
          terminal.out(`${count} ${count === 1 ? 'recipient' : 'recipients'} ${done}`);
          return count === 0 ? 1 : undefined;
        },
      };
    },
    run: async ({ store }, args) => change(store, await toFilter(store, args)),
  };
}
