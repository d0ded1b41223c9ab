// posthuis route credential set NAME [--account ADDRESS] [--login USER] [--kind KIND] --password-stdin

import type { RouteSecretKind } from '#storage/ports.ts';
import { findAccount } from '../account/find.ts';
import { Refused, type StoreCommand, takeWords, UsageError } from '../command.ts';
import { readSecretLine } from '../secret-line.ts';
import { findRoute } from './find.ts';

const KINDS: readonly RouteSecretKind[] = ['password', 'client-secret', 'refresh-token'];

/** Tokens of Microsoft have some 2,000 characters. */
const MOST_BYTES = 16_384;

interface Args {
  readonly name: string;
  readonly account: string | null;
  readonly login: string;
  readonly kind: RouteSecretKind;
  readonly secret: string;
}

export const command: StoreCommand<Args, number> = {
  kind: 'store',
  async prepare(invocation, terminal) {
    const { NAME: name } = takeWords(invocation, 'NAME');
    const { flags, values } = invocation;
    if (!flags.has('password-stdin')) throw new UsageError('--password-stdin is missing: a secret is read from there');
    const kind = KINDS.find((one) => one === (values.get('kind') ?? 'password'));
    if (kind === undefined) throw new UsageError(`--kind is one of ${KINDS.join(', ')}`);
    const secret = await readSecretLine(terminal.input, kind, MOST_BYTES);
    if (secret === '') throw new Refused(`the ${kind} is empty`);
    const account = values.get('account') ?? null;
    return {
      args: { name, account, kind, secret, login: values.get('login') ?? '' },
      show(count) {
        terminal.out(`the ${kind} of route ${name} is set`);
        if (count > 0) terminal.out(`${count} ${count === 1 ? 'recipient' : 'recipients'} will be tried now`);
        return undefined;
      },
    };
  },
  async run({ config, store }, { name, account, login, kind, secret }) {
    const gateway = config.outbound.gateways.find((one) => one.name === name);
    const route = gateway?.http ?? findRoute(config, name);
    if (route.auth === 'none') throw new Refused(`route ${name} has no login: set auth in the settings`);
    if (account !== null && route.auth !== 'user') throw new Refused(`route ${name} has one login for all`);
    const owner = account === null ? '' : (await findAccount(store, account)).id;
    await store.routeCredentials.set({ route: name, owner, kind, login }, secret);
    // What waited for it need not wait longer.
    return store.queue.change('retry', { route: name });
  },
};
