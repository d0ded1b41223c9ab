// OAUTHBEARER (RFC 7628) and XOAUTH2 (Google's, from before it): a token instead of a password. Offered only where an
// issuer's tokens can be verified.

import type { Exchange, LoginContext, Move } from './exchange.ts';
import { LOGIN_OCTETS, TOKEN_CHARS } from './limits.ts';
import { text } from './mechanism.ts';

export const TOKEN_MECHANISMS: readonly string[] = ['OAUTHBEARER', 'XOAUTH2'];

const MALFORMED: Move = { kind: 'failed', reason: 'malformed' };
const ASK: Move = { kind: 'challenge', data: new Uint8Array(0) };

interface Claim {
  /** '' where the token alone says who it is. */
  readonly login: string;
  readonly token: string;
}

/** An exchange of one of these mechanisms. */
export function bearer(name: string, { authenticator, peer, protocol }: LoginContext): Exchange {
  const parse = name === 'XOAUTH2' ? xoauth2 : oauthbearer;
  let refused: Move | null = null;
  return {
    async next(response) {
      // RFC 7628 3.2.3: the client has seen why; whatever it says, the exchange ends.
      if (refused !== null) return refused;
      if (response === null) return ASK;
      const claim = parse(text(response, LOGIN_OCTETS + TOKEN_CHARS) ?? '');
      if (claim === null) return MALFORMED;
      const answer = await authenticator.token(claim.login, claim.token, peer, protocol);
      const settled: Move = { kind: 'settled', login: claim.login, answer };
      if (answer.ok || answer.reason !== 'rejected') return settled;
      refused = settled;
      return { kind: 'challenge', data: Buffer.from(JSON.stringify({ status: 'invalid_token' })) };
    },
  };
}

/** Between the pairs, and twice at the end (RFC 7628 3.1). */
const SEPARATOR = '\x01';
const GS2 = /^[ny],(?:a=([^,]*))?,$/;
const BEARER = /^auth=bearer +([A-Za-z0-9._~+/-]+=*)$/i;

/** gs2-header kvsep *kvpair kvsep (RFC 7628 3.1) */
function oauthbearer(message: string): Claim | null {
  const [head = '', ...pairs] = message.split(SEPARATOR);
  const found = GS2.exec(head);
  return found === null ? null : claim((found[1] ?? '').replaceAll('=2C', ',').replaceAll('=3D', '='), pairs);
}

/** "user=" name kvsep "auth=Bearer " token kvsep kvsep */
function xoauth2(message: string): Claim | null {
  const [head = '', ...pairs] = message.split(SEPARATOR);
  return head.startsWith('user=') ? claim(head.slice('user='.length), pairs) : null;
}

function claim(login: string, pairs: readonly string[]): Claim | null {
  if (pairs.length < 2 || pairs.at(-1) !== '' || pairs.at(-2) !== '') return null;
  const [token] = pairs.flatMap((pair) => BEARER.exec(pair)?.[1] ?? []);
  if (token === undefined || token.length > TOKEN_CHARS || login.length > LOGIN_OCTETS) return null;
  return { login, token };
}
