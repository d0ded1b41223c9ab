// posthuis account devices ADDRESS [--json]

import type { Device } from '#storage/ports.ts';
import { type StoreCommand, takeWords } from '../command.ts';
import { showListing } from '../listing.ts';
import { findAccount } from './find.ts';

export const command: StoreCommand<{ readonly address: string }, readonly Device[]> = {
  kind: 'store',
  prepare(invocation, terminal) {
    const { ADDRESS: address } = takeWords(invocation, 'ADDRESS');
    return {
      args: { address },
      show(devices) {
        const columns = {
          PROTOCOL: ({ protocol }: Device) => protocol,
          PROGRAM: ({ program }: Device) => (program === '' ? '(does not say)' : program),
          ADDRESS: (device: Device) => device.address,
          'LAST CONTACT': ({ last }: Device) => (last === null ? 'never got in' : time(last)),
          'LAST ERROR': ({ fault }: Device) => (fault === null ? '' : `${time(fault.at)} ${fault.text}`),
        };
        showListing(devices, columns, invocation, terminal);
        return undefined;
      },
    };
  },
  async run({ store }, { address }) {
    return await store.devices.list((await findAccount(store, address)).id);
  },
};

function time(ms: number): string {
  return new Date(ms).toISOString().slice(0, 19).replace('T', ' ');
}
