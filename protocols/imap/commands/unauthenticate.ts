// UNAUTHENTICATE (RFC 8437): the session is as it was before the login; TLS stays, compression ends.

import type { Outcome, Verb } from './verb.ts';

export const unauthenticate: Verb = {
  state: 'authenticated',
  expunges: false,
  async run(session, { tag, scanner }): Promise<Outcome> {
    scanner.end();
    session.logout();
    const { connection } = session;
    const reply = `${tag} OK [CAPABILITY ${session.capabilities}] Logged out\r\n`;
    if (connection.compressed) await connection.stopDeflate(reply);
    else connection.out.text(reply);
    return 'answered';
  },
};
