// RENAME (RFC 9051 6.3.6); of INBOX it moves the messages and leaves INBOX empty.

import { Refusal } from '../grammar/errors.ts';
import { mailboxName, SEPARATOR } from '../grammar/mailbox-name.ts';
import type { Verb } from './verb.ts';

export const rename: Verb = {
  state: 'authenticated',
  expunges: true,
  async run(session, { scanner }) {
    scanner.space();
    const from = mailboxName(scanner);
    scanner.space();
    const name = mailboxName(scanner);
    scanner.end();
    const mailbox = await session.owner.mailbox(from);
    if (mailbox === undefined) throw new Refusal('NONEXISTENT', 'No such mailbox');
    await session.owner.mail.renameMailbox(mailbox.id, name.endsWith(SEPARATOR) ? name.slice(0, -1) : name);
    return undefined;
  },
};
