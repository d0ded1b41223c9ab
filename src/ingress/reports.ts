// What the road of incoming mail has others told beside the one reply to DATA: recipients that were refused while others
// have the message, and deliveries of which the sender wants to hear (RFC 3461).

import type { SmtpReply } from '#protocols/ports.ts';
import type { Delivery } from './deliver.ts';

export interface Refused {
  readonly recipient: string;
  readonly reply: SmtpReply;
}

export interface Reports {
  /**
   * Tells of recipients that will never have it: the sender, if SPF or DKIM has confirmed him, else each of them, by the
   * message and the reason in his Junk. Durable when it resolves to true; false: nobody can be told, and nobody was.
   */
  refused(delivery: Delivery, refused: readonly Refused[]): Promise<boolean>;
  /** Tells a sender who has been confirmed of the deliveries that he asked to hear of; durable when it resolves. */
  delivered(delivery: Delivery): Promise<void>;
}
