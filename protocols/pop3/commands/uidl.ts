// UIDL (RFC 1939 7): ids by which a program knows what it has fetched before; they never name anything else.
import type { Command } from '../command.ts';
import { isBare } from '../grammar.ts';
import { listed, named } from '../messages.ts';

export const uidl: Command = {
  state: 'transaction',
  async run(session, argument, maildrop) {
    if (isBare(argument)) {
      await listed(session, maildrop, 'unique ids follow', ({ number }) => maildrop.uniqueId(number));
      return;
    }
    const entry = named(session, maildrop, argument);
    if (entry !== undefined) session.ok(`${entry.number} ${maildrop.uniqueId(entry.number)}`);
  },
};
