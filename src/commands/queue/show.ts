// posthuis queue show ID [--json]

import { formatSize } from '#config/size.ts';
import type { QueueAttempt, QueueListing } from '#storage/ports.ts';
import { Refused, type StoreCommand, takeWords } from '../command.ts';
import { timeOf } from './list.ts';
import { readId } from './selection.ts';

interface Shown extends QueueListing {
  readonly tries: readonly QueueAttempt[];
}

export const command: StoreCommand<{ readonly id: number }, Shown> = {
  kind: 'store',
  prepare(invocation, terminal) {
    const { ID } = takeWords(invocation, 'ID');
    return {
      args: { id: readId(ID) },
      show(message) {
        if (invocation.flags.has('json')) terminal.out(JSON.stringify(message, null, 2));
        else for (const line of linesOf(message)) terminal.out(line);
        return undefined;
      },
    };
  },
  async run({ store }, { id }) {
    const [message] = await store.queue.list({ id }, 0, 1);
    if (message === undefined) throw new Refused(`there is no message ${id} in the queue`);
    return { ...message, tries: await store.queue.attempts(id) };
  },
};

function linesOf(message: Shown): string[] {
  const lines = [
    `message ${message.id}, ${formatSize(message.size)}, from <${message.sender}>`,
    `since ${timeOf(message.created)}, given back after ${timeOf(message.expires)}`,
  ];
  for (const recipient of message.recipients) {
    const next = recipient.state === 'waiting' ? `, next try ${timeOf(recipient.nextAttempt)}` : '';
    const [by = ''] = recipient.route.slice(1).split('/');
    const way = by === '' ? '' : ` by ${by}`;
    lines.push('', `<${recipient.address}>${way} ${recipient.state}, tried ${recipient.attempts} times${next}`);
    for (const tried of message.tries.filter(({ seq }) => seq === recipient.seq)) {
      const where = tried.host === '' ? '' : ` at ${tried.host}${tried.tls === '' ? '' : ` (${tried.tls})`}`;
      lines.push(`  ${timeOf(tried.at)}${where}: ${tried.reply}`);
      for (const said of tried.transcript.split('\n').filter((text) => text !== '')) lines.push(`    ${said}`);
    }
  }
  return lines;
}
