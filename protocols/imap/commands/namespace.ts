// NAMESPACE (RFC 2342): the personal one, what others share, and accounts that nobody logs in to.

import { SEPARATOR } from '../grammar/mailbox-name.ts';
import { OTHER_USERS, SHARED } from '../namespaces.ts';
import type { Verb } from './verb.ts';

export const namespace: Verb = {
  state: 'authenticated',
  expunges: true,
  run(session, { scanner }) {
    scanner.end();
    const names = ['', OTHER_USERS + SEPARATOR, SHARED + SEPARATOR].map((prefix) => `(("${prefix}" "${SEPARATOR}"))`);
    session.connection.out.text(`* NAMESPACE ${names.join(' ')}\r\n`);
    return undefined;
  },
};
