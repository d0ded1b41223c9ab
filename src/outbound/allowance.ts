// How much an account may send (F23): a stolen password must not make us a source of spam. What is over a daily limit is
// put off, so that the programs that wait and try again lose nothing; the text says what helps.

import type { SmtpReply } from '#protocols/ports.ts';
import type { Account, Sending } from '#storage/ports.ts';
import type { SendingLimits } from './settings.ts';

/** At RCPT: is there room for one more in this message? */
export function refuseCrowd(account: Account, recipients: number, limits: SendingLimits): SmtpReply | null {
  const most = limits.recipientsAMessage;
  if (most === null || recipients < most) return null;
  const text = `${account.address} may send a message to ${most} recipients; send it to the others as another one`;
  return { code: 550, enhanced: '5.5.3', text };
}

/** At MAIL and at the end of the message: may the account send one more today, to so many strangers? */
export function refuseExcess(account: Account, sent: Sending, limits: SendingLimits): SmtpReply | null {
  const { messagesADay, newRecipientsADay } = limits;
  if (messagesADay !== null && sent.messages >= messagesADay) {
    return putOff(account, `has sent its ${messagesADay} messages of today`);
  }
  if (newRecipientsADay !== null && sent.unknown > 0 && sent.strangers + sent.unknown > newRecipientsADay) {
    return putOff(account, `has written to its ${newRecipientsADay} new recipients of today`);
  }
  return null;
}

/** The account's mail is held, since other servers refuse too much of it. */
export function heldBack(account: Account): SmtpReply {
  const why = 'is not sent on: too much of its last mail was refused by other servers';
  const text = `mail of ${account.address} ${why}; the administrator can let it go: posthuis account unblock ${account.address}`;
  return { code: 450, enhanced: '4.7.1', text };
}

function putOff({ address }: Account, what: string): SmtpReply {
  const text = `${address} ${what}; try again tomorrow, or let the administrator run: posthuis account unblock ${address}`;
  return { code: 450, enhanced: '4.7.1', text };
}
