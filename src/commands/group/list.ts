// posthuis group list [--json]

import type { Group } from '#storage/ports.ts';
import { listing } from '../listing.ts';

export const command = listing<Group>(
  { GROUP: ({ name }) => name, MEMBERS: ({ members }) => members.join(', ') },
  ({ store }) => store.sharing.groups(),
);
