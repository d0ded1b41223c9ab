// posthuis share list ADDRESS [--json]

import { TOP } from '#storage/ports.ts';
import { formatRights } from '#storage/sharing/rights.ts';
import { findAccount } from '../account/find.ts';
import { listing } from '../listing.ts';
import { EVERY } from './mailboxes.ts';

type Row = {
  /** `*`: mailboxes that will be made at the top. */
  readonly mailbox: string;
  /** With `-` in front: from whom these rights are taken. */
  readonly identifier: string;
  readonly rights: string;
};

export const command = listing<Row, 'ADDRESS'>(
  {
    MAILBOX: ({ mailbox }) => mailbox,
    IDENTIFIER: ({ identifier }) => identifier,
    RIGHTS: ({ rights }) => rights,
  },
  async ({ store }, { ADDRESS }) => {
    const { id: owner } = await findAccount(store, ADDRESS);
    const mailboxes = await store.mail(owner).mailboxes();
    const rows: Row[] = [];
    for (const { id, path } of [{ id: TOP, path: EVERY }, ...mailboxes]) {
      for (const { identifier, negative, rights } of await store.sharing.acl(owner, id)) {
        rows.push({ mailbox: path, identifier: `${negative ? '-' : ''}${identifier}`, rights: formatRights(rights) });
      }
    }
    return rows;
  },
  'ADDRESS',
);
