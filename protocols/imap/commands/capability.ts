// CAPABILITY (RFC 9051 6.1.1).

import type { Verb } from './verb.ts';

export const capability: Verb = {
  state: 'any',
  expunges: true,
  run(session, { scanner }) {
    scanner.end();
    session.connection.out.text(`* CAPABILITY ${session.capabilities}\r\n`);
    return undefined;
  },
};
