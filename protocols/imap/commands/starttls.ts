// STARTTLS (RFC 9051 6.2.1).

import { Disconnected } from '#protocols/net/connection.ts';
import { BadCommand } from '../grammar/errors.ts';
import { LOGIN_MS } from '../limits.ts';
import type { Outcome, Verb } from './verb.ts';

export const starttls: Verb = {
  state: 'unauthenticated',
  expunges: false,
  async run(session, { tag, scanner }): Promise<Outcome> {
    scanner.end();
    const { connection, context } = session;
    if (connection.secure) throw new BadCommand('TLS is already active');
    connection.out.text(`${tag} OK Begin TLS negotiation now\r\n`);
    // What was pipelined after the command is thrown away there: it was not protected.
    if (!(await connection.startTls(context.tls))) throw new Disconnected();
    connection.idle(LOGIN_MS, false);
    return 'answered';
  },
};
