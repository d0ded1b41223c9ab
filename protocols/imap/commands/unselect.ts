// UNSELECT (RFC 3691): leaves the mailbox and expunges nothing.

import type { Verb } from './verb.ts';

export const unselect: Verb = {
  state: 'selected',
  expunges: false,
  run(session, { scanner }) {
    scanner.end();
    session.deselect();
    return undefined;
  },
};
