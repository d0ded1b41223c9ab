// The part of `posthuis check` that looks into the store.

import type { StoreCommand } from './command.ts';
import type { Finding } from './findings.ts';

export const command: StoreCommand<null, readonly Finding[]> = {
  kind: 'store',
  prepare: () => ({ args: null, show: () => undefined }),
  async run({ store: { directory } }) {
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
    }
    return findings;
  },
};
