// XLIST: what Outlook 2013 and 2016 ask for the special folders with (no standard; Gmail's, from before RFC 6154).

import { ListPattern } from '../grammar/list-pattern.ts';
import { mailboxReply, SEPARATOR } from '../grammar/mailbox-name.ts';
import { USE_ATTRIBUTE } from '../special-use.ts';
import type { Verb } from './verb.ts';

/** XLIST's own spellings. */
const XLIST_ATTRIBUTE = { ...USE_ATTRIBUTE, inbox: '\\Inbox', junk: '\\Spam' };

export const xlist: Verb = {
  state: 'authenticated',
  expunges: true,
  async run(session, { scanner }) {
    scanner.space();
    const reference = scanner.astring();
    scanner.space();
    const pattern = ListPattern.of(reference, scanner.listMailbox(), session.utf8);
    scanner.end();
    const mailboxes = await session.owner.mailboxes();
    const parents = new Set(mailboxes.map(({ parent }) => parent));
    for (const { id, path, special } of mailboxes) {
      if (pattern?.matches(path) !== true) continue;
      const children = parents.has(id) ? '\\HasChildren' : '\\HasNoChildren';
      const use = XLIST_ATTRIBUTE[special];
      const attributes = use === '' ? children : `${children} ${use}`;
      session.connection.out.text(`* XLIST (${attributes}) "${SEPARATOR}" ${mailboxReply(path, session.utf8)}\r\n`);
    }
    return undefined;
  },
};
