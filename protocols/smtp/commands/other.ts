// The commands that need no file of their own (RFC 5321 4.1.1.5 to 4.1.1.10, RFC 3207).

import { Reply } from '../replies.ts';
import type { Answer, Session } from '../session.ts';

export function rset(session: Session, rest: string): Answer {
  if (rest !== '') return Reply.noParameters;
  session.reset();
  return Reply.ok;
}

export function noop(): Answer {
  return Reply.ok; // RFC 5321 4.1.1.9: a parameter is ignored
}

export function vrfy(_session: Session, rest: string): Answer {
  return rest === '' ? Reply.vrfySyntax : Reply.vrfy;
}

export function expn(): Answer {
  return Reply.notImplemented;
}

export function help(): Answer {
  return Reply.help;
}

export function quit(session: Session, rest: string): Answer {
  if (rest !== '') return Reply.noParameters;
  session.finish();
  return Reply.bye;
}

/** RFC 3207 4. */
export function starttls(session: Session, rest: string): Answer {
  if (rest !== '') return Reply.noParameters;
  if (session.secure) return Reply.tlsActive;
  session.startTls();
  return Reply.startTls;
}
