// posthuis account list [--json]

import { formatSize } from '#config/size.ts';
import type { Account, Store } from '#storage/ports.ts';
import { type StoreCommand, takeWords } from '../command.ts';
import { showListing } from '../listing.ts';

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

export const command: StoreCommand<null, readonly Row[]> = {
  kind: 'store',
  prepare(invocation, terminal) {
    takeWords(invocation);
    return {
      args: null,
      show(rows) {
        const columns = {
          ADDRESS: (row: Row) => row.address,
          MESSAGES: (row: Row) => String(row.messages ?? '?'),
          SIZE: (row: Row) => (row.bytes === null ? '?' : formatSize(row.bytes)),
          QUOTA: (row: Row) => (row.quota === null ? 'none' : formatSize(row.quota)),
          '': (row: Row) => row.error ?? (row.enabled ? (row.shared ? 'shared' : '') : 'disabled'),
        };
        showListing(rows, columns, invocation, terminal);
        return undefined;
      },
    };
  },
  async run({ store }) {
    const rows: Row[] = [];
    for (const account of await store.directory.accounts()) rows.push(await describe(store, account));
    return rows;
  },
};

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
