// DELETE (RFC 9051 6.3.5); where others are below the mailbox, its name stays to lead to them, as \NonExistent.

import { mailboxName } from '../grammar/mailbox-name.ts';
import { noMailbox } from '../rights.ts';
import type { Verb } from './verb.ts';

export const remove: Verb = {
  state: 'authenticated',
  expunges: true,
  async run(session, { scanner }) {
    scanner.space();
    const path = mailboxName(scanner);
    scanner.end();
    // A name that only stands for a mailbox deletes none.
    const isAlias = (await session.owner.alias(path)) !== undefined;
    const place = isAlias ? undefined : await session.places.find(path, 'remove');
    if (place === undefined) throw noMailbox();
    const { account, mailbox } = place;
    await account.mail.deleteMailbox(mailbox.id);
    await session.sharing.forget(account.id, [mailbox.id]);
    // Who deletes the mailbox that is selected leaves it; other sessions get BYE.
    if (session.selected?.is(place) === true) session.deselect();
    return undefined;
  },
};
