// The part of `posthuis check` that looks at routes and gateways: whether each has what it logs in with, and takes any mail.

import type { Config } from '#config/schema.ts';
import { StoreError } from '#storage/errors.ts';
import type { RouteCredentials, RouteSecretKind } from '#storage/ports.ts';
import { error, type Finding, warning } from './findings.ts';

export async function checkRoutes({ outbound }: Config, credentials: RouteCredentials): Promise<Finding[]> {
  const findings: Finding[] = [];
  const known = await credentials.list();
  const used = new Set([
    ...outbound.routing.map(({ route }) => route),
    ...outbound.gateways.flatMap(({ smtp }) => (smtp === null ? [] : [smtp.route])),
  ]);
  const needed: [name: string, kind: RouteSecretKind, how: string][] = [];
  for (const { name, auth, oauth } of outbound.routes) {
    if (!used.has(name)) findings.push(warning(`route ${name} takes no mail: [outbound] routing does not name it`));
    if (auth === 'none') continue;
    const refreshed = oauth?.grant === 'refresh_token';
    const kind = oauth === null ? 'password' : refreshed ? 'refresh-token' : 'client-secret';
    const set = `posthuis route credential set ${name} --kind ${kind} --password-stdin`;
    needed.push([
      name,
      kind,
      refreshed && `${oauth.deviceUrl}${oauth.authUrl}` !== '' ? `posthuis route authorize ${name}` : set,
    ]);
  }
  for (const { name, http } of outbound.gateways) {
    if (http === null || http.auth === 'none') continue;
    needed.push([name, 'password', `posthuis route credential set ${name} --password-stdin`]);
  }
  for (const [name, kind, how] of needed) {
    const found = known.find((credential) => credential.route === name && credential.kind === kind);
    if (found === undefined) findings.push(warning(`${name} has no ${kind}, and its mail waits: ${how}`));
    else findings.push(...(await checkSealed(credentials, name, found.owner, kind)));
  }
  return findings;
}

/** One that was sealed under another key is as good as none. */
async function checkSealed(
  credentials: RouteCredentials,
  name: string,
  owner: string,
  kind: RouteSecretKind,
): Promise<Finding[]> {
  try {
    await credentials.secret(name, owner, kind);
    return [];
  } catch (cause) {
    if (!(cause instanceof StoreError)) throw cause;
    return [error(`mail by ${name} waits: ${cause.message}`)];
  }
}
