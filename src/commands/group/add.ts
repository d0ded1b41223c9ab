// posthuis group add GROUP

import { deed } from '../command.ts';

export const command = deed(
  ['GROUP'],
  ({ GROUP }) => `group ${GROUP} added`,
  ({ store }, { GROUP }) => store.sharing.addGroup(GROUP),
);
