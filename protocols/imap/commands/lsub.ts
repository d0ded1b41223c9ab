// LSUB (RFC 3501 6.3.9): subscriptions, which need not exist.

import { ListPattern } from '../grammar/list-pattern.ts';
import { mailboxReply, SEPARATOR, superiors } from '../grammar/mailbox-name.ts';
import type { Verb } from './verb.ts';

export const lsub: Verb = {
  state: 'authenticated',
  expunges: true,
  async run(session, { scanner }) {
    scanner.space();
    const reference = scanner.astring();
    scanner.space();
    const pattern = ListPattern.of(reference, scanner.listMailbox(), session.utf8);
    scanner.end();
    const { places, connection } = session;
    if (pattern === null) return undefined;
    const subscribed = await places.subscriptions();
    const existing = new Set((await places.all()).map(({ mailbox }) => mailbox.path));
    const names = new Map<string, string>();
    for (const path of subscribed) if (pattern.matches(path)) names.set(path, existing.has(path) ? '' : '\\Noselect');
    if (pattern.byLevel) {
      for (const parent of subscribed.flatMap(superiors)) {
        if (pattern.matches(parent) && !names.has(parent)) names.set(parent, '\\Noselect');
      }
    }
    for (const path of [...names.keys()].sort()) {
      connection.out.text(`* LSUB (${names.get(path)}) "${SEPARATOR}" ${mailboxReply(path, session.utf8)}\r\n`);
    }
    return undefined;
  },
};
