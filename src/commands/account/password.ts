// posthuis account password ADDRESS [--password-stdin]

import { type NewCredential, newCredential } from '../../auth/scram.ts';
import { type StoreCommand, takeWords } from '../command.ts';
import { findAccount } from './find.ts';
import { newPassword } from './new-password.ts';

type Args = NewCredential & { readonly address: string };

export const command: StoreCommand<Args, null> = {
  kind: 'store',
  async prepare(invocation, terminal) {
    const { ADDRESS: address } = takeWords(invocation, 'ADDRESS');
    const { password, generated } = await newPassword(invocation, terminal);
    return {
      args: { address, ...(await newCredential(password)) },
      show() {
        terminal.out(`the password of ${address} is set`);
        if (generated) terminal.out(`password: ${password}`);
        return undefined;
      },
    };
  },
  async run({ store }, { address, passwordHash, scram }) {
    await store.directory.setPassword((await findAccount(store, address)).id, passwordHash, scram);
    return null;
  },
};
