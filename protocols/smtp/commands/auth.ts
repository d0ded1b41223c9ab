// AUTH (RFC 4954): PLAIN and LOGIN, on submission and under TLS only.

import { type Decoded, decodeInitialResponse, decodeResponse, type Mechanism } from '#protocols/sasl/mechanism.ts';
import { createMechanism } from '#protocols/sasl/mechanisms.ts';
import { Reply } from '../replies.ts';
import { type Answer, mayLogIn, type Session } from '../session.ts';

const REFUSALS = {
  rejected: Reply.authRejected,
  throttled: Reply.authThrottled,
  unavailable: Reply.authUnavailable,
} as const;

export function auth(session: Session, rest: string): Answer | Promise<Answer> {
  if (session.part.kind !== 'submission') return Reply.noAuthHere;
  if (session.hello === null) return Reply.helloFirst;
  if (session.principal !== null) return Reply.loggedInAlready;
  if (session.transaction !== null) return Reply.noAuthInTransaction;
  // Some programs put two spaces between the parts (F218).
  const [name, initial, ...more] = rest.split(/\s+/).filter((part) => part !== '');
  if (name === undefined || more.length > 0) return Reply.authSyntax;
  const mechanism = createMechanism(name);
  if (mechanism === undefined) return Reply.unknownMechanism;
  if (!mayLogIn(session)) return Reply.encryptionRequired;
  return step(session, mechanism, initial === undefined ? null : decodeInitialResponse(initial));
}

async function step(session: Session, mechanism: Mechanism, response: Decoded | null): Promise<Answer> {
  if (response === 'cancelled') return Reply.authCancelled;
  if (response === 'malformed') return Reply.authMalformed;
  const next = mechanism.next(response);
  switch (next.kind) {
    case 'challenge':
      session.continuation = (line) => step(session, mechanism, decodeResponse(line));
      return `334 ${Buffer.from(next.data).toString('base64')}\r\n`;
    case 'failed':
      return next.reason === 'malformed' ? Reply.authMalformed : rejected(session);
    case 'password':
      return logIn(session, next.login, next.password);
  }
}

async function logIn(session: Session, login: string, password: string): Promise<Answer> {
  const { context } = session.part;
  const answer = await context.authenticator.password(login, password, session.peer, 'smtp');
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
