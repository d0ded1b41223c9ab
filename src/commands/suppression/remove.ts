// posthuis suppression remove ADDRESS

import { deed } from '../command.ts';

export const command = deed(
  ['ADDRESS'],
  ({ ADDRESS }) => `${ADDRESS} is sent mail again`,
  ({ store }, { ADDRESS }) => store.suppression.remove(ADDRESS),
);
