// NOTIFY (RFC 5465 3.1).

import { notifyArguments } from '../grammar/notify.ts';
import { Notify } from '../notify.ts';
import type { Verb } from './verb.ts';

export const notify: Verb = {
  state: 'authenticated',
  expunges: true,
  async run(session, { scanner }) {
    scanner.space();
    const wanted = notifyArguments(scanner);
    scanner.end();
    const notifying = new Notify(session, wanted);
    session.setNotify(notifying);
    await notifying.begin(session, wanted.status);
    // What has happened in the selected mailbox is told at the end, as after NOOP.
    return undefined;
  },
};
