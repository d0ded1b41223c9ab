// NOOP (RFC 9051 6.1.2): what has changed is told at its end, as after every command.

import type { Verb } from './verb.ts';

export const noop: Verb = {
  state: 'any',
  expunges: true,
  run(_session, { scanner }) {
    scanner.end();
    return undefined;
  },
};
