// APPEND (RFC 9051 6.3.12), of several messages too (MULTIAPPEND, RFC 3502), with APPENDUID (RFC 4315 3). The messages
// stream into the store as they come, and are all appended or none.

import { StoreError } from '#storage/errors.ts';
import type { AppendEntry, Appended } from '#storage/ports.ts';
import { MessageReader } from '../append/message-reader.ts';
import { announcesMessage } from '../grammar/append-message.ts';
import { BadCommand, Refusal } from '../grammar/errors.ts';
import { mailboxName } from '../grammar/mailbox-name.ts';
import { formatSet } from '../grammar/sequence-set.ts';
import { KEPT_MESSAGES_AT_ONCE } from '../limits.ts';
import { isInNamespace } from '../namespaces.ts';
import type { Place } from '../places.ts';
import { mayUse } from '../rights.ts';
import type { Session } from '../session.ts';
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
    const { places } = session;
    // A client that waits for our `+` is told before it sends the message that there is no such mailbox.
    const waits = command.pending?.sync === true;
    const place = insertable(path, await (waits ? places.find(path, 'insert') : places.target(path, 'insert')));
    const entries = await messages.all(place);
    const appended = await into(place, entries).catch(async (error: unknown) => {
      if (!(error instanceof StoreError) || error.code !== 'not-found') throw error;
      // Deleted or renamed since it was last looked at; another one may have its name now.
      return into(insertable(path, await places.find(path, 'insert')), entries);
    });
    const [first] = appended;
    if (first === undefined) throw new StoreError('unavailable', 'nothing was appended');
    if (appended.length <= KEPT_MESSAGES_AT_ONCE) keep(session, place, entries, appended);
    for (const { staged } of entries) session.context.metrics.message('append', 'accepted', staged.size);
    // RFC 9051 6.3.12: nothing of a mailbox that may not be selected.
    if (!mayUse(place.rights, 'select')) return undefined;
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

/** The place of a name that messages are to be put into, if there is one. */
export function insertable(path: string, place: Place | undefined): Place {
  if (place !== undefined) return place;
  // RFC 9051 6.3.12: TRYCREATE where it could help. Of others' names that would say which there are.
  throw new Refusal(isInNamespace(path) ? 'NONEXISTENT' : 'TRYCREATE', 'No such mailbox');
}

/** Those who have the mailbox open will ask for what is new in it: here it is at hand as it is sent. */
function keep(
  { server }: Session,
  { account, mailbox }: Place,
  entries: readonly AppendEntry[],
  appended: readonly Appended[],
): void {
  if (!account.hasOpen(mailbox.id)) return;
  for (const [at, { message }] of appended.entries()) {
    const { header, body } = entries[at]?.staged ?? {};
    if (header !== undefined && body) server.messages.keep(account.id, message, [header, body], header.length);
  }
}

function into({ account, mailbox, local, reader }: Place, entries: readonly AppendEntry[]): Promise<Appended[]> {
  return account.mail.append(mailbox.id, entries, { path: local, ...(reader === undefined ? {} : { reader }) });
}
