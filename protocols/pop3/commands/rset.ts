// RSET (RFC 1939 5): takes all marks away.
import type { Command } from '../command.ts';

export const rset: Command = {
  state: 'transaction',
  run(session, _argument, maildrop) {
    maildrop.reset();
    session.ok(`${maildrop.count} messages (${maildrop.octets} octets)`);
  },
};
