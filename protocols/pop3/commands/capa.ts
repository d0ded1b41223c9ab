// CAPA (RFC 2449 5): what this server can do in this state.
import { offered } from '../../sasl/exchange.ts';
import type { Command } from '../command.ts';
import type { Session } from '../session.ts';

export const capa: Command = {
  state: 'any',
  run(session) {
    session.ok('capability list follows');
    for (const capability of capabilities(session)) session.connection.out.text(`${capability}\r\n`);
    session.connection.out.text('.\r\n');
  },
};

function capabilities(session: Session): string[] {
  const list = ['TOP', 'UIDL', 'RESP-CODES', 'AUTH-RESP-CODE', 'PIPELINING', 'UTF8 USER', 'IMPLEMENTATION Posthuis'];
  // RFC 2595 4: not offered once TLS is there. RFC 8314 3.3: no password is asked for before it.
  if (session.mayLogIn) list.push('USER', `SASL ${offered(session.loginContext).join(' ')}`);
  if (!session.connection.secure && session.maildrop === null) list.push('STLS');
  return list;
}
