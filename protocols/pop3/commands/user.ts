// USER (RFC 1939 7): always welcome, so that nobody learns from it who is here.
import { LOGIN_OCTETS } from '../../sasl/limits.ts';
import { text } from '../../sasl/mechanism.ts';
import type { Command } from '../command.ts';
import { refusedWithoutTls } from '../login.ts';

export const user: Command = {
  state: 'authorization',
  run(session, argument) {
    if (refusedWithoutTls(session)) return;
    // RFC 6856 2.2: a UTF-8 name, with or without the UTF8 command.
    const name = argument === null ? null : text(argument, LOGIN_OCTETS)?.trim();
    if (!name) {
      session.error('USER needs a name');
      return;
    }
    session.user = name;
    session.ok('send PASS');
  },
};
