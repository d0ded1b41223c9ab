// The first refresh token of a route, by the authorization code flow (RFC 6749 4.1): who may use the mailbox agrees at a
// page of the service, which sends the browser back to a port of this machine's own with a code (RFC 8252 7.3) that only
// we can turn into tokens (PKCE, RFC 7636). It is the only way that Google has for mail.

import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { askService, type FirstTokenParts, printable, refreshTokenOf, refusalOf, TokenRefusal } from './first-token.ts';
import { AGREE_MS, BROWSER_WAIT_MS, BROWSERS } from './limits.ts';

export interface CodeLoginParts extends FirstTokenParts {
  /** Where the browser comes back to, on 127.0.0.1; 0: any that is free. */
  readonly port: number;
}

/** Google knows no scope of its own accord, and asks for none with a refresh token. */
const GOOGLE_MAIL = 'https://mail.google.com/';

/** The refresh token, once somebody has agreed. Rejects with TokenRefusal. */
export async function codeLogin(parts: CodeLoginParts): Promise<string> {
  const { oauth, ask, signal } = parts;
  const state = randomBytes(24).toString('base64url');
  const verifier = randomBytes(32).toString('base64url');
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  let redirect = '';
  let taken = false;
  const { createServer } = await import('node:http');
  const server = createServer((request, response) => {
    const answer = read(request, state);
    // RFC 6749 10.12: what does not know our state is somebody else's; icons that browsers ask for are nothing either.
    if (answer === null || taken) return say(response, 404, 'There is nothing here.');
    taken = true;
    exchange(parts, answer, redirect, verifier).then(
      (token) => {
        say(response, 200, 'The mail server has what it needs; this page can be closed.');
        resolve(token);
      },
      (error: unknown) => {
        say(response, 400, error instanceof TokenRefusal ? `No token: ${error.message}` : 'No token.');
        reject(error);
      },
    );
  });
  server.maxConnections = BROWSERS;
  server.requestTimeout = BROWSER_WAIT_MS;
  redirect = `http://127.0.0.1:${await listen(server, parts.port)}/`;
  const late = AbortSignal.timeout(AGREE_MS);
  const gone = () => reject(late.aborted ? new TokenRefusal('nobody has agreed in time') : signal.reason);
  for (const end of [late, signal]) end.addEventListener('abort', gone, { once: true });
  try {
    signal.throwIfAborted();
    ask(`open ${pageOf(oauth, redirect, state, verifier)}`);
    const { port } = new URL(redirect);
    ask(`in a browser on this machine, or on another one while it has: ssh -L ${port}:127.0.0.1:${port} THIS-MACHINE`);
    return await promise;
  } finally {
    signal.removeEventListener('abort', gone);
    server.close();
    server.closeIdleConnections();
  }
}

/** RFC 6749 4.1.1, RFC 7636 4.3. */
function pageOf(oauth: FirstTokenParts['oauth'], redirect: string, state: string, verifier: string): string {
  const page = new URL(oauth.authUrl);
  const google = oauth.provider === 'google';
  const parameters = {
    ...{ response_type: 'code', client_id: oauth.clientId, redirect_uri: redirect, state },
    scope: oauth.scope === '' && google ? GOOGLE_MAIL : oauth.scope,
    ...{ code_challenge: createHash('sha256').update(verifier).digest('base64url'), code_challenge_method: 'S256' },
    // Else who has agreed once gets no refresh token any more.
    ...(google ? { access_type: 'offline', prompt: 'consent' } : {}),
  };
  for (const [name, value] of Object.entries(parameters)) if (value !== '') page.searchParams.set(name, value);
  return page.href;
}

interface Returned {
  readonly code: string;
  /** '' if there is a code. */
  readonly error: string;
}

/** What the service says by the browser (RFC 6749 4.1.2); null if it is nothing of ours. */
function read({ method, url = '' }: IncomingMessage, state: string): Returned | null {
  const { pathname, searchParams } = URL.parse(url, 'http://127.0.0.1') ?? new URL('http://127.0.0.1/none');
  const given = Buffer.from(searchParams.get('state') ?? '');
  if (method !== 'GET' || pathname !== '/' || given.length !== state.length) return null;
  if (!timingSafeEqual(given, Buffer.from(state))) return null;
  const code = searchParams.get('code') ?? '';
  const about = [searchParams.get('error'), searchParams.get('error_description')].filter((part) => part !== null);
  return { code, error: code === '' ? printable(about.join(': ')) || 'without a code' : '' };
}

/** RFC 6749 4.1.3, RFC 7636 4.5. */
async function exchange(
  parts: CodeLoginParts,
  { code, error }: Returned,
  redirect: string,
  verifier: string,
): Promise<string> {
  if (error !== '') throw new TokenRefusal(`the service answers ${error}`);
  const { oauth, secret } = parts;
  const answer = await askService(parts, oauth.tokenUrl, {
    ...{ grant_type: 'authorization_code', code, redirect_uri: redirect, client_id: oauth.clientId },
    ...{ code_verifier: verifier, ...(secret === null ? {} : { client_secret: secret }) },
  });
  const token = refreshTokenOf(answer);
  if (token === null) throw refusalOf(answer);
  return token;
}

function listen(server: Server, port: number): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  server.on('error', (error) => reject(new TokenRefusal(`port ${port} can not be listened on: ${error.message}`)));
  server.listen(port, '127.0.0.1', () => resolve((server.address() as AddressInfo).port));
  return promise;
}

/** A page for a person, with nothing in it that a browser would run. */
function say(response: ServerResponse, status: number, text: string): void {
  response.writeHead(status, {
    ...{ 'content-type': 'text/plain; charset=utf-8', 'x-content-type-options': 'nosniff' },
    ...{ 'cache-control': 'no-store', 'referrer-policy': 'no-referrer', connection: 'close' },
  });
  response.end(`${text}\n`);
}
