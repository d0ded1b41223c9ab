// The one place where a login is decided: the directory says who is meant, the throttle how long it takes, the password
// check whether it is right. A temporary fault is never told as a wrong password (DESIGN 7.4).

import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import type {
  AuthAnswer,
  Authenticator,
  AuthProtocol,
  DeviceKeeper,
  Peer,
  RejectReason,
  TokenVerifier,
} from '#protocols/ports.ts';
import { isTemporary, StoreError } from '#storage/errors.ts';
import type { Credential, Directory } from '#storage/ports.ts';
import type { Passwords } from './passwords.ts';
import { nobodysKeys, scramKeys } from './scram.ts';
import type { Attempt, Throttle } from './throttle.ts';

export interface AuthenticatorParts {
  readonly directory: Pick<Directory, 'login' | 'setScram'>;
  readonly passwords: Passwords;
  readonly throttle: Throttle;
  readonly log: Logger;
  /** Told of those who do not get in. */
  readonly devices?: Pick<DeviceKeeper, 'failed'>;
  /** Verifies bearer tokens; without it none is taken. */
  readonly tokens?: TokenVerifier;
  /** The same in all threads and runs, so that a name that nobody has always has the same salt. */
  readonly secret?: Uint8Array;
  /** Waits; tests hand in a clock of their own. */
  readonly wait?: (ms: number) => Promise<unknown>;
}

export function createAuthenticator(parts: AuthenticatorParts): Authenticator {
  return new Logins(parts);
}

type Refused = Extract<AuthAnswer, { readonly ok: false }>;

/** A login that may be looked at. */
interface Begun {
  readonly ok: true;
  readonly credential: Credential | undefined;
  readonly attempt: Attempt;
}

/** Where a login comes from. */
interface Place {
  readonly login: string;
  readonly peer: Peer;
  readonly protocol: AuthProtocol;
}

class Logins implements Authenticator {
  readonly takesTokens: boolean;
  readonly #parts: AuthenticatorParts;
  readonly #wait: (ms: number) => Promise<unknown>;
  readonly #secret: Uint8Array;

  constructor(parts: AuthenticatorParts) {
    this.#parts = parts;
    this.#wait = parts.wait ?? sleep;
    this.#secret = parts.secret ?? randomBytes(32);
    this.takesTokens = parts.tokens !== undefined;
  }

  async password(login: string, password: string, peer: Peer, protocol: AuthProtocol): Promise<AuthAnswer> {
    const place = { login, peer, protocol };
    return this.#told(place, await this.#password(place, password));
  }

  async scram(login: string, peer: Peer, protocol: AuthProtocol): ReturnType<Authenticator['scram']> {
    const place = { login, peer, protocol };
    const begun = await this.#begin(place);
    if (!begun.ok) return this.#refused(place, begun.reason);
    const { credential, attempt } = begun;
    const keys = credential?.scram ?? nobodysKeys(this.#secret, credential?.account.id ?? login.toLowerCase());
    return {
      ok: true,
      keys,
      settle: async (right, guess) => {
        if (this.#parts.throttle.before(attempt) === 'throttled') return this.#refused(place, 'throttled');
        // Of an account without keys nobody can know whether the password was right.
        if (credential !== undefined && credential.scram === null) return this.#refused(place, 'unavailable');
        return this.#told(place, await this.#settle(begun, place, right, guess));
      },
    };
  }

  async token(login: string, token: string, peer: Peer, protocol: AuthProtocol): Promise<AuthAnswer> {
    const { tokens, log } = this.#parts;
    let address: string | null = null;
    try {
      address = (await tokens?.verify(token)) ?? null;
    } catch (error) {
      log.error({ err: error }, 'a token could not be verified now');
      return this.#refused({ login, peer, protocol }, 'unavailable');
    }
    const place = { login: login === '' ? (address ?? '') : login, peer, protocol };
    const begun = await this.#begin(place);
    if (!begun.ok) return this.#refused(place, begun.reason);
    // The token says who it is; the name beside it may only be the same account's.
    const right = address !== null && begun.credential?.account.address === address.toLowerCase();
    return this.#told(place, await this.#settle(begun, place, right, token));
  }

  async #password(place: Place, password: string): Promise<AuthAnswer> {
    const { passwords, throttle, log } = this.#parts;
    const begun = await this.#begin(place);
    if (!begun.ok) return begun;
    const { credential, attempt } = begun;
    // Many tries at once have all passed the first look; each is looked at again when its turn has come.
    const verdict = await passwords.verify(credential, password, () => throttle.before(attempt) !== 'throttled');
    if (verdict === 'skipped') return refuse('throttled');
    if (verdict === 'unavailable') {
      log.warn({ login: place.login }, 'a password could not be checked now');
      return refuse('unavailable');
    }
    const answer = await this.#settle(begun, place, verdict === 'right', password);
    if (answer.ok && credential?.scram === null) await this.#addScram(credential, password);
    return answer;
  }

  /** Finds out who is meant, and waits as long as their failures ask for. */
  async #begin({ login, peer }: Place): Promise<Begun | Refused> {
    const { directory, throttle, log } = this.#parts;
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
    if (delay > 0) await this.#wait(delay);
    return { ok: true, credential, attempt };
  }

  /** Counts what was tried, and says what it comes to. */
  async #settle({ credential, attempt }: Begun, place: Place, right: boolean, guess: string): Promise<AuthAnswer> {
    const { throttle } = this.#parts;
    if (!right || credential === undefined || !credential.account.enabled) {
      const hold = throttle.failed(attempt, guess);
      if (credential !== undefined) this.#failed(credential, place, right);
      if (hold > 0) await this.#wait(hold);
      return refuse('rejected');
    }
    throttle.succeeded(attempt);
    return { ok: true, principal: { account: credential.account, login: place.login } };
  }

  #failed({ account }: Credential, { peer, protocol }: Place, right: boolean): void {
    const fault = right ? 'The account is disabled.' : 'The password was wrong.';
    this.#parts.devices?.failed(account.id, protocol, '', peer.address, fault);
  }

  /** The password is known here for a moment: its SCRAM keys are made, once. */
  async #addScram({ account, version }: Credential, password: string): Promise<void> {
    const { directory, log } = this.#parts;
    try {
      await directory.setScram(account.id, version, await scramKeys(password));
    } catch (error) {
      // The login is good all the same (a full disk); the next one tries again.
      log.warn({ err: error, account: account.address }, 'SCRAM keys could not be kept');
    }
  }

  #refused(place: Place, reason: RejectReason): Refused {
    const answer = refuse(reason);
    this.#told(place, answer);
    return answer;
  }

  #told({ login, peer, protocol }: Place, answer: AuthAnswer): AuthAnswer {
    const { connection, address } = peer;
    const result = answer.ok ? 'ok' : answer.reason;
    this.#parts.log.info({ connection, address, protocol, login, result }, 'login');
    return answer;
  }
}

function refuse(reason: RejectReason): Refused {
  return { ok: false, reason };
}
