// LOGIN (RFC 9051 6.2.3).

import { BadCommand, Refusal } from '../grammar/errors.ts';
import { logIn, privacyRequired } from '../login.ts';
import type { Verb } from './verb.ts';

export const login: Verb = {
  state: 'unauthenticated',
  expunges: false,
  async run(session, { scanner }) {
    scanner.space();
    const name = decoded(scanner.astring());
    scanner.space();
    const password = decoded(scanner.astring());
    scanner.end();
    if (!session.mayLogIn) throw privacyRequired();
    if (name === '' || password === '') throw new Refusal('AUTHENTICATIONFAILED', 'Authentication failed');
    return await logIn(session, name, password);
  },
};

/** Bytes as UTF-8 text: passwords have any characters, whatever RFC 3501 says. */
function decoded(bytes: string): string {
  const text = Buffer.from(bytes, 'latin1').toString('utf8');
  if (text.includes('\0')) throw new BadCommand('NUL is not allowed');
  return text;
}
