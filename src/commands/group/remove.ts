// posthuis group remove GROUP

import { deed } from '../command.ts';

export const command = deed(
  ['GROUP'],
  ({ GROUP }) => `group ${GROUP} removed`,
  ({ store }, { GROUP }) => store.sharing.removeGroup(GROUP),
);
