// AUTH (RFC 5034): SASL. Without a mechanism it lists them, as old programs expect (RFC 1734 had no other way).
import { TOO_LONG } from '../../net/connection.ts';
import { beginExchange, type Exchange, type Move, offered } from '../../sasl/exchange.ts';
import { type Decoded, decodeInitialResponse, decodeResponse } from '../../sasl/mechanism.ts';
import type { Command } from '../command.ts';
import { isBare } from '../grammar.ts';
import { conclude, refusedWithoutTls } from '../login.ts';
import type { Session } from '../session.ts';

export const auth: Command = {
  state: 'authorization',
  async run(session, argument) {
    if (refusedWithoutTls(session)) return;
    session.user = null;
    if (argument === null || isBare(argument)) {
      session.connection.out.text(`+OK\r\n${offered(session.loginContext).join('\r\n')}\r\n.\r\n`);
      return;
    }
    const [name = '', initial, ...rest] = argument.toString('latin1').trim().split(/ +/);
    const mechanism = beginExchange(name, session.loginContext);
    if (mechanism === undefined || rest.length > 0) {
      session.error('no such mechanism');
      return;
    }
    await exchange(session, mechanism, initial);
  },
};

async function exchange(session: Session, mechanism: Exchange, initial: string | undefined): Promise<void> {
  let decoded: Decoded | null = initial === undefined ? null : decodeInitialResponse(initial);
  for (;;) {
    if (decoded === 'cancelled') {
      session.error('cancelled'); // RFC 5034 4
      return;
    }
    const step: Move =
      decoded === 'malformed' ? { kind: 'failed', reason: 'malformed' } : await mechanism.next(decoded);
    if (step.kind === 'settled') return await conclude(session, step.answer);
    if (step.kind === 'failed') return fail(session, step.reason);
    session.connection.out.text(`+ ${Buffer.from(step.data).toString('base64')}\r\n`);
    const line = await session.line();
    decoded = line === TOO_LONG ? 'malformed' : decodeResponse(line.toString('latin1'));
  }
}

function fail(session: Session, reason: 'malformed' | 'authorization'): void {
  if (reason === 'malformed') session.error('malformed response');
  else session.error('no login may act as another one', 'AUTH');
}
