// AUTH (RFC 4954), on submission and under TLS only.

import type { AuthAnswer } from '#protocols/ports.ts';
import { beginExchange, type Exchange } from '#protocols/sasl/exchange.ts';
import { type Decoded, decodeInitialResponse, decodeResponse } from '#protocols/sasl/mechanism.ts';
import { Reply } from '../replies.ts';
import { type Answer, loginContext, mayLogIn, type Session } from '../session.ts';

const REFUSALS = {
  rejected: Reply.authRejected,
  throttled: Reply.authThrottled,
  unavailable: Reply.authUnavailable,
} as const;

export function auth(session: Session, rest: string): Answer | Promise<Answer> {
  if (session.part.kind !== 'submission') return Reply.noAuthHere;
  if (session.hello === null) return Reply.helloFirst;
  if (session.principal !== null && session.principal.byAddress !== true) return Reply.loggedInAlready;
  if (session.transaction !== null) return Reply.noAuthInTransaction;
  // Some programs put two spaces between the parts (F218).
  const [name, initial, ...more] = rest.split(/\s+/).filter((part) => part !== '');
  if (name === undefined || more.length > 0) return Reply.authSyntax;
  const mechanism = beginExchange(name, loginContext(session));
  if (mechanism === undefined) return Reply.unknownMechanism;
  if (!mayLogIn(session)) return Reply.encryptionRequired;
  return step(session, mechanism, initial === undefined ? null : decodeInitialResponse(initial));
}

async function step(session: Session, mechanism: Exchange, response: Decoded | null): Promise<Answer> {
  if (response === 'cancelled') return Reply.authCancelled;
  if (response === 'malformed') return Reply.authMalformed;
  const next = await mechanism.next(response);
  switch (next.kind) {
    case 'challenge':
      session.continuation = (line) => step(session, mechanism, decodeResponse(line));
      return `334 ${Buffer.from(next.data).toString('base64')}\r\n`;
    case 'failed':
      return next.reason === 'malformed' ? Reply.authMalformed : rejected(session);
    case 'settled':
      return conclude(session, next.answer);
  }
}

function conclude(session: Session, answer: AuthAnswer): Answer {
  const { context } = session.part;
  context.metrics.login('smtp', answer.ok ? 'ok' : answer.reason);
  if (!answer.ok) return answer.reason === 'rejected' ? rejected(session) : REFUSALS[answer.reason];
  session.principal = answer.principal;
  session.progress();
  return Reply.loggedIn;
}

function rejected(session: Session): Answer {
  session.counts.logins++;
  return Reply.authRejected;
}
