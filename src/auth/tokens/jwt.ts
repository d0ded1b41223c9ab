// JSON Web Tokens (RFC 7519, RFC 7515) as an issuer signs them: by RS256, ES256 or EdDSA and nothing else. A token chooses
// among the keys that the issuer publishes, never how a key is used: each algorithm takes one kind of key, so that no
// public key becomes a secret of HMAC, and `none` is no algorithm (RFC 8725 2.1, 3.1).

import { createPublicKey, type JsonWebKeyInput, type KeyObject, verify } from 'node:crypto';
import { CLOCK_SKEW_S, RSA_BITS } from '../limits.ts';

export type Claims = Readonly<Record<string, unknown>>;

export interface Jwt {
  readonly algorithm: string;
  /** Names the key; absent where the issuer has one. */
  readonly kid: string | undefined;
  readonly claims: Claims;
  /** What is signed. */
  readonly signed: Buffer;
  readonly signature: Buffer;
}

/** A key that an issuer publishes. */
export interface IssuerKey {
  readonly kid: string | undefined;
  /** The one algorithm that it is for. */
  readonly algorithm: string;
  readonly key: KeyObject;
}

const COMPACT = /^([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)$/;
/** RFC 8725 3.11: what is a token for something else is none for us. */
const TYPES = [undefined, 'jwt', 'at+jwt', 'application/at+jwt'];

/** A token's parts, or null if it is none; nothing says yet that they are true. */
export function readJwt(token: string): Jwt | null {
  const [, head = '', body = '', signature = ''] = COMPACT.exec(token) ?? [];
  const [header, claims] = [objectOf(head), objectOf(body)];
  if (header === null || claims === null) return null;
  const { alg, kid, typ, crit } = header;
  // RFC 7515 4.1.11: we understand no extension.
  if (typeof alg !== 'string' || crit !== undefined) return null;
  if (kid !== undefined && typeof kid !== 'string') return null;
  if (!TYPES.includes(typeof typ === 'string' ? typ.toLowerCase() : undefined)) return null;
  return {
    ...{ algorithm: alg, kid, claims },
    signed: Buffer.from(`${head}.${body}`, 'latin1'),
    signature: Buffer.from(signature, 'base64url'),
  };
}

function objectOf(part: string): Record<string, unknown> | null {
  if (part === '') return null;
  try {
    const value: unknown = JSON.parse(Buffer.from(part, 'base64url').toString('utf8'));
    return isObject(value) ? value : null;
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** A published key (RFC 7517), or null if it is of a kind that we don't use, or too weak. */
export function issuerKey(jwk: unknown): IssuerKey | null {
  if (!isObject(jwk) || (jwk.use !== undefined && jwk.use !== 'sig')) return null;
  const { kid, alg } = jwk;
  const key = publicKey(jwk);
  const algorithm = key === null ? null : algorithmOf(key);
  if (key === null || algorithm === null || (alg !== undefined && alg !== algorithm)) return null;
  return { kid: typeof kid === 'string' ? kid : undefined, algorithm, key };
}

function publicKey(jwk: Record<string, unknown>): KeyObject | null {
  if (jwk.kty !== 'RSA' && jwk.kty !== 'EC' && jwk.kty !== 'OKP') return null;
  try {
    return createPublicKey({ key: jwk as JsonWebKeyInput['key'], format: 'jwk' });
  } catch {
    return null; // whatever is wrong with it, it is no key
  }
}

function algorithmOf({ asymmetricKeyType, asymmetricKeyDetails }: KeyObject): string | null {
  const { modulusLength = 0, namedCurve } = asymmetricKeyDetails ?? {};
  if (asymmetricKeyType === 'rsa') return modulusLength >= RSA_BITS ? 'RS256' : null;
  if (asymmetricKeyType === 'ec') return namedCurve === 'prime256v1' ? 'ES256' : null;
  return asymmetricKeyType === 'ed25519' ? 'EdDSA' : null;
}

/** Has this key signed it? */
export function isSignedBy({ algorithm, signed, signature }: Jwt, { key, algorithm: its }: IssuerKey): boolean {
  if (algorithm !== its) return false;
  switch (its) {
    case 'RS256':
      return verify('sha256', signed, key, signature);
    case 'ES256':
      return verify('sha256', signed, { key, dsaEncoding: 'ieee-p1363' }, signature);
    case 'EdDSA':
      return verify(null, signed, key, signature);
    default:
      return false;
  }
}

/** What a token's claims must say. */
export interface Expected {
  readonly issuer: string;
  readonly audience: string;
  /** Of the address. */
  readonly claim: string;
}

/** The address that claims speak for, if they are of this issuer, for us, and of now (RFC 7519 4.1); else null. */
export function addressOf(claims: Claims, { issuer, audience, claim }: Expected, now: number): string | null {
  const { iss, aud, exp, nbf } = claims;
  if (iss !== issuer || !(Array.isArray(aud) ? aud : [aud]).includes(audience)) return null;
  if (typeof exp !== 'number' || now >= exp + CLOCK_SKEW_S) return null;
  if (nbf !== undefined && (typeof nbf !== 'number' || now < nbf - CLOCK_SKEW_S)) return null;
  return claimedAddress(claims, claim);
}

/** The address in a claim, in lower case. */
export function claimedAddress(claims: Claims, claim: string): string | null {
  const address = claims[claim];
  // OpenID Connect Core 5.1: the issuer itself doubts it.
  if (claim === 'email' && claims.email_verified === false) return null;
  return typeof address === 'string' && address.includes('@') ? address.toLowerCase() : null;
}
