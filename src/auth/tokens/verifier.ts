// Verifies the bearer tokens of the configured issuer ([oauth]): by its published keys, or by asking it.

import { lookup } from 'node:dns/promises';
import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import type { Config } from '#config/schema.ts';
import { request } from '#protocols/http/client.ts';
import type { TokenVerifier } from '#protocols/ports.ts';
import { ISSUER_WAIT_MS, KEY_SET_CHARACTERS } from '../limits.ts';
import { Introspection } from './introspection.ts';
import { addressOf, type Expected, isSignedBy, readJwt } from './jwt.ts';
import { KeySet } from './key-set.ts';

/** Undefined where no issuer is configured. Throws if a file that is named can't be read. */
export function createTokenVerifier({ oauth, tls }: Pick<Config, 'oauth' | 'tls'>): TokenVerifier | undefined {
  if (oauth === null) return undefined;
  const extraCa = tls.extraCa === null ? [] : [readFileSync(tls.extraCa, 'utf8')];
  const { keys, introspection } = oauth;
  if (introspection !== null) {
    const secret = readFileSync(introspection.secretFile, 'utf8').trim();
    const asked = new Introspection((token) => introspect(introspection, secret, token, extraCa), oauth);
    return { verify: (token) => asked.address(token, unixNow()) };
  }
  const url = URL.parse(keys ?? '');
  return signedTokens(new KeySet(() => (url === null ? readFile(keys ?? '', 'utf8') : get(url, extraCa))), oauth);
}

/** Tokens that are signed with one of these keys. */
export function signedTokens(keys: KeySet, expected: Expected, now: () => number = unixNow): TokenVerifier {
  return {
    async verify(token) {
      const jwt = readJwt(token);
      // What is not of this issuer says nothing about its keys.
      if (jwt === null || addressOf(jwt.claims, expected, now()) === null) return null;
      const candidates = await keys.find(jwt.kid);
      return candidates.some((key) => isSignedBy(jwt, key)) ? addressOf(jwt.claims, expected, now()) : null;
    },
  };
}

function unixNow(): number {
  return Date.now() / 1000;
}

async function get(url: URL, extraCa: readonly string[]): Promise<string> {
  const headers = { accept: 'application/json' };
  return await reply(url, await ask(url, { method: 'GET', headers, extraCa }));
}

async function introspect(
  { url: where, clientId }: { readonly url: string; readonly clientId: string },
  secret: string,
  token: string,
  extraCa: readonly string[],
): Promise<string> {
  const url = new URL(where);
  // RFC 6749 2.3.1: both are encoded first.
  const credentials = `${encodeURIComponent(clientId)}:${encodeURIComponent(secret)}`;
  const headers = {
    accept: 'application/json',
    authorization: `Basic ${Buffer.from(credentials).toString('base64')}`,
    'content-type': 'application/x-www-form-urlencoded',
  };
  const body = new URLSearchParams({ token, token_type_hint: 'access_token' }).toString();
  return await reply(url, await ask(url, { method: 'POST', headers, body, extraCa }));
}

type Asked = Pick<Parameters<typeof request>[0], 'method' | 'headers' | 'body' | 'extraCa'>;

async function ask(url: URL, asked: Asked): ReturnType<typeof request> {
  const addresses = (await lookup(url.hostname.replace(/^\[|\]$/g, ''), { all: true })).map(({ address }) => address);
  return await request({ ...asked, url, addresses, waitMs: ISSUER_WAIT_MS, most: KEY_SET_CHARACTERS });
}

async function reply(url: URL, { status, text }: Awaited<ReturnType<typeof request>>): Promise<string> {
  if (status !== 200) throw new Error(`the issuer (${url.host}) answers ${status}`);
  return text;
}
