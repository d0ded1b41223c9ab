// ID (RFC 2971): who we are; what the client says goes to the log and changes nothing (section 2).

import { idParameters } from '../grammar/id.ts';
import type { Verb } from './verb.ts';

export const id: Verb = {
  state: 'any',
  expunges: true,
  run(session, { scanner }) {
    scanner.space();
    const client = Object.fromEntries(idParameters(scanner));
    scanner.end();
    session.log('debug', 'client', { client });
    session.identify([client.name, client.version].filter(Boolean).join(' '));
    // No version: it would only help somebody who looks for old ones.
    session.connection.out.text('* ID ("name" "Posthuis")\r\n');
    return undefined;
  },
};
