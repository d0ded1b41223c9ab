// Routes in the settings: presets, what a table may say, and the lines that choose.
import { expect, test } from 'vitest';
import { Expected } from '#config/parts.ts';
import { PRESETS } from '#config/presets.ts';
import { parseRoutes, parseRouting } from '#config/routes.ts';

const one = (table: object) => {
  const routes = parseRoutes([table]);
  return routes instanceof Expected ? routes.what : routes[0];
};

test('every preset makes a route', () => {
  for (const preset of Object.keys(PRESETS)) {
    const login = PRESETS[preset]?.oauth === undefined ? {} : { client_id: 'app', tenant: 'example.test' };
    expect([preset, one({ name: 'r', preset, ...login })]).toEqual([preset, expect.objectContaining({ name: 'r' })]);
  }
});

test('what a preset says can be set otherwise, and 0 is no limit', () => {
  expect(one({ name: 'm365', preset: 'microsoft365', client_id: 'app', max_size: 0, connections: 1 })).toMatchObject({
    ...{ hosts: ['smtp.office365.com'], port: 587, tls: 'starttls', verify: true, auth: 'central' },
    limits: { messageSize: null, messagesAMinute: 30, recipientsADay: 10_000, connections: 1 },
    oauth: { tokenUrl: 'https://login.microsoftonline.com/common/oauth2/v2.0/token', clientId: 'app' },
  });
  expect(one({ name: 'g', preset: 'gmail', oauth: 'none' })).toMatchObject({ oauth: null, hosts: ['smtp.gmail.com'] });
  expect(one({ name: 'r', host: 'Relay.Test', tls: 'implicit' })).toMatchObject({ hosts: ['relay.test'], port: 465 });
});

test('a fault names the route, the key and what was expected', () => {
  expect(one({ name: 'Not one' })).toMatch(/^a name of small letters/);
  expect(one({ name: 'mx', host: 'h' })).toMatch(/^a name of small letters/);
  expect(one({ name: 'r' })).toMatch(/^a host name or an IP address.* as host of route r$/);
  expect(one({ name: 'r', host: 'h', port: 0 })).toBe('a whole number from 1 to 65535 as port of route r');
  expect(one({ name: 'r', host: 'h', tls: 'yes' })).toBe('one of none, starttls, implicit as tls of route r');
  expect(one({ name: 'r', host: 'h', password: 'x' })).toMatch(/^route r with keys of name, .*, not password$/);
  expect(one({ name: 'r', host: 'h.test', tls: 'none', auth: 'central' })).toMatch(/cross the network in the clear$/);
  expect(one({ name: 'r', preset: 'gmail' })).toMatch(/^the id of the application/);
  expect(one({ name: 'r', preset: 'microsoft365-graph', client_id: 'a' })).toMatch(/^an https URL as token_url/);
  const insecure = {
    name: 'r',
    host: 'h',
    auth: 'central',
    oauth: 'other',
    client_id: 'a',
    token_url: 'http://t.test/',
  };
  expect(one(insecure)).toBe('an https URL as token_url of route r');
  expect(
    parseRoutes([
      { name: 'r', host: 'h' },
      { name: 'r', host: 'h' },
    ]),
  ).toEqual(new Expected('one "r" of [[outbound.routes]] tables'));
  expect(parseRoutes('r')).toBeInstanceOf(Expected);
});

test('a line of routing has a route and conditions', () => {
  expect(parseRouting('mx recipient=Partner.Example')).toEqual({
    route: null,
    conditions: [{ kind: 'recipient', value: 'partner.example' }],
  });
  expect(parseRouting('r sender=@b.test account=A@b.test network=10.0.0.0/8')).toMatchObject({ route: 'r' });
  expect(parseRouting('r sender=<>')).toMatchObject({ conditions: [{ kind: 'sender', value: '<>' }] });
  for (const odd of ['', 'R', 'r sender=b', 'r recipient=@b.test', 'r network=10.0.0.0/33', 'r else=1', 'r sender=']) {
    expect([odd, parseRouting(odd)]).toEqual([odd, expect.any(Expected)]);
  }
});
