// APPEND (RFC 9051 6.3.12), of several messages too (MULTIAPPEND, RFC 3502), with APPENDUID (RFC 4315 3). The messages
// stream into the store as they come, and are all appended or none.

import { StoreError } from '#storage/errors.ts';
import type { AppendEntry, Appended, Mailbox } from '#storage/ports.ts';
import { MessageReader } from '../append/message-reader.ts';
import { announcesMessage } from '../grammar/append-message.ts';
import { BadCommand, Refusal } from '../grammar/errors.ts';
import { mailboxName } from '../grammar/mailbox-name.ts';
import { formatSet } from '../grammar/sequence-set.ts';
import type { ImapAccount } from '../index/account.ts';
import type { Verb } from './verb.ts';

export const append: Verb = {
  state: 'authenticated',
  expunges: true,
  adds: true,
  async run(session, command) {
    command.scanner.space();
    const path = mailboxName(command.scanner);
    await using messages = new MessageReader(session, command);
    messages.head();
    const { owner } = session;
    // A client that waits for our `+` is told before it sends the message that there is no such mailbox.
    const mailbox = existing(await (command.pending?.sync === true ? owner.find(path) : owner.target(path)));
    const entries = await messages.all();
    const appended = await into(owner, mailbox, entries).catch(async (error: unknown) => {
      if (!(error instanceof StoreError) || error.code !== 'not-found') throw error;
      // Deleted or renamed since it was last looked at; another one may have its name now.
      return into(owner, existing(await owner.find(path)), entries);
    });
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

function existing(mailbox: Mailbox | undefined): Mailbox {
  if (mailbox === undefined) throw new Refusal('TRYCREATE', 'No such mailbox');
  return mailbox;
}

function into({ mail }: ImapAccount, { id, path }: Mailbox, entries: readonly AppendEntry[]): Promise<Appended[]> {
  return mail.append(id, entries, { path });
}
