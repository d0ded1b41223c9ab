// ENABLE (RFC 5161, RFC 9051 6.3.1): unknown capabilities are ignored; none that is offered needs enabling yet.

import type { Verb } from './verb.ts';

export const enable: Verb = {
  state: 'authenticated',
  expunges: true,
  run(session, { scanner }) {
    do {
      scanner.space();
      scanner.atom();
    } while (scanner.peek() === ' ');
    scanner.end();
    session.connection.out.text('* ENABLED\r\n');
    return undefined;
  },
};
