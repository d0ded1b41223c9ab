// Routes with OAuth 2: tokens are made, kept, renewed and replaced, and what goes wrong with them is nobody's bounce.
import { expect, test } from 'vitest';
import { type Cloud, cloud } from '#test/support/cloud.ts';
import { loginAct } from '#test/support/login-peer.ts';
import { type OutboundLab, type OutboundLabOptions, outboundLab } from '#test/support/outbound.ts';
import { type SmtpPeer, smtpPeer } from '#test/support/smtp-peer.ts';

const USER = 'erp@example.test';

interface Setting {
  readonly lab: OutboundLab;
  readonly peer: SmtpPeer;
  readonly at: Cloud;
}

async function setting(
  work: (setting: Setting) => Promise<void>,
  { table = {}, peerToken, ...more }: OutboundLabOptions & { table?: object; peerToken?: (at: Cloud) => string } = {},
): Promise<void> {
  await using at = await cloud();
  const token = () => peerToken?.(at) ?? [...at.tokens].at(-1) ?? '';
  await using peer = await smtpPeer({ extensions: ['AUTH PLAIN XOAUTH2'], act: loginAct({ user: USER, token }) });
  const relay = {
    ...{ name: 'relay', host: '127.0.0.1', port: peer.port, tls: 'none', auth: 'central', login: USER },
    ...{ oauth: 'microsoft', client_id: 'app', token_url: `${at.url}/token`, ...table },
  };
  await using lab = await outboundLab({}, { routes: [relay], routing: ['relay'], ...more });
  const { routeCredentials } = lab.smtp.store;
  const secret = { route: 'relay', owner: '', login: '' } as const;
  await routeCredentials.set({ ...secret, kind: 'refresh-token' }, at.refreshToken);
  await routeCredentials.set({ ...secret, kind: 'client-secret' }, at.secret);
  await work({ lab, peer, at });
}

const stored = async (lab: OutboundLab) =>
  (await lab.smtp.store.routeCredentials.secret('relay', '', 'refresh-token'))?.secret;

const reply = async (lab: OutboundLab) =>
  (await lab.smtp.store.queue.list({}, 0, 10)).flatMap(({ recipients }) => recipients).map((one) => one.reply)[0];

test('a token is made from the refresh token and kept while it is good', () =>
  setting(async ({ lab, peer, at }) => {
    for (let n = 1; n <= 2; n++) {
      await lab.submit({ to: `u${n}@other.test` });
      await lab.settled(n);
    }
    expect(lab.outcomes).toEqual(['sent', 'sent']);
    expect(peer.messages.length).toBe(2);
    expect(at.asked.map((form) => Object.fromEntries(form))).toEqual([
      {
        ...{ grant_type: 'refresh_token', client_id: 'app', client_secret: at.secret, refresh_token: 'refresh-1' },
      },
    ]);
  }));

test('a refresh token that is replaced is kept, and the next token is made from the new one', () =>
  setting(async ({ lab, at }) => {
    at.rotates = true;
    at.lifeSeconds = 0.001;
    await lab.submit({ to: 'u1@other.test' });
    await lab.settled(1);
    expect(await stored(lab)).toBe(at.refreshToken);
    expect(at.refreshToken).not.toBe('refresh-1');
    at.before = '';
    await lab.submit({ to: 'u2@other.test' });
    await lab.settled(2);
    expect(lab.outcomes).toEqual(['sent', 'sent']);
    expect(at.asked.length).toBe(2);
  }));

test('many sessions at once ask for one token', () =>
  setting(
    async ({ lab, peer, at }) => {
      for (let n = 0; n < 12; n++) await lab.submit({ to: `u${n}@other.test` });
      const { promise, resolve } = Promise.withResolvers<void>();
      at.pause = promise;
      await lab.restart();
      setTimeout(resolve, 300);
      await lab.settled(12);
      expect(peer.messages.length).toBe(12);
      expect(at.asked.length).toBe(1);
    },
    { idle: true },
  ));

test('a token that is refused is renewed once, and only then is it our login', () =>
  setting(
    async ({ lab, peer, at }) => {
      await lab.submit({ to: 'u1@other.test' });
      await lab.settled(1);
      expect(lab.outcomes).toEqual(['sent']);
      expect(at.asked.length).toBe(2);
      expect(peer.sessions.length).toBe(2);
      at.failToken = () => undefined;
      await lab.submit({ to: 'u2@other.test' });
      await lab.settled(2);
      expect(at.asked.length).toBe(2);
    },
    // The first one is worth nothing there.
    { peerToken: (at) => [...at.tokens].find((token) => token !== 'access-1') ?? 'none' },
  ));

test('what a token service says decides whether somebody has to do something, and nothing bounces', async () => {
  const cases: readonly (readonly [number, object | string, string, boolean])[] = [
    [400, { error: 'invalid_grant', error_description: 'AADSTS70008:\r\n expired' }, '4.7.8', true],
    [401, { error: 'invalid_client' }, '4.7.8', true],
    [429, '', '4.4.0', false],
    [503, 'busy', '4.4.0', false],
    [200, '{"access_token": 7}', '4.4.0', false],
    [200, 'not JSON', '4.4.0', false],
  ];
  const { pino } = await import('pino');
  for (const [status, body, enhanced, alert] of cases) {
    const alerts: string[] = [];
    const log = pino({ level: 'warn' }, { write: (line: string) => void alerts.push(line) });
    await setting(
      async ({ lab, at }) => {
        at.failToken = () => ({ status, body });
        await lab.submit({ to: 'u1@other.test' });
        await lab.settled(1);
        expect(lab.outcomes).toEqual(['waiting']);
        expect(await reply(lab)).toMatch(
          new RegExp(`^451 ${enhanced.replaceAll('.', '\\.')} 127\\.0\\.0\\.1:\\d+ gives no token`),
        );
        expect(alerts.some((line) => JSON.parse(line).alert === true)).toBe(alert);
        at.failToken = () => undefined;
        await lab.smtp.store.queue.change('retry', {});
        await lab.settled(2);
        expect(lab.outcomes).toEqual(['waiting', 'sent']);
      },
      { log },
    );
  }
});

test('an application logs in as itself, for the mailbox of each account', () =>
  setting(
    async ({ lab, at, peer }) => {
      await lab.submit({ to: 'u1@other.test' });
      await lab.settled(1);
      expect(lab.outcomes).toEqual(['waiting']);
      expect(await reply(lab)).toMatch(/the login was refused/);
      peer.options = {
        ...peer.options,
        act: loginAct({ user: 'anna@example.test', token: () => [...at.tokens].at(-1) ?? '' }),
      };
      await lab.smtp.store.queue.change('retry', {});
      await lab.settled(2);
      expect(lab.outcomes).toEqual(['waiting', 'sent']);
      expect(Object.fromEntries(at.asked[0] ?? [])).toEqual({
        ...{ grant_type: 'client_credentials', client_id: 'app', client_secret: at.secret },
        scope: 'https://outlook.office365.com/.default',
      });
    },
    { table: { auth: 'user', grant: 'client_credentials', tenant: 'example.test' } },
  ));
