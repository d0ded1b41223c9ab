// A login by SASL as the sessions run it: which mechanisms are offered, and an exchange of one of them up to the
// authenticator's answer. IMAP, POP3 and SMTP only frame its lines.

import type { ChannelBinding } from '../net/channel-binding.ts';
import type { AuthAnswer, Authenticator, AuthProtocol, Peer } from '../ports.ts';
import type { Mechanism, Step } from './mechanism.ts';
import { createMechanism, MECHANISMS } from './mechanisms.ts';
import { bearer, TOKEN_MECHANISMS } from './oauth.ts';
import { scram } from './scram.ts';

/** What the session does next. */
export type Move =
  | Exclude<Step, { readonly kind: 'password' }>
  /** The exchange is over: this is the answer. */
  | { readonly kind: 'settled'; readonly login: string; readonly answer: AuthAnswer };

/** One exchange. Made for one attempt and thrown away after it. */
export interface Exchange {
  /** Feed the client's response; null at the start when the client sent no initial response (RFC 4422 4). */
  next(response: Uint8Array | null): Promise<Move>;
}

/** Where a login happens. */
export interface LoginContext {
  readonly authenticator: Authenticator;
  readonly protocol: AuthProtocol;
  readonly peer: Peer;
  /** What the TLS connection can be bound to; null without. */
  readonly binding: ChannelBinding | null;
}

const SCRAM = 'SCRAM-SHA-256';
const SCRAM_PLUS = 'SCRAM-SHA-256-PLUS';

/** The mechanisms that are offered here, in the order in which they are advertised. */
export function offered({ authenticator, binding }: Pick<LoginContext, 'authenticator' | 'binding'>): string[] {
  return [
    ...MECHANISMS,
    SCRAM,
    ...(binding === null ? [] : [SCRAM_PLUS]),
    ...(authenticator.takesTokens ? TOKEN_MECHANISMS : []),
  ];
}

/** A new exchange of a mechanism (in any case), or undefined when it is not offered. */
export function beginExchange(mechanism: string, context: LoginContext): Exchange | undefined {
  const name = mechanism.toUpperCase();
  if (!offered(context).includes(name)) return undefined;
  const { authenticator, binding, peer, protocol } = context;
  if (TOKEN_MECHANISMS.includes(name)) return bearer(name, context);
  if (name === SCRAM || name === SCRAM_PLUS) {
    const look = (login: string) => authenticator.scram(login, peer, protocol);
    return scram({ plus: name === SCRAM_PLUS, binding, look });
  }
  const simple = createMechanism(name);
  return simple === undefined ? undefined : byPassword(simple, context);
}

function byPassword(mechanism: Mechanism, { authenticator, peer, protocol }: LoginContext): Exchange {
  return {
    async next(response) {
      const step = mechanism.next(response);
      if (step.kind !== 'password') return step;
      const answer = await authenticator.password(step.login, step.password, peer, protocol);
      return { kind: 'settled', login: step.login, answer };
    },
  };
}
