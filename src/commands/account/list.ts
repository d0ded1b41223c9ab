// posthuis account list [--json]

import { formatSize } from '#config/size.ts';
import type { Account, Store } from '#storage/ports.ts';
import { listing } from '../listing.ts';

type Row = {
  readonly id: string;
  readonly address: string;
  readonly enabled: boolean;
  /** Nobody logs in to it. */
  readonly shared: boolean;
  /** null: no limit. */
  readonly quota: number | null;
  /** null: the account's store could not be read; `error` says why. */
  readonly bytes: number | null;
  readonly messages: number | null;
  readonly error?: string;
};

export const command = listing<Row>(
  {
    ADDRESS: ({ address }) => address,
    MESSAGES: ({ messages }) => String(messages ?? '?'),
    SIZE: ({ bytes }) => (bytes === null ? '?' : formatSize(bytes)),
    QUOTA: ({ quota }) => (quota === null ? 'none' : formatSize(quota)),
    '': ({ error, enabled, shared }) => error ?? (enabled ? (shared ? 'shared' : '') : 'disabled'),
  },
  async ({ store }) => {
    const rows: Row[] = [];
    for (const account of await store.directory.accounts()) rows.push(await describe(store, account));
    return rows;
  },
);

/** A damaged account stands in the list with what is wrong with it. */
async function describe(store: Store, { id, address, enabled, quota, ...rest }: Account): Promise<Row> {
  const shared = rest.shared === true;
  try {
    const { bytes, messages } = await store.mail(id).quota();
    return { id, address, enabled, shared, quota, bytes, messages };
  } catch (error) {
    return { id, address, enabled, shared, quota, bytes: null, messages: null, error: (error as Error).message };
  }
}
