// ENABLE (RFC 5161, RFC 9051 6.3.1): what is not known is ignored.

import { type Enabled, enabledName } from '../enabled.ts';
import type { Verb } from './verb.ts';

export const enable: Verb = {
  state: 'authenticated',
  expunges: true,
  run(session, { scanner }) {
    const wanted = new Set<Enabled>();
    do {
      scanner.space();
      const name = enabledName(scanner.atom());
      if (name !== undefined && session.offers(name)) wanted.add(name);
    } while (scanner.peek() === ' ');
    scanner.end();
    session.connection.out.text(`${['* ENABLED', ...wanted].join(' ')}\r\n`);
    for (const name of wanted) session.enable(name);
    return undefined;
  },
};
