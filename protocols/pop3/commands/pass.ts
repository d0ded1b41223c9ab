// PASS (RFC 1939 7): all that follows the first space is the password, spaces included.
import { PASSWORD_OCTETS } from '../../sasl/limits.ts';
import { text } from '../../sasl/mechanism.ts';
import type { Command } from '../command.ts';
import { logIn, refusedWithoutTls } from '../login.ts';

export const pass: Command = {
  state: 'authorization',
  async run(session, argument) {
    if (refusedWithoutTls(session)) return;
    const { user } = session;
    // RFC 1939 7: only directly after USER; after a failure it begins anew with USER.
    session.user = null;
    if (user === null) {
      session.error('send USER first');
      return;
    }
    const password = argument === null ? null : text(argument, PASSWORD_OCTETS);
    if (!password) {
      session.error('PASS needs a password');
      return;
    }
    await logIn(session, user, password);
  },
};
