// posthuis group member add GROUP ADDRESS

import { deed } from '../command.ts';

export const command = deed(
  ['GROUP', 'ADDRESS'],
  ({ GROUP, ADDRESS }) => `${ADDRESS} is in ${GROUP} now`,
  ({ store }, { GROUP, ADDRESS }) => store.sharing.addMember(GROUP, ADDRESS),
);
