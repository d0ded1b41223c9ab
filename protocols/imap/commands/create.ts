// CREATE (RFC 9051 6.3.4).

import { Refusal } from '../grammar/errors.ts';
import { mailboxName, SEPARATOR } from '../grammar/mailbox-name.ts';
import type { Verb } from './verb.ts';

export const create: Verb = {
  state: 'authenticated',
  expunges: true,
  async run(session, { scanner }) {
    scanner.space();
    const name = mailboxName(scanner);
    scanner.end();
    // A separator at the end says that mailboxes are to be made below it; ours can all have some.
    const path = name.endsWith(SEPARATOR) ? name.slice(0, -1) : name;
    if (path === 'INBOX') throw new Refusal('ALREADYEXISTS', 'INBOX exists');
    await session.owner.mail.createMailbox(path);
    return undefined;
  },
};
