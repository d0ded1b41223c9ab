// An issuer of tokens on the loopback address: it signs them, publishes its keys, and says what they are when it is asked.

import { generateKeyPairSync, type KeyObject, randomUUID, sign } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

export type Algorithm = 'RS256' | 'ES256' | 'EdDSA';

interface Pair {
  readonly kid: string;
  readonly algorithm: Algorithm;
  readonly privateKey: KeyObject;
  readonly publicKey: KeyObject;
}

export const AUDIENCE = 'posthuis';
export const SECRET = 'quite secret';

function base64url(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}

function pair(algorithm: Algorithm): Pair {
  const kid = randomUUID();
  if (algorithm === 'RS256') return { kid, algorithm, ...generateKeyPairSync('rsa', { modulusLength: 2048 }) };
  if (algorithm === 'ES256') return { kid, algorithm, ...generateKeyPairSync('ec', { namedCurve: 'P-256' }) };
  return { kid, algorithm, ...generateKeyPairSync('ed25519') };
}

/** A signature of an algorithm over a text, by a key. */
export function signature(algorithm: Algorithm, text: string, key: KeyObject): string {
  const bytes = Buffer.from(text);
  if (algorithm === 'RS256') return sign('sha256', bytes, key).toString('base64url');
  if (algorithm === 'ES256') return sign('sha256', bytes, { key, dsaEncoding: 'ieee-p1363' }).toString('base64url');
  return sign(null, bytes, key).toString('base64url');
}

/** `await using issuer = await startIssuer()`. */
export async function startIssuer() {
  let pairs: Pair[] = (['RS256', 'ES256', 'EdDSA'] as const).map(pair);
  const state = {
    /** What it answers instead, while it is ill. */
    fault: null as 'error' | 'nonsense' | null,
    requests: 0,
    /** What it says of tokens, by token. */
    known: new Map<string, object>(),
    /** The credentials that it was asked with last. */
    authorization: '',
  };
  const jwks = () => ({
    keys: pairs.map(({ kid, algorithm, publicKey }) => ({
      ...publicKey.export({ format: 'jwk' }),
      ...{ kid, use: 'sig', alg: algorithm },
    })),
  });
  const server = createServer(async (request, response) => {
    state.requests++;
    if (state.fault === 'error') return void response.writeHead(503).end();
    if (state.fault === 'nonsense') return void response.end('<html>');
    if (request.method === 'GET') return void response.end(JSON.stringify(jwks()));
    state.authorization = request.headers.authorization ?? '';
    const body = (await Array.fromAsync(request)).join('');
    const token = new URLSearchParams(body).get('token') ?? '';
    response.end(JSON.stringify(state.known.get(token) ?? { active: false }));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const claims = (address: string, other: object = {}) => ({
    ...{ iss: url, aud: AUDIENCE, email: address, exp: Math.floor(Date.now() / 1000) + 600, ...other },
  });
  const token = (address: string, options: { algorithm?: Algorithm; claims?: object; header?: object } = {}) => {
    const key = pairs.find(({ algorithm }) => algorithm === (options.algorithm ?? 'ES256'));
    if (key === undefined) throw new Error('no such key');
    const head = base64url({ alg: key.algorithm, typ: 'JWT', kid: key.kid, ...options.header });
    const text = `${head}.${base64url(claims(address, options.claims))}`;
    return `${text}.${signature(key.algorithm, text, key.privateKey)}`;
  };
  return {
    ...{ url, state, claims, token, jwks },
    expected: { issuer: url, audience: AUDIENCE, claim: 'email' },
    /** New keys instead of those it had. */
    rotate: () => {
      pairs = (['RS256', 'ES256', 'EdDSA'] as const).map(pair);
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}
