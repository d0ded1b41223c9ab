// posthuis suppression list [--json]

import type { Suppressed } from '#storage/ports.ts';
import { listing } from '../listing.ts';

/** Rows read at a time. */
const PAGE = 1_000;

export const command = listing<Suppressed>(
  {
    ADDRESS: ({ address }) => address,
    BLOCKED: ({ blocks }) => (blocks ? 'yes' : ''),
    BOUNCES: ({ bounces }) => (bounces === 0 ? 'by hand' : `${bounces}`),
    LAST: ({ at }) => new Date(at).toISOString(),
    REPLY: ({ reply }) => reply,
  },
  async ({ store: { suppression } }) => {
    const rows: Suppressed[] = [];
    for (let after = ''; ; ) {
      const page = await suppression.list(after, PAGE);
      rows.push(...page);
      if (page.length < PAGE) return rows;
      after = page.at(-1)?.address ?? after;
    }
  },
);
