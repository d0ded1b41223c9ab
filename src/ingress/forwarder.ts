// What the road of incoming mail asks of the road out: to send a message on to addresses elsewhere, and to send back what
// comes to a return address that was made for that.

import type { SmtpReply } from '#protocols/ports.ts';
import type { Delivery } from './deliver.ts';

/** Where a return address leads: to the sender, or into the Junk of him for whom the mail came. */
export interface Return {
  readonly to: 'sender' | 'reader';
  readonly address: string;
}

export interface Forwarder {
  /** Where mail for this return address goes; null if the address is none, or not good any more. */
  returns(address: string): Return | null;
  /** Sends on what came in for a recipient; durable when it resolves to a 250. */
  forward(delivery: Delivery, recipient: string, targets: readonly string[]): Promise<SmtpReply>;
  /** Sends on what came to a return address. */
  giveBack(delivery: Delivery, recipient: string, back: Return): Promise<SmtpReply>;
}
