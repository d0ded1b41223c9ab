// As whom we log in by a route: the account's own login where each has one (F209), else the one for all.

import type { RouteConfig } from '#config/routes.ts';
import type { ClientLogin } from '#protocols/smtp/client/auth.ts';
import { StoreError } from '#storage/errors.ts';
import type { Account, Directory, RouteCredential, RouteCredentials, RouteSecretKind } from '#storage/ports.ts';
import { NoRoute } from '../carrier.ts';
import type { AccessTokens } from './tokens.ts';

export interface LoginsParts {
  readonly credentials: RouteCredentials;
  readonly directory: Pick<Directory, 'account'>;
  readonly tokens: AccessTokens;
}

/** What is needed to log in. `refused`: a token that was not taken, so that it is not tried again. */
export async function loginOf(
  parts: LoginsParts,
  route: RouteConfig,
  owner: string,
  refused?: string,
): Promise<ClientLogin | null> {
  if (route.auth === 'none') return null;
  const account = owner === '' ? undefined : await parts.directory.account(owner);
  if (route.oauth === null) {
    const { credential, secret } = await theSecret(parts, route, owner, 'password', account);
    return { kind: 'password', user: userOf(route, credential, account), password: secret };
  }
  if (route.oauth.grant === 'client_credentials') {
    const { credential } = await theSecret(parts, route, '', 'client-secret', undefined);
    // The application may send for every mailbox of its tenant: each account for the one of its own name.
    const user = account?.address ?? userOf(route, credential, undefined);
    return { kind: 'token', user, token: await parts.tokens.get(route, route.oauth, '', refused) };
  }
  const { credential } = await theSecret(parts, route, owner, 'refresh-token', account);
  const user = userOf(route, credential, account);
  return { kind: 'token', user, token: await parts.tokens.get(route, route.oauth, credential.owner, refused) };
}

async function theSecret(
  { credentials }: LoginsParts,
  route: RouteConfig,
  owner: string,
  kind: RouteSecretKind,
  account: Account | undefined,
) {
  try {
    const own = owner === '' ? undefined : await credentials.secret(route.name, owner, kind);
    const found = own ?? (await credentials.secret(route.name, '', kind));
    if (found !== undefined) return found;
  } catch (error) {
    if (!(error instanceof StoreError)) throw error;
    throw missing(error.message);
  }
  const whose = account === undefined ? '' : ` --account ${account.address}`;
  throw missing(
    `route ${route.name} has no ${kind}: posthuis route credential set ${route.name}${whose} --kind ${kind} --password-stdin`,
  );
}

function userOf(route: RouteConfig, { login }: RouteCredential, account: Account | undefined): string {
  const user = login || route.login || account?.address;
  if (user !== undefined && user !== '') return user;
  throw missing(`route ${route.name} has no user name: set login in the settings, or --login with its secret`);
}

function missing(text: string): NoRoute {
  return new NoRoute({ code: 451, enhanced: '4.7.8', text }, '', '', true);
}
