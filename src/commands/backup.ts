// posthuis backup DIR
//
// Written by whoever has the store open: a running server's user must be able to write there.

import { resolve } from 'node:path';
import type { BackupReport } from '#storage/open.ts';
import { type StoreCommand, takeWords } from './command.ts';
import { explainRights } from './rights.ts';

type Args = { readonly folder: string };

export const command: StoreCommand<Args, BackupReport> = {
  kind: 'store',
  prepare(invocation, terminal) {
    const { DIR: folder } = takeWords(invocation, 'DIR');
    return {
      args: { folder: resolve(folder) },
      show({ accounts, damaged }) {
        for (const { address, reason } of damaged) terminal.note(`not in the backup: ${address}: ${reason}`);
        terminal.out(`${accounts} accounts and the directory are in ${folder}`);
        return damaged.length === 0 ? 0 : 1;
      },
    };
  },
  run: ({ store, running }, { folder }) => explainRights(running, folder, () => store.backup(folder)),
};
