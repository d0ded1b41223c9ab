// SASL LOGIN (draft-murchison-sasl-login): never standardised, and what many office programs need (F218). The prompts
// are spelled as those programs compare them; an initial response is the user name (Outlook's cloud sends one).

import { LOGIN_OCTETS, PASSWORD_OCTETS } from './limits.ts';
import { type Mechanism, type Step, text } from './mechanism.ts';

const MALFORMED: Step = { kind: 'failed', reason: 'malformed' };
const USERNAME: Step = { kind: 'challenge', data: Buffer.from('Username:') };
const PASSWORD: Step = { kind: 'challenge', data: Buffer.from('Password:') };

export function login(): Mechanism {
  let name: string | null = null;
  return {
    next(response) {
      if (response === null) return USERNAME;
      if (name === null) {
        name = text(response, LOGIN_OCTETS);
        return name ? PASSWORD : MALFORMED;
      }
      const password = text(response, PASSWORD_OCTETS);
      return password ? { kind: 'password', login: name, password } : MALFORMED;
    },
  };
}
