// CHECK (RFC 3501 6.4.1): everything answered is durable already, so there is nothing left to check.

import type { Verb } from './verb.ts';

export const check: Verb = {
  state: 'selected',
  expunges: true,
  run(_session, { scanner }) {
    scanner.end();
    return undefined;
  },
};
