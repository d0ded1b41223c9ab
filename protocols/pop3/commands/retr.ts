// RETR (RFC 1939 5): a whole message. It is not marked as read: fetching is not reading, and other programs of the same
// account would show as read what nobody has seen.
import type { Command } from '../command.ts';
import { named, sendMessage } from '../messages.ts';

export const retr: Command = {
  state: 'transaction',
  async run(session, argument, maildrop) {
    const entry = named(session, maildrop, argument);
    if (entry === undefined) return;
    await sendMessage(session, maildrop, entry, `${entry.octets} octets`);
    session.retrieved(entry.octets);
    // The peer that asks for one at a time works on this one now, and its next command will not wait for the store.
    if (session.connection.hasLine) return;
    session.connection.flush();
    maildrop.readAhead(entry);
  },
};
