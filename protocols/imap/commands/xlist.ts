// XLIST: what Outlook 2013 and 2016 ask for the special folders with (no standard; Gmail's, from before RFC 6154).

import { ListPattern } from '../grammar/list-pattern.ts';
import { mailboxReply, SEPARATOR, superiors } from '../grammar/mailbox-name.ts';
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
    const places = await session.places.all();
    const parents = new Set(places.flatMap(({ mailbox }) => superiors(mailbox.path)));
    for (const { path, special } of places.map(({ mailbox }) => mailbox)) {
      if (pattern?.matches(path) !== true) continue;
      const children = parents.has(path) ? '\\HasChildren' : '\\HasNoChildren';
      const use = XLIST_ATTRIBUTE[special];
      const attributes = use === '' ? children : `${children} ${use}`;
      session.connection.out.text(`* XLIST (${attributes}) "${SEPARATOR}" ${mailboxReply(path, session.utf8)}\r\n`);
    }
    return undefined;
  },
};
