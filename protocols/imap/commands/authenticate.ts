// AUTHENTICATE (RFC 9051 6.2.2), with an initial response (SASL-IR, RFC 4959).

import { type Decoded, decodeInitialResponse, decodeResponse, type Mechanism } from '#protocols/sasl/mechanism.ts';
import { createMechanism } from '#protocols/sasl/mechanisms.ts';
import { BadCommand, Refusal } from '../grammar/errors.ts';
import { CONTINUATION_BYTES } from '../limits.ts';
import { logIn, privacyRequired } from '../login.ts';
import type { Session } from '../session.ts';
import type { Reply, Verb } from './verb.ts';

/** base64 or "=" */
const INITIAL = /[A-Za-z0-9+/]*=*/y;

export const authenticate: Verb = {
  state: 'unauthenticated',
  expunges: false,
  async run(session, { scanner }) {
    scanner.space();
    const mechanism = createMechanism(scanner.atom());
    const initial = scanner.take(' ') ? (scanner.match(INITIAL)?.[0] ?? '') : null;
    scanner.end();
    if (!session.mayLogIn) throw privacyRequired();
    if (mechanism === undefined) throw new Refusal('CANNOT', 'Unknown authentication mechanism');
    return await exchange(session, mechanism, initial);
  },
};

async function exchange(session: Session, mechanism: Mechanism, initial: string | null): Promise<Reply> {
  let response: Uint8Array | null = initial === null ? null : checked(decodeInitialResponse(initial));
  for (;;) {
    const step = mechanism.next(response);
    if (step.kind === 'password') return await logIn(session, step.login, step.password);
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
