// UTF8 (RFC 6856 2): the session's texts may be UTF-8 from here on. Messages are stored as they came and sent so.
import type { Command } from '../command.ts';
import { isBare } from '../grammar.ts';

export const utf8: Command = {
  state: 'authorization',
  run(session, argument) {
    if (!isBare(argument)) {
      session.error('UTF8 takes no argument');
      return;
    }
    session.utf8 = true;
    session.ok('UTF-8 it is');
  },
};
