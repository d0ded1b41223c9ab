// SUBSCRIBE and UNSUBSCRIBE (RFC 9051 6.3.7, 6.3.8). A name need not exist to be subscribed to.

import { mailboxName } from '../grammar/mailbox-name.ts';
import { isInNamespace } from '../namespaces.ts';
import type { Verb } from './verb.ts';

export const subscribe: Verb = subscribing(true);
export const unsubscribe: Verb = subscribing(false);

function subscribing(on: boolean): Verb {
  return {
    state: 'authenticated',
    expunges: true,
    async run(session, { scanner }) {
      scanner.space();
      const path = mailboxName(scanner);
      scanner.end();
      const { owner, places } = session;
      if (isInNamespace(path) && (await owner.mailbox(path)) === undefined) {
        // RFC 4314 4: to unsubscribe needs no right.
        if (on) await places.need(path, 'subscribe');
        const found = places.otherOf(path);
        await (found?.other.account ?? owner).mail.setSubscribed(owner.id, found?.local ?? path, on);
        return undefined;
      }
      const alias = await owner.alias(path);
      await owner.mail.setSubscribed(owner.id, alias?.path ?? path, on);
      return undefined;
    },
  };
}
