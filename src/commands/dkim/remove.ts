// posthuis dkim remove DOMAIN SET

import { deed } from '../command.ts';

export const command = deed(
  ['DOMAIN', 'SET'],
  ({ DOMAIN, SET }) =>
    `keys ${SET} of ${DOMAIN} removed; their DNS records may go once no mail signed with them is on its way`,
  ({ store }, { DOMAIN, SET }) => store.signingKeys.remove(DOMAIN, SET),
);
