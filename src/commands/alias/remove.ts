// posthuis alias remove ALIAS

import { deed } from '../command.ts';

export const command = deed(
  ['ALIAS'],
  ({ ALIAS }) => `alias ${ALIAS} removed`,
  ({ store }, { ALIAS }) => store.directory.removeAlias(ALIAS),
);
