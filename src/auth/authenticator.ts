// The one place where a login is decided: the directory says who is meant, the throttle how long it takes, the password
// check whether it is right. A temporary fault is never told as a wrong password (DESIGN 7.4).

import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import type { Authenticator, Peer, RejectReason } from '#protocols/ports.ts';
import { isTemporary, StoreError } from '#storage/errors.ts';
import type { Credential, Directory } from '#storage/ports.ts';
import type { Passwords } from './passwords.ts';
import type { Throttle } from './throttle.ts';

type Answer = Awaited<ReturnType<Authenticator['password']>>;

export interface AuthenticatorParts {
  readonly directory: Pick<Directory, 'login'>;
  readonly passwords: Passwords;
  readonly throttle: Throttle;
  readonly log: Logger;
  /** Waits; tests hand in a clock of their own. */
  readonly wait?: (ms: number) => Promise<unknown>;
}

export function createAuthenticator({ wait = sleep, ...parts }: AuthenticatorParts): Authenticator {
  return {
    async password(login, password, peer, protocol) {
      const answer = await decide({ wait, ...parts }, login, password, peer);
      const reason = answer.ok ? 'ok' : answer.reason;
      const { connection, address } = peer;
      parts.log.info({ connection, address, protocol, login, result: reason }, 'login');
      return answer;
    },
  };
}

async function decide(
  { directory, passwords, throttle, log, wait }: Required<AuthenticatorParts>,
  login: string,
  password: string,
  peer: Peer,
): Promise<Answer> {
  let credential: Credential | undefined;
  try {
    credential = await directory.login(login);
  } catch (error) {
    if (!(error instanceof StoreError) || isTemporary(error.code)) {
      log.error({ err: error, login }, 'the directory could not be asked');
      return refuse('unavailable');
    }
    // any other code: a name that can be nobody's, and takes an unknown user's road
  }
  const name = credential?.account.id ?? login.toLowerCase();
  const attempt = throttle.attempt(name, peer.address, peer.trusted);
  const delay = throttle.before(attempt);
  if (delay === 'throttled') return refuse('throttled');
  if (delay > 0) await wait(delay);
  // Many tries at once have all passed the first look; each is looked at again when its turn has come.
  const verdict = await passwords.verify(credential, password, () => throttle.before(attempt) !== 'throttled');
  if (verdict === 'skipped') return refuse('throttled');
  if (verdict === 'unavailable') {
    log.warn({ login }, 'a password could not be checked now');
    return refuse('unavailable');
  }
  if (verdict === 'wrong' || credential === undefined || !credential.account.enabled) {
    const hold = throttle.failed(attempt, password);
    if (hold > 0) await wait(hold);
    return refuse('rejected');
  }
  throttle.succeeded(attempt);
  return { ok: true, principal: { account: credential.account, login } };
}

function refuse(reason: RejectReason): Answer {
  return { ok: false, reason };
}
