// posthuis dkim use DOMAIN SET

import { deed } from '../command.ts';

export const command = deed(
  ['DOMAIN', 'SET'],
  ({ DOMAIN, SET }) => `mail of ${DOMAIN} is signed with ${SET} from now on`,
  ({ store }, { DOMAIN, SET }) => store.signingKeys.use(DOMAIN, SET),
);
