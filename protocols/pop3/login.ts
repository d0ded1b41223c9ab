// The end of USER/PASS and of AUTH: the password is checked, the maildrop locked and read.
import type { AuthAnswer, Principal, RejectReason } from '../ports.ts';
import { MAX_FAILED_LOGINS } from './limits.ts';
import { lockMaildrop, Maildrop } from './maildrop.ts';
import type { Session } from './session.ts';

/** Enters the TRANSACTION state, or says why not. */
export async function logIn(session: Session, login: string, password: string): Promise<void> {
  const { authenticator } = session.context;
  await conclude(session, await authenticator.password(login, password, session.connection.peer, 'pop3'));
}

/** The same with the answer at hand. */
export async function conclude(session: Session, answer: AuthAnswer): Promise<void> {
  const { metrics } = session.context;
  metrics.login('pop3', answer.ok ? 'ok' : answer.reason);
  if (answer.ok) await openMaildrop(session, answer.principal);
  else refuse(session, answer.reason);
}

async function openMaildrop(session: Session, principal: Principal): Promise<void> {
  const unlock = await lockMaildrop(principal.account.id);
  if (unlock === null) {
    session.error('another POP3 session has this maildrop', 'IN-USE'); // RFC 2449 8.1.1
    return;
  }
  try {
    const maildrop = await Maildrop.open(session.context.store.mail(principal.account.id), unlock);
    session.enter(principal, maildrop);
    session.ok(`${maildrop.count} messages (${maildrop.octets} octets)`);
  } catch (error) {
    await unlock();
    throw error;
  }
}

/** RFC 3206 4: [AUTH] only for wrong credentials; a program that sees it asks its user for another password. */
function refuse(session: Session, reason: RejectReason): void {
  if (reason === 'rejected') session.error('wrong user name or password', 'AUTH');
  else if (reason === 'throttled') session.error('too many failed logins, try again later', 'SYS/TEMP');
  else session.error('logins can not be checked now, try again later', 'SYS/TEMP');
  session.failedLogins += 1;
  if (session.failedLogins >= MAX_FAILED_LOGINS && !session.connection.peer.trusted) session.hangUp();
}

/** Before TLS, where that is required, nothing that carries a password is taken (RFC 8314 3.3). */
export function refusedWithoutTls(session: Session): boolean {
  if (session.mayLogIn) return false;
  session.error('use STLS first');
  return true;
}
