// posthuis queue list [--domain DOMAIN] [--sender ADDRESS] [--account ADDRESS] [--json]

import { formatSize } from '#config/size.ts';
import type { QueuedRecipient, QueueListing } from '#storage/ports.ts';
import { type StoreCommand, takeWords } from '../command.ts';
import { showListing } from '../listing.ts';
import { readSelection, type Selection, toFilter } from './selection.ts';

/** Messages that are shown: more are for programs that look at the metrics. */
const SHOWN = 1_000;

interface Listed {
  readonly listings: readonly QueueListing[];
  readonly more: boolean;
}

export const command: StoreCommand<Selection, Listed> = {
  kind: 'store',
  prepare(invocation, terminal) {
    takeWords(invocation);
    return {
      args: readSelection(invocation),
      show({ listings, more }) {
        if (invocation.flags.has('json')) terminal.out(JSON.stringify(listings, null, 2));
        else showListing(rowsOf(listings), COLUMNS, invocation, terminal);
        if (more) terminal.note(`only the first ${SHOWN} messages are shown`);
        return undefined;
      },
    };
  },
  async run({ store }, args) {
    const listings = await store.queue.list(await toFilter(store, args), 0, SHOWN + 1);
    return { listings: listings.slice(0, SHOWN), more: listings.length > SHOWN };
  },
};

interface Row {
  readonly message: QueueListing;
  readonly recipient: QueuedRecipient;
}

const COLUMNS: Readonly<Record<string, (row: Row) => string>> = {
  ID: ({ message }) => String(message.id),
  SINCE: ({ message }) => timeOf(message.created),
  SIZE: ({ message }) => formatSize(message.size),
  SENDER: ({ message }) => message.sender || '<>',
  RECIPIENT: ({ recipient }) => recipient.address,
  STATE: ({ recipient }) => recipient.state,
  TRIES: ({ recipient }) => String(recipient.attempts),
  NEXT: ({ recipient }) => (recipient.state === 'waiting' ? timeOf(recipient.nextAttempt) : ''),
  REPLY: ({ recipient }) => recipient.reply,
};

function rowsOf(listings: readonly QueueListing[]): Row[] {
  return listings.flatMap((message) => message.recipients.map((recipient) => ({ message, recipient })));
}

/** To the second, in UTC. */
export function timeOf(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19)}Z`;
}
