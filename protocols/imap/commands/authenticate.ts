// AUTHENTICATE (RFC 9051 6.2.2), with an initial response (SASL-IR, RFC 4959).

import { beginExchange, type Exchange } from '#protocols/sasl/exchange.ts';
import { type Decoded, decodeInitialResponse, decodeResponse } from '#protocols/sasl/mechanism.ts';
import { BadCommand, Refusal } from '../grammar/errors.ts';
import { CONTINUATION_BYTES } from '../limits.ts';
import { conclude, privacyRequired } from '../login.ts';
import type { Session } from '../session.ts';
import type { Reply, Verb } from './verb.ts';

/** base64 or "=" */
const INITIAL = /[A-Za-z0-9+/]*=*/y;

export const authenticate: Verb = {
  state: 'unauthenticated',
  expunges: false,
  async run(session, { scanner }) {
    scanner.space();
    const name = scanner.atom();
    const mechanism = session.offers(`AUTH=${name}`) ? beginExchange(name, session.loginContext) : undefined;
    const initial = scanner.take(' ') ? (scanner.match(INITIAL)?.[0] ?? '') : null;
    scanner.end();
    if (!session.mayLogIn) throw privacyRequired();
    if (mechanism === undefined) throw new Refusal('CANNOT', 'Unknown authentication mechanism');
    return await exchange(session, mechanism, initial);
  },
};

async function exchange(session: Session, mechanism: Exchange, initial: string | null): Promise<Reply> {
  let response: Uint8Array | null = initial === null ? null : checked(decodeInitialResponse(initial));
  for (;;) {
    const step = await mechanism.next(response);
    if (step.kind === 'settled') return await conclude(session, step.login, step.answer);
    if (step.kind === 'failed') {
      if (step.reason === 'malformed') throw new BadCommand('Invalid response');
      throw new Refusal('AUTHORIZATIONFAILED', 'Not authorized to act as that user');
    }
    session.connection.out.text(`+ ${Buffer.from(step.data).toString('base64')}\r\n`);
    const line = await session.reader.line(CONTINUATION_BYTES);
    response = checked(line === null ? 'malformed' : decodeResponse(line));
  }
}

function checked(decoded: Decoded): Uint8Array {
  if (decoded === 'cancelled') throw new BadCommand('Authentication cancelled');
  if (decoded === 'malformed') throw new BadCommand('Invalid base64');
  return decoded;
}
