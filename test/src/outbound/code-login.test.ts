// The authorization code flow over sockets: the browser comes back to us, with what is ours and with what is not.
import { request } from 'node:http';
import { expect, test } from 'vitest';
import { codeLogin } from '#src/outbound/routes/code-login.ts';
import { type Cloud, cloud } from '#test/support/cloud.ts';
import { readRoutes } from '#test/support/routes.ts';

interface Going {
  readonly at: Cloud;
  /** The page that somebody is asked to open. */
  readonly page: URL;
  readonly token: Promise<string>;
  readonly stop: AbortController;
}

async function going(work: (going: Going) => Promise<void>, table: object = {}, port = 0): Promise<void> {
  await using at = await cloud();
  const { routes } = readRoutes({
    routes: [
      {
        ...{ name: 'google', preset: 'gmail', client_id: 'app', token_url: `${at.url}/token` },
        ...{ auth_url: `${at.url}/auth`, ...table },
      },
    ],
  });
  const oauth = routes[0]?.oauth;
  if (oauth == null) throw new Error('the route has no OAuth 2');
  const asked = Promise.withResolvers<URL>();
  const stop = new AbortController();
  const ask = (text: string) => {
    if (text.startsWith('open ')) asked.resolve(new URL(text.slice('open '.length)));
  };
  const token = codeLogin({
    ...{ oauth, ask, port, secret: at.secret, extraCa: [], signal: stop.signal },
    addressesOf: async () => ['127.0.0.1'],
  });
  token.catch(asked.reject);
  try {
    await work({ at, page: await asked.promise, token, stop });
  } finally {
    stop.abort();
    await token.catch(() => {}); // its own test looks at it
  }
}

const back = ({ page }: Going): URL => new URL(page.searchParams.get('redirect_uri') ?? '');

/** A request of anybody's to our port; its status. */
function knock(url: URL, method = 'GET'): Promise<number> {
  return new Promise((resolve, reject) => {
    const asked = request(url, { method, agent: false }, (response) => {
      response.resume().on('end', () => resolve(response.statusCode ?? 0));
    });
    asked.on('error', reject).end();
  });
}

test('the code that the browser brings becomes a refresh token, with the secret that only we know', () =>
  going(async ({ at, page, token }) => {
    expect(Object.fromEntries(page.searchParams)).toMatchObject({
      ...{ response_type: 'code', client_id: 'app', scope: 'https://mail.google.com/', access_type: 'offline' },
      ...{ redirect_uri: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+\/$/), code_challenge_method: 'S256' },
      ...{ prompt: 'consent', code_challenge: expect.stringMatching(/^[\w-]{43}$/) },
    });
    expect(page.href).not.toContain(at.secret);
    const response = await fetch(page);
    expect([response.status, response.headers.get('content-type')]).toEqual([200, 'text/plain; charset=utf-8']);
    expect(await token).toBe(at.refreshToken);
    const [form] = at.asked;
    expect(form?.get('code_verifier')).toMatch(/^[\w-]{43}$/);
    expect(form?.get('client_secret')).toBe(at.secret);
  }));

test('what does not bring our state changes nothing', () =>
  going(async (all) => {
    const state = all.page.searchParams.get('state') ?? '';
    const with_ = (changes: Record<string, string>, path = '/') => {
      const url = new URL(path, back(all));
      for (const [name, value] of Object.entries(changes)) url.searchParams.set(name, value);
      return url;
    };
    expect(await knock(with_({ code: 'code-1' }))).toBe(404);
    expect(await knock(with_({ code: 'code-1', state: state.replace(/^./, (c) => (c === 'A' ? 'B' : 'A')) }))).toBe(
      404,
    );
    expect(await knock(with_({ code: 'code-1', state: 'ä'.repeat(state.length / 2) }))).toBe(404);
    expect(await knock(with_({ code: 'code-1', state }, '/favicon.ico'))).toBe(404);
    expect(await knock(with_({ code: 'code-1', state }), 'POST')).toBe(404);
    expect(all.at.asked).toEqual([]);
    expect((await fetch(all.page)).status).toBe(200);
    expect(await all.token).toBe(all.at.refreshToken);
  }));

test('a code that is not for us is no token, and the browser is told', () =>
  going(async (all) => {
    const url = back(all);
    url.searchParams.set('state', all.page.searchParams.get('state') ?? '');
    url.searchParams.set('code', 'another');
    expect(await knock(url)).toBe(400);
    await expect(all.token).rejects.toThrow('the service answers 400 invalid_grant: AADSTS70000: no');
  }));

test('who does not agree is told so, and so is the administrator', () =>
  going(async ({ at, page, token }) => {
    at.failPage = () => 'access_denied\u0007';
    const response = await fetch(page);
    expect([response.status, await response.text()]).toEqual([400, 'No token: the service answers access_denied \n']);
    await expect(token).rejects.toThrow('the service answers access_denied');
    expect(at.asked).toEqual([]);
  }));

test('the command can be stopped, and the port is free again', () =>
  going(async (all) => {
    all.stop.abort(new Error('stopped'));
    await expect(all.token).rejects.toThrow('stopped');
    await expect(knock(back(all))).rejects.toThrow('ECONNREFUSED');
  }));

test('a port that is taken is said', () =>
  going(async (all) => {
    const port = Number(back(all).port);
    await expect(going(async () => {}, {}, port)).rejects.toThrow(`port ${port} can not be listened on`);
  }));
