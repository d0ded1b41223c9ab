// posthuis account devices ADDRESS [--json]

import type { Device } from '#storage/ports.ts';
import { listing } from '../listing.ts';
import { findAccount } from './find.ts';

export const command = listing<Device, 'ADDRESS'>(
  {
    PROTOCOL: ({ protocol }) => protocol,
    PROGRAM: ({ program }) => (program === '' ? '(does not say)' : program),
    ADDRESS: ({ address }) => address,
    'LAST CONTACT': ({ last }) => (last === null ? 'never got in' : time(last)),
    'LAST ERROR': ({ fault }) => (fault === null ? '' : `${time(fault.at)} ${fault.text}`),
  },
  async ({ store }, { ADDRESS }) => store.devices.list((await findAccount(store, ADDRESS)).id),
  'ADDRESS',
);

function time(ms: number): string {
  return new Date(ms).toISOString().slice(0, 19).replace('T', ' ');
}
