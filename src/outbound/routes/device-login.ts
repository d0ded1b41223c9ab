// The first refresh token of a route, by the device flow (RFC 8628): who may use the mailbox opens a page anywhere, enters a
// code and agrees, and the service then gives us the token. Microsoft offers it; Google does not for mail.

import { setTimeout as sleep } from 'node:timers/promises';
import { askService, type FirstTokenParts, printable, refreshTokenOf, refusalOf, TokenRefusal } from './first-token.ts';
import { AGREE_MS } from './limits.ts';

/** RFC 8628 3.2: where the service says no other. */
const INTERVAL_S = 5;

/** The refresh token, once somebody has agreed. Rejects with TokenRefusal. */
export async function deviceLogin(parts: FirstTokenParts): Promise<string> {
  const { oauth, ask, signal } = parts;
  const asked = await askService(parts, oauth.deviceUrl, { client_id: oauth.clientId, scope: oauth.scope });
  const { device_code: code, user_code: userCode, verification_uri: page, expires_in: seconds, interval } = asked.said;
  if (typeof code !== 'string' || typeof userCode !== 'string' || typeof page !== 'string') throw refusalOf(asked);
  ask(`open ${printable(page)} and enter the code ${printable(userCode)}`);
  const until = performance.now() + Math.min(Number(seconds) > 0 ? Number(seconds) * 1_000 : AGREE_MS, AGREE_MS);
  let wait = Number(interval) >= 0 ? Math.min(Number(interval), 60) : INTERVAL_S;
  while (performance.now() < until) {
    await sleep(wait * 1_000, undefined, { signal });
    const answer = await askService(parts, oauth.tokenUrl, {
      ...{ grant_type: 'urn:ietf:params:oauth:grant-type:device_code', device_code: code, client_id: oauth.clientId },
      ...(parts.secret === null ? {} : { client_secret: parts.secret }),
    });
    const token = refreshTokenOf(answer);
    if (token !== null) return token;
    // RFC 8628 3.5: the only two that mean going on.
    const { error } = answer.said;
    if (error === 'slow_down') wait += INTERVAL_S;
    else if (error !== 'authorization_pending') throw refusalOf(answer);
  }
  throw new TokenRefusal('nobody has agreed in time');
}
