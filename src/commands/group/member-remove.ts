// posthuis group member remove GROUP ADDRESS

import { deed } from '../command.ts';

export const command = deed(
  ['GROUP', 'ADDRESS'],
  ({ GROUP, ADDRESS }) => `${ADDRESS} is no longer in ${GROUP}`,
  ({ store }, { GROUP, ADDRESS }) => store.sharing.removeMember(GROUP, ADDRESS),
);
