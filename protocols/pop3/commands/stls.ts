// STLS (RFC 2595 4): TLS on this connection; what was said before it is forgotten.
import type { Command } from '../command.ts';
import { isBare } from '../grammar.ts';

export const stls: Command = {
  state: 'authorization',
  async run(session, argument) {
    if (!isBare(argument)) {
      session.error('STLS takes no argument');
      return;
    }
    if (session.connection.secure) {
      session.error('TLS is established already');
      return;
    }
    session.ok('begin TLS');
    session.user = null;
    session.utf8 = false;
    // Where the handshake fails the connection is gone, and the next line is never read.
    await session.connection.startTls(session.context.tls);
  },
};
