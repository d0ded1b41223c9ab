// SASL PLAIN (RFC 4616): one message `[authzid] NUL authcid NUL passwd`.

import { LOGIN_OCTETS, PASSWORD_OCTETS } from './limits.ts';
import { type Mechanism, type Step, text } from './mechanism.ts';

const MALFORMED: Step = { kind: 'failed', reason: 'malformed' };
const ASK: Step = { kind: 'challenge', data: new Uint8Array(0) };

/** RFC 4616 2: an authorization identity may only be the login itself, since nobody acts for somebody else here. */
export function plain(): Mechanism {
  return { next: (response) => (response === null ? ASK : parse(response)) };
}

function parse(message: Uint8Array): Step {
  if (message.length > 2 * LOGIN_OCTETS + PASSWORD_OCTETS + 2) return MALFORMED;
  const first = message.indexOf(0);
  const second = first < 0 ? -1 : message.indexOf(0, first + 1);
  if (second < 0) return MALFORMED;
  const authorization = text(message.subarray(0, first), LOGIN_OCTETS);
  const login = text(message.subarray(first + 1, second), LOGIN_OCTETS);
  const password = text(message.subarray(second + 1), PASSWORD_OCTETS);
  if (authorization === null || !login || !password) return MALFORMED; // RFC 4616 2: neither may be empty
  if (authorization !== '' && authorization !== login) return { kind: 'failed', reason: 'authorization' };
  return { kind: 'password', login, password };
}
