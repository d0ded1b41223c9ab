// posthuis share list ADDRESS [--json]

import { TOP } from '#storage/ports.ts';
import { formatRights } from '#storage/sharing/rights.ts';
import { findAccount } from '../account/find.ts';
import { type StoreCommand, takeWords } from '../command.ts';
import { showListing } from '../listing.ts';
import { EVERY } from './mailboxes.ts';

type Row = {
  /** `*`: mailboxes that will be made at the top. */
  readonly mailbox: string;
  /** With `-` in front: from whom these rights are taken. */
  readonly identifier: string;
  readonly rights: string;
};

export const command: StoreCommand<{ readonly address: string }, readonly Row[]> = {
  kind: 'store',
  prepare(invocation, terminal) {
    const { ADDRESS: address } = takeWords(invocation, 'ADDRESS');
    return {
      args: { address },
      show(rows) {
        const columns = {
          MAILBOX: (row: Row) => row.mailbox,
          IDENTIFIER: (row: Row) => row.identifier,
          RIGHTS: (row: Row) => row.rights,
        };
        showListing(rows, columns, invocation, terminal);
        return undefined;
      },
    };
  },
  async run({ store }, { address }) {
    const { id: owner } = await findAccount(store, address);
    const mailboxes = await store.mail(owner).mailboxes();
    const rows: Row[] = [];
    for (const { id, path } of [{ id: TOP, path: EVERY }, ...mailboxes]) {
      for (const { identifier, negative, rights } of await store.sharing.acl(owner, id)) {
        rows.push({ mailbox: path, identifier: `${negative ? '-' : ''}${identifier}`, rights: formatRights(rights) });
      }
    }
    return rows;
  },
};
