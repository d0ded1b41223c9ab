// From what happened to each recipient to the one reply that SMTP has for all of them (DESIGN 3.4).

import type { SmtpReply } from '#protocols/ports.ts';
import { isTemporary, StoreError } from '#storage/errors.ts';

export const ACCEPTED: SmtpReply = { code: 250, enhanced: '2.6.0', text: 'Message accepted' };
export const TEMPORARY: SmtpReply = { code: 451, enhanced: '4.3.0', text: 'Temporary failure, try again later' };
export const NO_SPACE: SmtpReply = { code: 452, enhanced: '4.3.1', text: 'Insufficient system storage' };
export const MAILBOX_FULL: SmtpReply = { code: 552, enhanced: '5.2.2', text: 'Mailbox full' };
export const TOO_LARGE: SmtpReply = { code: 552, enhanced: '5.3.4', text: 'Message too large' };
export const UNKNOWN: SmtpReply = { code: 550, enhanced: '5.1.1', text: 'No such mailbox here' };
export const UNREAD: SmtpReply = { code: 450, enhanced: '4.3.5', text: 'Nobody reads this yet, try again later' };
export const GUESSING: SmtpReply = {
  code: 452,
  enhanced: '4.7.1',
  text: 'Too many guessed addresses, try again later',
};
export const LOOP: SmtpReply = { code: 554, enhanced: '5.4.6', text: 'Mail loop' };
const MAILBOX_FULL_FOR_SOME: SmtpReply = { code: 452, enhanced: '4.2.2', text: 'A mailbox is full, try again later' };

/** What a store error at delivery means to the peer. */
export function replyOf(error: unknown): SmtpReply {
  if (!(error instanceof StoreError)) return TEMPORARY;
  if (error.code === 'no-space') return NO_SPACE;
  if (isTemporary(error.code)) return TEMPORARY;
  if (error.code === 'over-quota') return MAILBOX_FULL;
  if (error.code === 'limit') return TOO_LARGE;
  // The account went between RCPT and DATA: the retry will hear it at RCPT.
  return TEMPORARY;
}

/**
 * The reply for all recipients. Any temporary failure makes it temporary: the delivery id makes the retry harmless for
 * those who have the message. A permanent refusal is told only when it is everybody's. Where some have it and some never
 * will and nobody can be told (reports.ts), the peer is asked to come again, and it tells the sender when it gives up.
 */
export function combine(replies: readonly SmtpReply[]): SmtpReply {
  const temporary = replies.find(({ code }) => code >= 400 && code < 500);
  if (temporary !== undefined) return temporary;
  const refusals = replies.filter(({ code }) => code >= 500);
  const [first] = refusals;
  if (first === undefined) return ACCEPTED;
  if (refusals.length === replies.length) return first;
  return refusals.some(({ enhanced }) => enhanced === MAILBOX_FULL.enhanced) ? MAILBOX_FULL_FOR_SOME : TEMPORARY;
}
