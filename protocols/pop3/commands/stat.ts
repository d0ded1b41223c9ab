// STAT (RFC 1939 5): messages that are not marked as deleted, and their octets.
import type { Command } from '../command.ts';

export const stat: Command = {
  state: 'transaction',
  run(session, _argument, maildrop) {
    session.ok(`${maildrop.count} ${maildrop.octets}`);
  },
};
