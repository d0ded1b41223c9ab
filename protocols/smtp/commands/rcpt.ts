// RCPT TO (RFC 5321 4.1.1.3): the directory says whether there is such an address here.

import type { SmtpReply } from '#protocols/ports.ts';
import { parseRcpt } from '../grammar.ts';
import { Reply } from '../replies.ts';
import { type Answer, envelopeOf, ingressSession, offersOf, type Session } from '../session.ts';

export async function rcpt(session: Session, rest: string): Promise<Answer> {
  const { part, transaction } = session;
  if (transaction === null) return Reply.mailFirst;
  if (transaction.chunks !== null) return Reply.mixed;
  const command = parseRcpt(rest, transaction.mail.smtputf8, offersOf(session));
  if ('code' in command) return command;
  const { recipients } = transaction;
  // The same twice gets one copy; RFC 2033 4.2: but as many replies as it was accepted.
  if (recipients.includes(command.address) && part.kind !== 'lmtp') return Reply.recipient;
  if (recipients.length >= part.limits.recipients) return Reply.tooManyRecipients; // RFC 5321 4.5.3.1.10
  const port = part.kind === 'submission' ? part.submission : part.ingress;
  if (port === undefined) return Reply.temporary;
  const refusal = await port.recipient(command.address, envelopeOf(transaction), ingressSession(session));
  if (refusal !== null) return refused(session, refusal);
  recipients.push(command.address);
  const { request } = command;
  if (request.notify !== null || request.orcpt !== null) transaction.requests.set(command.address, request);
  return Reply.recipient;
}

/** A few mistakes are told at once; who makes many, here or in other sessions of his network, tries out addresses. */
async function refused(session: Session, refusal: SmtpReply): Promise<Answer> {
  const { counts, conduct, principal, part } = session;
  if (refusal.code < 500) return refusal;
  counts.refused++;
  if (principal !== null || conduct === null) return refusal;
  const guesses = conduct.note('unknown-recipient');
  if (counts.refused > part.limits.refusedAtOnce || guesses > part.limits.guesses) await session.hold();
  return refusal;
}
