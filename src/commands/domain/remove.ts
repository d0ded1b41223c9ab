// posthuis domain remove DOMAIN

import { deed } from '../command.ts';

export const command = deed(
  ['DOMAIN'],
  ({ DOMAIN }) => `domain ${DOMAIN} removed`,
  ({ store }, { DOMAIN }) => store.directory.removeDomain(DOMAIN),
);
