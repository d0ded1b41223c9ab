// posthuis account add ADDRESS [--password-stdin] [--shared] [--quota SIZE]

import { type NewCredential, newCredential } from '../../auth/scram.ts';
import { Refused, type StoreCommand, takeWords, UsageError } from '../command.ts';
import { newPassword } from './new-password.ts';
import { parseQuota } from './quota-size.ts';

type Args = (NewCredential | { readonly passwordHash: null }) & {
  readonly address: string;
  readonly quota: number | null;
};

export const command: StoreCommand<Args, null> = {
  kind: 'store',
  async prepare(invocation, terminal) {
    const { ADDRESS: address } = takeWords(invocation, 'ADDRESS');
    const size = invocation.values.get('quota');
    const quota = size === undefined ? null : parseQuota(size);
    if (invocation.flags.has('shared')) {
      if (invocation.flags.has('password-stdin')) throw new UsageError('nobody logs in to a shared account');
      const show = () => {
        terminal.out(`shared account ${address} added`);
        return undefined;
      };
      return { args: { address, passwordHash: null, quota }, show };
    }
    const { password, generated } = await newPassword(invocation, terminal);
    return {
      args: { address, ...(await newCredential(password)), quota },
      show() {
        terminal.out(`account ${address} added`);
        if (generated) terminal.out(`password: ${password}`);
        return undefined;
      },
    };
  },
  async run({ store: { directory } }, account) {
    // The store refuses it too; this says what to do.
    const domain = account.address.slice(account.address.lastIndexOf('@') + 1);
    if (account.address.includes('@') && (await directory.resolve(account.address)).kind === 'foreign') {
      throw new Refused(`${domain} is not a domain of this server: posthuis domain add ${domain}`);
    }
    await directory.addAccount(account);
    return null;
  },
};
