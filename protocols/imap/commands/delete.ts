// DELETE (RFC 9051 6.3.5).

import { Refusal } from '../grammar/errors.ts';
import { mailboxName } from '../grammar/mailbox-name.ts';
import type { Verb } from './verb.ts';

export const remove: Verb = {
  state: 'authenticated',
  expunges: true,
  async run(session, { scanner }) {
    scanner.space();
    const path = mailboxName(scanner);
    scanner.end();
    const mailbox = await session.owner.mailbox(path);
    if (mailbox === undefined) throw new Refusal('NONEXISTENT', 'No such mailbox');
    await session.owner.mail.deleteMailbox(mailbox.id);
    // Who deletes the mailbox that is selected leaves it; other sessions get BYE.
    if (session.selected?.mailbox.id === mailbox.id) session.deselect();
    return undefined;
  },
};
