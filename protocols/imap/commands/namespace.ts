// NAMESPACE (RFC 2342): one personal namespace.

import { SEPARATOR } from '../grammar/mailbox-name.ts';
import type { Verb } from './verb.ts';

export const namespace: Verb = {
  state: 'authenticated',
  expunges: true,
  run(session, { scanner }) {
    scanner.end();
    session.connection.out.text(`* NAMESPACE (("" "${SEPARATOR}")) NIL NIL\r\n`);
    return undefined;
  },
};
