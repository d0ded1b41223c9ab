// posthuis domain add DOMAIN

import { deed } from '../command.ts';

export const command = deed(
  ['DOMAIN'],
  ({ DOMAIN }) => `domain ${DOMAIN} added`,
  ({ store }, { DOMAIN }) => store.directory.addDomain(DOMAIN),
);
