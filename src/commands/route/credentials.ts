// Credentials of routes as people see them: by address, never with the secret.

import type { RouteCredential, Store } from '#storage/ports.ts';

export interface ShownCredential extends Pick<RouteCredential, 'route' | 'kind' | 'login' | 'changed'> {
  /** Whose it is; null: for all. */
  readonly account: string | null;
}

export async function shownCredentials({ routeCredentials, directory }: Store): Promise<ShownCredential[]> {
  const shown: ShownCredential[] = [];
  for (const { route, owner, kind, login, changed } of await routeCredentials.list()) {
    const account = owner === '' ? null : ((await directory.account(owner))?.address ?? owner);
    shown.push({ route, kind, login, changed, account });
  }
  return shown;
}
