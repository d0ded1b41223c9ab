// posthuis suppression add ADDRESS

import { deed } from '../command.ts';

export const command = deed(
  ['ADDRESS'],
  ({ ADDRESS }) => `nothing is sent to ${ADDRESS} any more`,
  ({ store }, { ADDRESS }) => store.suppression.add(ADDRESS),
);
