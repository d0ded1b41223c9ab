// APPEND (RFC 9051 6.3.12), of several messages too (MULTIAPPEND, RFC 3502), with APPENDUID (RFC 4315 3). The messages
// stream into the store as they come, and are all appended or none.

import { StoreError } from '#storage/errors.ts';
import { MessageReader } from '../append/message-reader.ts';
import { announcesMessage } from '../grammar/append-message.ts';
import { BadCommand, Refusal } from '../grammar/errors.ts';
import { mailboxName } from '../grammar/mailbox-name.ts';
import { formatSet } from '../grammar/sequence-set.ts';
import type { Verb } from './verb.ts';

export const append: Verb = {
  state: 'authenticated',
  expunges: true,
  async run(session, command) {
    command.scanner.space();
    const path = mailboxName(command.scanner);
    await using messages = new MessageReader(session, command);
    messages.head();
    const mailbox = await session.owner.find(path);
    if (mailbox === undefined) throw new Refusal('TRYCREATE', 'No such mailbox');
    const entries = await messages.all();
    const appended = await session.owner.mail.append(mailbox.id, entries);
    const [first] = appended;
    if (first === undefined) throw new StoreError('unavailable', 'nothing was appended');
    for (const { staged } of entries) session.context.metrics.message('append', 'accepted', staged.size);
    return { code: `APPENDUID ${first.uidvalidity} ${formatSet(appended.map(({ uid }) => uid))}` };
  },
  streams(scanner) {
    try {
      scanner.space();
      scanner.astring();
    } catch (error) {
      if (error instanceof BadCommand) return false; // told when it is run
      throw error;
    }
    return announcesMessage(scanner);
  },
};
