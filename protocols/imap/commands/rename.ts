// RENAME (RFC 9051 6.3.6); of INBOX it moves the messages and leaves INBOX empty.

import { Refusal } from '../grammar/errors.ts';
import { mailboxName, SEPARATOR } from '../grammar/mailbox-name.ts';
import { creatable } from './create.ts';
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
    const isAlias = (await session.owner.alias(from)) !== undefined;
    const place = isAlias ? undefined : await session.places.find(from, 'remove');
    if (place === undefined) throw new Refusal('NONEXISTENT', 'No such mailbox');
    const { account, local } = await creatable(session, name.endsWith(SEPARATOR) ? name.slice(0, -1) : name);
    if (account !== place.account) throw new Refusal('CANNOT', 'A mailbox stays in its account');
    await account.mail.renameMailbox(place.mailbox.id, local);
    return undefined;
  },
};
