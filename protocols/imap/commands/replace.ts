// REPLACE and UID REPLACE (RFC 8508): a new message in the place of an old one, at once. The item stays the same, so that
// a draft that is saved again is one draft on every device (F5).

import { StoreError } from '#storage/errors.ts';
import type { AppendEntry, Appended } from '#storage/ports.ts';
import { MessageReader } from '../append/message-reader.ts';
import { announcesMessage } from '../grammar/append-message.ts';
import { BadCommand, Refusal } from '../grammar/errors.ts';
import { mailboxName } from '../grammar/mailbox-name.ts';
import type { Scanner } from '../grammar/scanner.ts';
import { sequenceSet } from '../grammar/sequence-set.ts';
import type { Place } from '../places.ts';
import { mayUse } from '../rights.ts';
import type { Selected } from '../view/selected.ts';
import { membersOf } from '../view/uid-ranges.ts';
import { insertable } from './append.ts';
import type { Verb } from './verb.ts';

export const replace: Verb = replacing(false);
export const uidReplace: Verb = replacing(true);

/** seq-number or uniqueid: no set. */
const ONE = /(?:\*|[1-9]\d{0,9})(?= )/y;

function replacing(byUid: boolean): Verb {
  return {
    state: 'selected',
    expunges: true,
    adds: true,
    async run(session, command) {
      const { current, places, context, connection } = session;
      const { scanner } = command;
      scanner.space();
      const set = sequenceSet(one(scanner));
      scanner.space();
      const path = mailboxName(scanner);
      await using messages = new MessageReader(session, command);
      messages.head();
      if (current.readOnly) throw new Refusal('', 'The mailbox is read-only');
      const [member] = membersOf(current, set, byUid);
      // RFC 8508 3.3: without the old message nothing is appended.
      if (member === undefined) throw new Refusal('EXPUNGEISSUED', 'No such message');
      session.demand('take');
      const target = insertable(path, await places.find(path, 'insert'));
      const entry = await messages.one(target);
      const uid = current.view.rows.uid(member.slot);
      const appended = await put(current, uid, entry, target);
      context.metrics.message('append', 'accepted', entry.staged.size);
      // RFC 8508 4.3: before the EXPUNGE, in an untagged OK.
      if (mayUse(target.rights, 'select')) {
        connection.out.text(`* OK [APPENDUID ${appended.uidvalidity} ${appended.uid}] Replacement is there\r\n`);
      }
      return { expunged: true };
    },
    streams(scanner) {
      try {
        scanner.space();
        sequenceSet(scanner);
        scanner.space();
        scanner.astring();
      } catch (error) {
        if (error instanceof BadCommand) return false; // told when it is run
        throw error;
      }
      return announcesMessage(scanner);
    },
  };
}

/** The new message, durable; then the old one is gone, at once or (from another account) right after. */
async function put(
  { account, mailbox, reader }: Selected,
  uid: number,
  entry: AppendEntry,
  target: Place,
): Promise<Appended> {
  if (target.account.id === account.id)
    return await account.mail.replace(mailbox.id, uid, entry, target.mailbox.id, { reader });
  const options = { path: target.local, ...(target.reader === undefined ? {} : { reader: target.reader }) };
  const [appended] = await target.account.mail.append(target.mailbox.id, [entry], options);
  if (appended === undefined) throw new StoreError('unavailable', 'nothing was appended');
  await account.mail.expunge(mailbox.id, [[uid, uid]], { onlyDeleted: false });
  return appended;
}

/** The scanner, at a single number. */
function one(scanner: Scanner): Scanner {
  if (!scanner.sees(ONE)) throw new BadCommand('Expected one message');
  return scanner;
}
