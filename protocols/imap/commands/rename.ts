// RENAME (RFC 9051 6.3.6); of INBOX it moves the messages and leaves INBOX empty.

import { Refusal } from '../grammar/errors.ts';
import { mailboxName, SEPARATOR } from '../grammar/mailbox-name.ts';
import { noMailbox } from '../rights.ts';
import { creatable, inheriting } from './create.ts';
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
    if (place === undefined) throw noMailbox();
    const parent = await creatable(session, name.endsWith(SEPARATOR) ? name.slice(0, -1) : name);
    const { account, local } = parent;
    if (account.id !== place.account.id) throw new Refusal('CANNOT', 'A mailbox stays in its account');
    // RFC 4314 4: its own list stays; mailboxes above it, and what INBOX's messages go into, are new.
    await inheriting(session, parent, () => account.mail.renameMailbox(place.mailbox.id, local));
    return undefined;
  },
};
