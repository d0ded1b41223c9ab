// posthuis account unblock ADDRESS

import { deed } from '../command.ts';
import { findAccount } from './find.ts';

export const command = deed(
  ['ADDRESS'],
  ({ ADDRESS }) => `${ADDRESS} may send as much as on a new day, and nothing of it is held`,
  async ({ store }, { ADDRESS }) => {
    const { id } = await findAccount(store, ADDRESS);
    await store.mail(id).forgiveSent();
    await store.queue.forgive(id);
  },
);
