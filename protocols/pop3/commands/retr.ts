// RETR (RFC 1939 5): a whole message. It is not marked as read: fetching is not reading, and other programs of the same
// account would show as read what nobody has seen.
import type { Command } from '../command.ts';
import { named, prepareNext, retrieve } from '../messages.ts';

export const retr: Command = {
  state: 'transaction',
  async run(session, argument, maildrop) {
    const entry = named(session, maildrop, argument);
    if (entry === undefined) return;
    await retrieve(session, maildrop, entry);
    session.retrieved(entry.octets);
    // A peer that asks for one at a time works on this one now, and we on its next.
    if (session.connection.hasLine) return;
    session.connection.flush();
    prepareNext(session, maildrop, entry);
  },
};
