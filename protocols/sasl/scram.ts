// SCRAM-SHA-256 and SCRAM-SHA-256-PLUS (RFC 5802, RFC 7677): the password never comes over the wire, and with PLUS
// nobody stands between.

import { createHash, createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import type { ChannelBinding } from '../net/channel-binding.ts';
import type { AuthAnswer, ScramLogin } from '../ports.ts';
import type { Exchange, Move } from './exchange.ts';
import { LOGIN_OCTETS, NONCE_BYTES, NONCE_CHARS } from './limits.ts';
import { text } from './mechanism.ts';

export interface ScramParts {
  /** PLUS: the exchange is bound to the TLS connection. */
  readonly plus: boolean;
  /** What the connection can be bound to; null without TLS, and then PLUS is not offered. */
  readonly binding: ChannelBinding | null;
  /** Asks for the keys of a login. */
  readonly look: (login: string) => Promise<ScramLogin | Extract<AuthAnswer, { readonly ok: false }>>;
}

const MALFORMED: Move = { kind: 'failed', reason: 'malformed' };
const ASK: Move = { kind: 'challenge', data: new Uint8Array(0) };
const RESPONSE_OCTETS = 4_096;

export function scram(parts: ScramParts): Exchange {
  let next = (response: Uint8Array) => first(parts, response);
  return {
    async next(response) {
      if (response === null) return ASK;
      const { move, answer } = await next(response);
      next = answer ?? (async () => ({ move: MALFORMED }));
      return move;
    },
  };
}

/** What to do, and how the answer to it is taken. */
interface Turn {
  readonly move: Move;
  readonly answer?: (response: Uint8Array) => Promise<Turn>;
}

/** client-first-message = gs2-header client-first-message-bare (RFC 5802 7) */
const FIRST = /^((?:([ny])|p=([A-Za-z0-9.-]+)),(?:a=([^,]*))?,)(n=([^,]*),r=([\x21-\x2b\x2d-\x7e]+)(?:,.*)?)$/s;

async function first(parts: ScramParts, response: Uint8Array): Promise<Turn> {
  const found = FIRST.exec(text(response, RESPONSE_OCTETS) ?? '');
  if (found === null) return { move: MALFORMED };
  const [, header = '', flag, type, authorization, bare = '', name = '', nonce = ''] = found;
  const bound = boundData(parts, flag, type);
  const login = unescaped(name);
  if (bound === null || !login || login.length > LOGIN_OCTETS || nonce.length > NONCE_CHARS) return { move: MALFORMED };
  if (authorization !== undefined && unescaped(authorization) !== login) {
    return { move: { kind: 'failed', reason: 'authorization' } };
  }
  const account = await parts.look(login);
  if (!account.ok) return { move: { kind: 'settled', login, answer: account } };
  const whole = nonce + randomBytes(NONCE_BYTES).toString('base64');
  const { salt, iterations } = account.keys;
  const challenge = `r=${whole},s=${salt},i=${iterations}`;
  const state = { login, found: account, nonce: whole, said: `${bare},${challenge}` };
  const binding = Buffer.concat([Buffer.from(header, 'utf8'), bound]).toString('base64');
  return {
    move: { kind: 'challenge', data: Buffer.from(challenge) },
    answer: (proof) => final(state, binding, proof),
  };
}

/** The bytes that the exchange is bound to; null where the flag does not fit (RFC 5802 6). */
function boundData({ plus, binding }: ScramParts, flag?: string, type?: string): Uint8Array | null {
  if (!plus) {
    // `y`: the client could bind and believes that we can't. If we can, somebody has told it otherwise.
    return flag === 'n' || (flag === 'y' && binding === null) ? new Uint8Array(0) : null;
  }
  if (type === 'tls-exporter') return binding?.exporter() ?? null; // RFC 9266
  return type === 'tls-server-end-point' ? (binding?.serverEndPoint() ?? null) : null; // RFC 5929 4
}

interface State {
  readonly login: string;
  readonly found: ScramLogin;
  readonly nonce: string;
  /** client-first-message-bare "," server-first-message */
  readonly said: string;
}

/** client-final-message = channel-binding "," nonce ["," extensions] "," proof */
const FINAL = /^((?:c=([A-Za-z0-9+/=]+)),r=([\x21-\x2b\x2d-\x7e]+)(?:,.*)?),p=([A-Za-z0-9+/]{43}=)$/s;

async function final(state: State, binding: string, response: Uint8Array): Promise<Turn> {
  const found = FINAL.exec(text(response, RESPONSE_OCTETS) ?? '');
  if (found === null) return { move: MALFORMED };
  const [, withoutProof = '', bound, nonce, proof = ''] = found;
  const { keys, settle } = state.found;
  const message = `${state.said},${withoutProof}`;
  const storedKey = Buffer.from(keys.storedKey, 'base64');
  const clientKey = xor(Buffer.from(proof, 'base64'), hmac(storedKey, message));
  // All is looked at, in the same time whatever is wrong.
  const proven = timingSafeEqual(createHash('sha256').update(clientKey).digest(), storedKey);
  const right = proven && bound === binding && nonce === state.nonce;
  const { login } = state;
  const answer = await settle(right, clientKey.toString('base64'));
  if (!answer.ok) return { move: { kind: 'settled', login, answer } };
  const signature = hmac(Buffer.from(keys.serverKey, 'base64'), message).toString('base64');
  return {
    move: { kind: 'challenge', data: Buffer.from(`v=${signature}`) },
    // RFC 4422 3.6: where success carries no data, the client answers the last challenge with nothing.
    answer: async (end) => ({ move: end.length === 0 ? { kind: 'settled', login, answer } : MALFORMED }),
  };
}

function hmac(key: Uint8Array, message: string): Buffer {
  return createHmac('sha256', key).update(message, 'utf8').digest();
}

function xor(a: Buffer, b: Buffer): Buffer {
  return Buffer.from(a.map((byte, at) => byte ^ (b[at] ?? 0)));
}

/** saslname: `=2C` is a comma, `=3D` an equals sign, and nothing else is escaped (RFC 5802 5.1); null if it is not. */
function unescaped(name: string): string | null {
  if (/=(?!2C|3D)/.test(name)) return null;
  return name.replaceAll('=2C', ',').replaceAll('=3D', '=');
}
