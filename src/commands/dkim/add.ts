// posthuis dkim add DOMAIN [--json]

import { makeSigningKeys } from '../../outbound/signing.ts';
import { type StoreCommand, takeWords } from '../command.ts';
import { linesOf, type ShownKey, shownKeys } from './records.ts';

export const command: StoreCommand<{ readonly domain: string }, readonly ShownKey[]> = {
  kind: 'store',
  prepare(invocation, terminal) {
    const { DOMAIN: domain } = takeWords(invocation, 'DOMAIN');
    return {
      args: { domain },
      show(keys) {
        if (invocation.flags.has('json')) {
          terminal.out(JSON.stringify(keys, null, 2));
          return undefined;
        }
        const [first] = keys;
        terminal.out(
          first?.signs === true
            ? `; keys ${first.set} made; they sign from now on. DNS needs these records:`
            : `; keys ${first?.set} made. Once DNS has these records: posthuis dkim use ${domain} ${first?.set}`,
        );
        for (const line of linesOf(keys)) terminal.out(line);
        return undefined;
      },
    };
  },
  async run({ store }, { domain }) {
    const { signingKeys } = store;
    const known = new Set((await signingKeys.list(domain)).map(({ set }) => set));
    const set = freeName(known, new Date());
    await signingKeys.add(domain, set, await makeSigningKeys(set));
    return shownKeys((await signingKeys.list(domain)).filter((key) => key.set === set));
  },
};

/** By the day, so that it says how old the keys are: p20261122, p20261122b ... */
function freeName(known: ReadonlySet<string>, now: Date): string {
  const day = `p${now.toISOString().slice(0, 10).replaceAll('-', '')}`;
  return ['', ...'bcdefghijk'].map((letter) => `${day}${letter}`).find((name) => !known.has(name)) ?? day;
}
