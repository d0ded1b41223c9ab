// Logging in, by LOGIN and AUTHENTICATE alike: asks the authenticator, answers by RFC 5530.

import type { AuthAnswer, RejectReason } from '../ports.ts';
import type { Reply } from './commands/verb.ts';
import { Refusal } from './grammar/errors.ts';
import { LOGIN_FAILURES } from './limits.ts';
import type { Session } from './session.ts';

/** A temporary fault is never told as a wrong password: clients would switch themselves off. */
const REFUSALS: Readonly<Record<RejectReason, readonly [code: string, text: string]>> = {
  rejected: ['AUTHENTICATIONFAILED', 'Authentication failed'],
  throttled: ['UNAVAILABLE', 'Too many failed logins, try again later'],
  unavailable: ['UNAVAILABLE', 'Temporary failure, try again later'],
};

/** RFC 9051 6.2.3, RFC 5530 3: no password over a line that anybody can read. */
export function privacyRequired(): Refusal {
  return new Refusal('PRIVACYREQUIRED', 'Use TLS first');
}

export async function logIn(session: Session, name: string, password: string): Promise<Reply> {
  const { authenticator } = session.context;
  return await conclude(session, name, await authenticator.password(name, password, session.connection.peer, 'imap'));
}

/** Enters the authenticated state, or throws why not. */
export async function conclude(session: Session, name: string, result: AuthAnswer): Promise<Reply> {
  const { connection, context, server } = session;
  context.metrics.login('imap', result.ok ? 'ok' : result.reason);
  if (!result.ok) {
    session.loginFailures++;
    session.log('info', 'login refused', { login: name, reason: result.reason });
    if (session.loginFailures >= LOGIN_FAILURES && !connection.peer.trusted) session.bye('Too many failed logins');
    throw new Refusal(...REFUSALS[result.reason]);
  }
  const { principal } = result;
  const account = server.enter(principal.account.id, connection.peer.trusted);
  if (account === null) throw new Refusal('LIMIT', 'Too many connections of this account');
  let off: readonly string[];
  try {
    off = await server.settings.offFor(principal.account.id);
  } catch (error) {
    server.leave(account);
    throw error;
  }
  session.login(principal, account, off);
  session.log('info', 'login', { login: name, tls: connection.secure });
  // RFC 9051 7.1: saves the client a CAPABILITY.
  return { code: `CAPABILITY ${session.capabilities}`, text: 'Logged in' };
}
