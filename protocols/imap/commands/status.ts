// STATUS (RFC 3501 6.3.10): from the mailbox's counters, never from its messages.

import type { Mailbox } from '#storage/ports.ts';
import { BadCommand, Refusal } from '../grammar/errors.ts';
import { mailboxName, mailboxReply } from '../grammar/mailbox-name.ts';
import { countRecent } from '../recent-from.ts';
import type { Session } from '../session.ts';
import type { Verb } from './verb.ts';

type Item = (mailbox: Mailbox, session: Session) => number | Promise<number>;

const ITEMS: ReadonlyMap<string, Item> = new Map<string, Item>([
  ['MESSAGES', (mailbox) => mailbox.total],
  ['RECENT', (mailbox, session) => countRecent(session.owner, mailbox, session.server.recent)],
  ['UIDNEXT', (mailbox) => mailbox.uidnext],
  ['UIDVALIDITY', (mailbox) => mailbox.uidvalidity],
  ['UNSEEN', (mailbox) => mailbox.unseen],
]);

export const status: Verb = {
  state: 'authenticated',
  expunges: true,
  async run(session, { scanner }) {
    scanner.space();
    const path = mailboxName(scanner);
    scanner.space();
    const wanted = new Set<string>();
    scanner.list(ITEMS.size * 2, () => {
      const name = scanner.atom().toUpperCase();
      if (!ITEMS.has(name)) throw new BadCommand('Unknown STATUS item');
      wanted.add(name);
    });
    scanner.end();
    if (wanted.size === 0) throw new BadCommand('STATUS without items');
    const mailbox = await session.owner.mailbox(path);
    if (mailbox === undefined) throw new Refusal('NONEXISTENT', 'No such mailbox');
    const values: string[] = [];
    for (const name of wanted) values.push(`${name} ${await ITEMS.get(name)?.(mailbox, session)}`);
    session.connection.out.text(`* STATUS ${mailboxReply(path)} (${values.join(' ')})\r\n`);
    return undefined;
  },
};
