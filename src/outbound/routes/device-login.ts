// The first refresh token of a route, by the device flow (RFC 8628): who may use the mailbox opens a page anywhere, enters a
// code and agrees, and the service then gives us the token. Microsoft offers it; Google does not for mail.

import { setTimeout as sleep } from 'node:timers/promises';
import type { OAuthConfig } from '#config/routes.ts';
import { HttpFailure, type HttpReply, request } from '#protocols/http/client.ts';
import type { AddressesOf } from './addresses.ts';
import { DEVICE_MS, TOKEN_CHARACTERS, TOKEN_WAIT_MS } from './limits.ts';

export interface DeviceLoginParts {
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
export class DeviceRefusal extends Error {}

/** RFC 8628 3.2: where the service says no other. */
const INTERVAL_S = 5;

/** The refresh token, once somebody has agreed. Rejects with DeviceRefusal. */
export async function deviceLogin(parts: DeviceLoginParts): Promise<string> {
  const { oauth, ask, signal } = parts;
  const asked = read(await post(parts, oauth.deviceUrl, { client_id: oauth.clientId, scope: oauth.scope }));
  const { device_code: code, user_code: userCode, verification_uri: page, expires_in: seconds, interval } = asked.said;
  if (typeof code !== 'string' || typeof userCode !== 'string' || typeof page !== 'string') throw refusal(asked);
  ask(`open ${printable(page)} and enter the code ${printable(userCode)}`);
  const until = performance.now() + Math.min(Number(seconds) > 0 ? Number(seconds) * 1_000 : DEVICE_MS, DEVICE_MS);
  let wait = Number(interval) >= 0 ? Math.min(Number(interval), 60) : INTERVAL_S;
  while (performance.now() < until) {
    await sleep(wait * 1_000, undefined, { signal });
    const answer = read(
      await post(parts, oauth.tokenUrl, {
        ...{ grant_type: 'urn:ietf:params:oauth:grant-type:device_code', device_code: code, client_id: oauth.clientId },
        ...(parts.secret === null ? {} : { client_secret: parts.secret }),
      }),
    );
    const { error, refresh_token: token } = answer.said;
    if (answer.status === 200 && typeof token === 'string' && token !== '') return token;
    // RFC 8628 3.5: the only two that mean going on.
    if (error === 'slow_down') wait += INTERVAL_S;
    else if (error !== 'authorization_pending') throw refusal(answer);
  }
  throw new DeviceRefusal('nobody has agreed in time');
}

interface Answer {
  readonly status: number;
  readonly said: Readonly<Record<string, unknown>>;
}

async function post({ addressesOf, extraCa, signal }: DeviceLoginParts, target: string, form: Record<string, string>) {
  const url = new URL(target);
  try {
    return await request({
      ...{ url, method: 'POST', body: new URLSearchParams(form).toString(), extraCa, signal },
      headers: { 'content-type': 'application/x-www-form-urlencoded', accept: 'application/json' },
      ...{ addresses: await addressesOf(url.hostname), waitMs: TOKEN_WAIT_MS, most: TOKEN_CHARACTERS },
    });
  } catch (error) {
    if (error instanceof HttpFailure) throw new DeviceRefusal(error.message);
    throw error;
  }
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

function refusal({ status, said }: Answer): DeviceRefusal {
  const { error, error_description: about } = said;
  const text = [error, about].filter((part) => typeof part === 'string').join(': ');
  // Without offline_access in its scope there is an access token and no refresh token.
  return new DeviceRefusal(`the service answers ${status} ${printable(text) || 'without a refresh token'}`);
}

function printable(text: string): string {
  return text.replace(/\p{Cc}+/gu, ' ').slice(0, 400);
}
