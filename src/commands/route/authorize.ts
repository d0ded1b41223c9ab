// posthuis route authorize NAME [--account ADDRESS] [--login USER] [--port PORT]

import { readFileSync } from 'node:fs';
import { Resolver } from '#protocols/dns/resolver.ts';
import { addressesOf } from '../../outbound/routes/addresses.ts';
import { codeLogin } from '../../outbound/routes/code-login.ts';
import { deviceLogin } from '../../outbound/routes/device-login.ts';
import { TokenRefusal } from '../../outbound/routes/first-token.ts';
import { findAccount } from '../account/find.ts';
import { Refused, type StoreCommand, takeWords, UsageError } from '../command.ts';
import { findRoute } from './find.ts';

interface Args {
  readonly name: string;
  readonly account: string | null;
  readonly login: string;
  readonly port: number;
}

export const command: StoreCommand<Args, number> = {
  kind: 'store',
  prepare(invocation, terminal) {
    const { NAME: name } = takeWords(invocation, 'NAME');
    const { values } = invocation;
    const port = Number(values.get('port') ?? '0');
    if (!Number.isInteger(port) || port < 0 || port > 65_535) throw new UsageError('--port takes a port');
    return {
      args: { name, account: values.get('account') ?? null, login: values.get('login') ?? '', port },
      show(count) {
        terminal.out(`route ${name} has a refresh token`);
        if (count > 0) terminal.out(`${count} ${count === 1 ? 'recipient' : 'recipients'} will be tried now`);
        return undefined;
      },
    };
  },
  async run({ config, store }, { name, account, login, port }, wire) {
    const { oauth, auth } = findRoute(config, name);
    if (oauth?.grant !== 'refresh_token') throw new Refused(`route ${name} uses no refresh token`);
    if (oauth.deviceUrl === '' && oauth.authUrl === '') {
      throw new Refused(`route ${name} has neither device_url nor auth_url: get a refresh token otherwise and set it`);
    }
    if (account !== null && auth !== 'user') throw new Refused(`route ${name} has one login for all`);
    const owner = account === null ? '' : (await findAccount(store, account)).id;
    const { routeCredentials, queue } = store;
    try {
      const parts = {
        ...{ oauth, ask: (text: string) => wire.progress(text), signal: wire.signal },
        secret: (await routeCredentials.secret(name, '', 'client-secret'))?.secret ?? null,
        addressesOf: addressesOf(new Resolver({ servers: config.dns.servers })),
        extraCa: config.tls.extraCa === null ? [] : [readFileSync(config.tls.extraCa, 'utf8')],
      };
      // The device flow needs no browser on this machine.
      const token = await (oauth.deviceUrl === '' ? codeLogin({ ...parts, port }) : deviceLogin(parts));
      await routeCredentials.set({ route: name, owner, kind: 'refresh-token', login }, token);
    } catch (error) {
      if (error instanceof TokenRefusal) throw new Refused(`no token for route ${name}: ${error.message}`);
      throw error;
    }
    return queue.change('retry', { route: name });
  },
};
