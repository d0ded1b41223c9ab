// The part of `posthuis check` that looks into the store.

import { StoreError } from '#storage/errors.ts';
import type { SigningKeys } from '#storage/ports.ts';
import { lookIntoDns } from './check-dns.ts';
import { checkRoutes } from './check-routes.ts';
import type { StoreCommand } from './command.ts';
import { error, type Finding, warning } from './findings.ts';

/** `dns`: whether to look there. */
export const command: StoreCommand<{ readonly dns: boolean }, readonly Finding[]> = {
  kind: 'store',
  prepare: () => ({ args: { dns: false }, show: () => undefined }),
  async run({ config, store: { directory, signingKeys, routeCredentials } }, { dns }) {
    const domains = await directory.domains();
    if (domains.length === 0) return [{ level: 'warning', what: 'there is no domain yet: posthuis domain add DOMAIN' }];
    const findings: Finding[] = [];
    for (const { name } of domains) {
      // RFC 5321 4.5.1 requires postmaster; RFC 2142 2 wants abuse, and others report what goes wrong there.
      for (const address of [`postmaster@${name}`, `abuse@${name}`]) {
        if ((await directory.resolve(address)).kind === 'local') continue;
        findings.push({
          level: 'error',
          what: `nobody gets mail for ${address}: posthuis alias add ${address} ADDRESS`,
        });
      }
      if (config.outbound.send) findings.push(...(await checkSigning(signingKeys, name)));
    }
    if (config.outbound.send) findings.push(...(await checkRoutes(config, routeCredentials)));
    const names = domains.map(({ name }) => name);
    return dns ? [...findings, ...(await lookIntoDns(config, names))] : findings;
  },
};

/** Mail that nobody has signed is taken for junk by many, and keys that can't be read stop all mail of their domain. */
async function checkSigning(signingKeys: SigningKeys, domain: string): Promise<Finding[]> {
  try {
    if ((await signingKeys.signing(domain)).length > 0) return [];
    return [warning(`mail of ${domain} leaves unsigned: posthuis dkim add ${domain}`)];
  } catch (cause) {
    if (!(cause instanceof StoreError)) throw cause;
    return [error(`mail of ${domain} can't be signed, and waits at its senders: ${cause.message}`)];
  }
}
