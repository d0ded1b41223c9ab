// posthuis restore DIR [ADDRESS]

import { resolve } from 'node:path';
import type { RestoreReport } from '#storage/open.ts';
import { type StoreCommand, takeWords, UsageError } from './command.ts';
import { explainRights } from './rights.ts';

type Args = { readonly folder: string; readonly address: string | null };

export const command: StoreCommand<Args, RestoreReport> = {
  kind: 'store',
  prepare(invocation, terminal) {
    const [folder, address = null] = invocation.words;
    if (folder === undefined) throw new UsageError('DIR is missing');
    if (address !== null) takeWords(invocation, 'DIR', 'ADDRESS');
    return {
      args: { folder: resolve(folder), address },
      show({ accounts, setAside }) {
        for (const path of setAside) terminal.note(`not in the backup, and set aside: ${path}`);
        terminal.out(
          address === null ? `${accounts.length} accounts and the directory restored` : `${address} restored`,
        );
        return undefined;
      },
    };
  },
  run({ store, running }, { folder, address }) {
    return explainRights(running, folder, () => store.restore(folder, address ?? undefined));
  },
};
