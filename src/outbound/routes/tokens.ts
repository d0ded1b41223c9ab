// Access tokens of OAuth 2 (RFC 6749), as Google and Microsoft give them: made from a refresh token or by the application
// itself, kept in memory until shortly before they expire. One is made at a time for each credential in the whole process.
// A refresh token that comes with it replaces the one before, durably, before the new access token is used: the old one
// may be worth nothing from then on.

import type { Logger } from 'pino';
import type { OAuthConfig, RouteConfig } from '#config/routes.ts';
import { HttpFailure, type HttpReply, request } from '#protocols/http/client.ts';
import { StoreError } from '#storage/errors.ts';
import type { RouteCredentials } from '#storage/ports.ts';
import { NoRoute } from '../carrier.ts';
import type { AddressesOf } from './addresses.ts';
import { TOKEN_CHARACTERS, TOKEN_LIFE_MS, TOKEN_MARGIN_MS, TOKEN_WAIT_MS } from './limits.ts';

export interface AccessTokensParts {
  readonly credentials: RouteCredentials;
  readonly addressesOf: AddressesOf;
  readonly extraCa: readonly string[];
  readonly log: Logger;
  /** Milliseconds of a clock that never goes back. */
  readonly clock?: () => number;
}

interface Kept {
  readonly token: string;
  /** Of the credential that it was made from. */
  readonly version: number;
  readonly until: number;
}

interface Granted {
  readonly token: string;
  readonly lifeMs: number;
  /** Replaces the one that was used; null: that one stays good. */
  readonly refreshToken: string | null;
}

export class AccessTokens {
  readonly #parts: AccessTokensParts;
  readonly #clock: () => number;
  readonly #kept = new Map<string, Kept>();

  constructor(parts: AccessTokensParts) {
    this.#parts = parts;
    this.#clock = parts.clock ?? (() => performance.now());
  }

  /** A token for a credential. `refused`: one that was not taken. Rejects with NoRoute. */
  async get(route: RouteConfig, oauth: OAuthConfig, owner: string, refused?: string): Promise<string> {
    const key = `${route.name}/${owner}`;
    // A web lock is the process's: the scheduler and a command renew one after the other.
    return await navigator.locks.request(`posthuis token ${key}`, async () => {
      const { credential, secret } = await this.#source(route, oauth, owner);
      const kept = this.#kept.get(key);
      const good = kept !== undefined && kept.version === credential.version && kept.until > this.#clock();
      if (good && kept.token !== refused) return kept.token;
      const granted = await this.#ask(route, oauth, oauth.grant === 'refresh_token' ? secret : null);
      const version = await this.#keepRefreshToken(credential, secret, granted);
      const life = Math.max(0, granted.lifeMs - Math.min(TOKEN_MARGIN_MS, granted.lifeMs / 2));
      this.#kept.set(key, { token: granted.token, version, until: this.#clock() + life });
      return granted.token;
    });
  }

  /** What a token is made from: it is read each time, since it may have been set anew. */
  async #source({ name }: RouteConfig, { grant }: OAuthConfig, owner: string) {
    const kind = grant === 'refresh_token' ? 'refresh-token' : 'client-secret';
    const found = await this.#secret(name, owner, kind);
    if (found === undefined) throw ours(`route ${name} has no ${kind}`);
    return found;
  }

  async #secret(name: string, owner: string, kind: 'refresh-token' | 'client-secret') {
    try {
      return await this.#parts.credentials.secret(name, owner, kind);
    } catch (error) {
      if (!(error instanceof StoreError)) throw error;
      throw ours(error.message);
    }
  }

  /** Durable before the access token is used; the version that it is made from now. */
  async #keepRefreshToken(
    credential: Parameters<RouteCredentials['set']>[0] & { readonly version: number },
    before: string,
    { refreshToken }: Granted,
  ): Promise<number> {
    if (credential.kind !== 'refresh-token' || refreshToken === null || refreshToken === before) {
      return credential.version;
    }
    const { route, owner, kind, login, version } = credential;
    const kept = await this.#parts.credentials.set({ route, owner, kind, login }, refreshToken, version);
    // Set anew by somebody meanwhile: that one counts the next time.
    if (!kept) return version;
    return (await this.#parts.credentials.secret(route, owner, kind))?.credential.version ?? version;
  }

  async #ask(route: RouteConfig, oauth: OAuthConfig, refreshToken: string | null): Promise<Granted> {
    const secret = await this.#secret(route.name, '', 'client-secret');
    const form = new URLSearchParams({
      grant_type: oauth.grant,
      client_id: oauth.clientId,
      ...(secret === undefined ? {} : { client_secret: secret.secret }),
      ...(refreshToken === null ? {} : { refresh_token: refreshToken }),
      ...(oauth.scope === '' ? {} : { scope: oauth.scope }),
    });
    const url = new URL(oauth.tokenUrl);
    const { addressesOf, extraCa } = this.#parts;
    try {
      const reply = await request({
        ...{ url, method: 'POST', body: form.toString(), extraCa, waitMs: TOKEN_WAIT_MS, most: TOKEN_CHARACTERS },
        headers: { 'content-type': 'application/x-www-form-urlencoded', accept: 'application/json' },
        addresses: await addressesOf(url.hostname),
      });
      return granted(reply, url.host);
    } catch (error) {
      if (!(error instanceof HttpFailure)) throw error;
      throw later(`no token for route ${route.name}: ${error.message}`);
    }
  }
}

/** Reads what a token service says (RFC 6749 5); throws a NoRoute where that is no token. */
export function granted({ status, text }: HttpReply, host: string): Granted {
  const said = parsed(text);
  if (status !== 200) {
    const code = typeof said.error === 'string' ? said.error : '';
    const about = typeof said.error_description === 'string' ? said.error_description : '';
    const what = `${host} gives no token: ${status} ${printable(`${code} ${about}`)}`.trimEnd();
    // 429 and 5xx pass; invalid_grant (the consent is withdrawn, or too old) and its like wait for somebody.
    throw status >= 400 && status < 500 && status !== 429 && status !== 408 ? ours(what) : later(what);
  }
  const { access_token: token, expires_in: seconds, refresh_token: refreshToken } = said;
  if (typeof token !== 'string' || token === '' || !/^[\x21-\x7e]+$/.test(token)) {
    throw later(`${host} gives no token: its answer has none`);
  }
  const lifeMs = Number(seconds) > 0 ? Math.min(Number(seconds) * 1_000, TOKEN_LIFE_MS) : TOKEN_LIFE_MS;
  return { token, lifeMs, refreshToken: typeof refreshToken === 'string' && refreshToken !== '' ? refreshToken : null };
}

function parsed(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
  } catch (error) {
    if (error instanceof SyntaxError) return {};
    throw error;
  }
}

function printable(text: string): string {
  return text.replace(/\p{Cc}+/gu, ' ').slice(0, 400);
}

function ours(text: string): NoRoute {
  return new NoRoute({ code: 451, enhanced: '4.7.8', text }, '', '', true);
}

function later(text: string): NoRoute {
  return new NoRoute({ code: 451, enhanced: '4.4.0', text });
}
