// posthuis suppression list [--json]

import type { Suppressed } from '#storage/ports.ts';
import { type StoreCommand, takeWords } from '../command.ts';
import { showListing } from '../listing.ts';

/** Rows read at a time. */
const PAGE = 1_000;

export const command: StoreCommand<null, readonly Suppressed[]> = {
  kind: 'store',
  prepare(invocation, terminal) {
    takeWords(invocation);
    return {
      args: null,
      show(rows) {
        const columns = {
          ADDRESS: (row: Suppressed) => row.address,
          BLOCKED: (row: Suppressed) => (row.blocks ? 'yes' : ''),
          BOUNCES: (row: Suppressed) => (row.bounces === 0 ? 'by hand' : `${row.bounces}`),
          LAST: (row: Suppressed) => new Date(row.at).toISOString(),
          REPLY: (row: Suppressed) => row.reply,
        };
        showListing(rows, columns, invocation, terminal);
        return undefined;
      },
    };
  },
  async run({ store: { suppression } }) {
    const rows: Suppressed[] = [];
    for (let after = ''; ; ) {
      const page = await suppression.list(after, PAGE);
      rows.push(...page);
      if (page.length < PAGE) return rows;
      after = page.at(-1)?.address ?? after;
    }
  },
};
