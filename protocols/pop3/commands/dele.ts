// DELE (RFC 1939 5): a mark; QUIT moves what is marked to Trash (F171).
import type { Command } from '../command.ts';
import { named } from '../messages.ts';

export const dele: Command = {
  state: 'transaction',
  run(session, argument, maildrop) {
    const entry = named(session, maildrop, argument);
    if (entry === undefined) return;
    maildrop.delete(entry.number);
    session.ok(`message ${entry.number} marked as deleted`);
  },
};
