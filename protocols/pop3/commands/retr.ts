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
  },
};
