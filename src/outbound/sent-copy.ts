// A copy of what was sent in the sender's Sent, for programs that leave none (F223): as it left, but with its Bcc (F1).

import { hash } from 'node:crypto';
import type { Logger } from 'pino';
import type { MailAccount, Staged } from '#storage/ports.ts';
import { Flag } from '#storage/ports.ts';

/** A fault is logged only: the message has been taken. */
export async function saveSent(mail: MailAccount, staged: Staged, log: Logger): Promise<void> {
  try {
    const sent = (await mail.mailboxes()).find(({ special }) => special === 'sent');
    if (sent === undefined) throw new Error('there is no Sent mailbox');
    const deliveryId = hash('sha256', `sent\0${staged.hash}`);
    await mail.append(sent.id, [{ staged, flags: Flag.seen, deliveryId }]);
  } catch (error) {
    log.error({ err: error, account: mail.id }, 'no copy could be put into Sent');
  }
}
