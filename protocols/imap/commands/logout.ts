// LOGOUT (RFC 9051 6.1.3).

import type { Verb } from './verb.ts';

export const logout: Verb = {
  state: 'any',
  expunges: false,
  run(session, { scanner }) {
    scanner.end();
    session.deselect();
    session.bye('Logging out');
    return undefined;
  },
};
