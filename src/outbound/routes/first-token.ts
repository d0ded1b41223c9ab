// What the two ways to the first refresh token of a route have in common: questions to the token service, and its no.

import type { OAuthConfig } from '#config/routes.ts';
import { HttpFailure, type HttpReply, request } from '#protocols/http/client.ts';
import type { AddressesOf } from './addresses.ts';
import { TOKEN_CHARACTERS, TOKEN_WAIT_MS } from './limits.ts';

export interface FirstTokenParts {
  readonly oauth: OAuthConfig;
  /** The application's secret; null: it has none. */
  readonly secret: string | null;
  readonly addressesOf: AddressesOf;
  readonly extraCa: readonly string[];
  /** Told what somebody has to do now. */
  readonly ask: (text: string) => void;
  readonly signal: AbortSignal;
}

/** The service says no, or nobody agreed. */
export class TokenRefusal extends Error {}

/** What a service has answered. */
export interface Answer {
  readonly status: number;
  readonly said: Readonly<Record<string, unknown>>;
}

/** Sends a form; rejects with TokenRefusal where nobody answers. */
export async function askService(
  { addressesOf, extraCa, signal }: FirstTokenParts,
  target: string,
  form: Readonly<Record<string, string>>,
): Promise<Answer> {
  const url = new URL(target);
  try {
    return read(
      await request({
        ...{ url, method: 'POST', body: new URLSearchParams(form).toString(), extraCa, signal },
        headers: { 'content-type': 'application/x-www-form-urlencoded', accept: 'application/json' },
        ...{ addresses: await addressesOf(url.hostname), waitMs: TOKEN_WAIT_MS, most: TOKEN_CHARACTERS },
      }),
    );
  } catch (error) {
    if (error instanceof HttpFailure) throw new TokenRefusal(error.message);
    throw error;
  }
}

/** The refresh token of an answer, or null. */
export function refreshTokenOf({ status, said }: Answer): string | null {
  const { refresh_token: token } = said;
  return status === 200 && typeof token === 'string' && token !== '' ? token : null;
}

/** Why there is none. */
export function refusalOf({ status, said }: Answer): TokenRefusal {
  const { error, error_description: about } = said;
  const text = [error, about].filter((part) => typeof part === 'string').join(': ');
  // Without offline_access in its scope there is an access token and no refresh token.
  return new TokenRefusal(`the service answers ${status} ${printable(text) || 'without a refresh token'}`);
}

/** For a terminal. */
export function printable(text: string): string {
  return text.replace(/\p{Cc}+/gu, ' ').slice(0, 400);
}

function read({ status, text }: HttpReply): Answer {
  try {
    const said: unknown = JSON.parse(text);
    return { status, said: typeof said === 'object' && said !== null ? (said as Answer['said']) : {} };
  } catch (error) {
    if (error instanceof SyntaxError) return { status, said: {} };
    throw error;
  }
}
