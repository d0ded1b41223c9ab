// LIST (RFC 1939 5): the octets of one message or of all, exactly as many as RETR sends without doubled dots.
import type { Command } from '../command.ts';
import { isBare } from '../grammar.ts';
import { listed, named } from '../messages.ts';

export const list: Command = {
  state: 'transaction',
  async run(session, argument, maildrop) {
    if (isBare(argument)) {
      await listed(
        session,
        maildrop,
        `${maildrop.count} messages (${maildrop.octets} octets)`,
        (entry) => entry.octets,
      );
      return;
    }
    const entry = named(session, maildrop, argument);
    if (entry !== undefined) session.ok(`${entry.number} ${entry.octets}`);
  },
};
