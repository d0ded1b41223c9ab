// MAIL FROM (RFC 5321 4.1.1.2): opens a transaction.

import type { SmtpReply } from '#protocols/ports.ts';
import { type MailCommand, parseMail } from '../grammar.ts';
import { Reply } from '../replies.ts';
import { type Answer, ingressSession, offersOf, type Session } from '../session.ts';

export function mail(session: Session, rest: string): Answer | Promise<Answer> {
  if (session.hello === null) return Reply.helloFirst;
  if (session.part.kind === 'submission') return submit(session, rest);
  const command = read(session, rest);
  return 'code' in command ? command : begin(session, command);
}

/** MAIL where only those send who may. */
async function submit(session: Session, rest: string): Promise<Answer> {
  const { context, submission } = session.part;
  // Not behind a proxy: only who really has such an address is known by it (F209).
  if (!session.proxied) session.principal ??= (await submission?.withoutLogin(session.peer)) ?? null;
  if (session.principal === null) return session.secure || context.plaintext ? Reply.loginFirst : Reply.tlsFirst;
  const command = read(session, rest);
  if ('code' in command) return command;
  return (await submission?.sender(command.address, ingressSession(session))) ?? begin(session, command);
}

/** What MAIL asks for, or why it is refused. */
function read(session: Session, rest: string): MailCommand | SmtpReply {
  const { context, limits } = session.part;
  if (session.transaction !== null) return Reply.nestedMail;
  const { conduct, principal } = session;
  if (principal === null && conduct !== null && conduct.note('message') > limits.messageBurst) return Reply.tooFast;
  const command = parseMail(rest, offersOf(session));
  if ('code' in command) return command;
  // RFC 1870 6.1: a message that says it is too large is refused before it is sent.
  return command.size !== null && command.size > context.messageSize ? Reply.tooLarge : command;
}

function begin(session: Session, mail: MailCommand): Answer {
  session.transaction = { mail, recipients: [], requests: new Map(), chunks: null };
  return Reply.sender;
}
