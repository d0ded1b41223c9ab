// MAIL FROM (RFC 5321 4.1.1.2): opens a transaction.

import { parseMail } from '../grammar.ts';
import { Reply } from '../replies.ts';
import { type Answer, ingressSession, offersOf, type Session } from '../session.ts';

export async function mail(session: Session, rest: string): Promise<Answer> {
  const { kind, context, limits, submission } = session.part;
  if (session.hello === null) return Reply.helloFirst;
  // Not behind a proxy: only who really has such an address is known by it (F209).
  if (kind === 'submission' && !session.proxied) {
    session.principal ??= (await submission?.withoutLogin(session.peer)) ?? null;
  }
  if (kind === 'submission' && session.principal === null) {
    return session.secure || context.plaintext ? Reply.loginFirst : Reply.tlsFirst;
  }
  if (session.transaction !== null) return Reply.nestedMail;
  const { conduct, principal } = session;
  if (principal === null && conduct !== null && conduct.note('message') > limits.messageBurst) return Reply.tooFast;
  const command = parseMail(rest, offersOf(session));
  if ('code' in command) return command;
  // RFC 1870 6.1: a message that says it is too large is refused before it is sent.
  if (command.size !== null && command.size > context.messageSize) return Reply.tooLarge;
  const refusal = (await submission?.sender(command.address, ingressSession(session))) ?? null;
  if (refusal !== null) return refusal;
  session.transaction = { mail: command, recipients: [], requests: new Map(), chunks: null };
  return Reply.sender;
}
