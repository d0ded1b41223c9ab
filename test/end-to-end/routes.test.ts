// Routes with the program as an operator runs it: credentials by commands, a test with its dialogue, an office program
// whose mail leaves by OAuth 2 and by Graph (F226, F227), and kill -9 while tokens are renewed and messages handed over.
import { readFileSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type Cloud, cloud } from '#test/support/cloud.ts';
import { type TestDns, testDns } from '#test/support/dns-server.ts';
import { type TemporaryFolder, temporaryFolder } from '#test/support/folder.ts';
import { freePorts, Installation, type Running } from '#test/support/installation.ts';
import { loginAct } from '#test/support/login-peer.ts';
import { until } from '#test/support/outbound.ts';
import { RunningProgram } from '#test/support/program.ts';
import { type Act, type SmtpPeer, smtpPeer } from '#test/support/smtp-peer.ts';
import { SmtpWire } from '#test/support/wire.ts';

const PASSWORD = 'correct horse';
const MAILBOX = 'erp@tenant.example';

let folder: TemporaryFolder;
let dns: TestDns;
let at: Cloud;
let port = 0;
const running: Running[] = [];

beforeEach(async () => {
  folder = await temporaryFolder();
  dns = await testDns({ 'other.test': { MX: [[10, 'mx.other.test']] }, 'mx.other.test': { A: ['127.0.0.1'] } });
  at = await cloud();
  [port = 0] = await freePorts(1);
});

afterEach(async () => {
  for (const server of running.splice(0)) await server.kill();
  await at[Symbol.asyncDispose]();
  await dns[Symbol.asyncDispose]();
  await folder[Symbol.asyncDispose]();
});

const GOOGLE = (url: string, relayPort: number) => `[[outbound.routes]]
      name = "google"
      preset = "gmail"
      host = "127.0.0.1"
      port = ${relayPort}
      tls = "none"
      login = "${MAILBOX}"
      client_id = "app"
      token_url = "${url}/token"
      auth_url = "${url}/auth"
      [[outbound.routes]]`;

/** An installation with a route by XOAUTH2 for erp, one by Graph for bills, and no route for anna. */
async function install(relayPort: number, threads = 1): Promise<Installation> {
  const token = `client_id = "app"\ntoken_url = "${at.url}/token"`;
  const installation = new Installation({
    ...{ folder: `${folder.path}/here`, threads, listen: { submission: 0 } },
    settings: `
      [dns]
      servers = ["127.0.0.1:${dns.port}"]
      [outbound]
      port = ${port}
      first_retry = "1s"
      routing = ["oauth account=erp@example.test", "graph account=bills@example.test"]
      [[outbound.routes]]
      name = "oauth"
      preset = "microsoft365"
      host = "127.0.0.1"
      port = ${relayPort}
      tls = "none"
      login = "${MAILBOX}"
      ${token}
      [[outbound.routes]]
      name = "graph"
      preset = "microsoft365-graph"
      login = "${MAILBOX}"
      graph_url = "${at.url}/v1.0"
      tenant = "tenant.example"
      ${token}`,
  });
  await installation.populate(['anna', 'erp', 'bills'], PASSWORD);
  const set = (...args: string[]) => ['route', 'credential', 'set', ...args, '--password-stdin'];
  await installation.ok(set('oauth', '--kind', 'refresh-token'), `${at.refreshToken}\n`);
  await installation.ok(set('graph', '--kind', 'client-secret'), `${at.secret}\n`);
  return installation;
}

async function serve(installation: Installation): Promise<Running> {
  const server = await installation.serve();
  running.push(server);
  return server;
}

const base64 = (text: string) => Buffer.from(text).toString('base64');

/** One connection for one mail, AUTH LOGIN in three steps, lines that end in LF, no Date and no Message-ID. */
async function officeMail(server: Running, name: string, subject: string): Promise<void> {
  const client = await SmtpWire.open(server.port('submission'));
  const say = async (line: string, code: number) => {
    client.wire.send(Buffer.from(`${line}\n`, 'latin1'));
    await client.expect(code);
  };
  await say('HELO 192.168.0.7', 250);
  await say('AUTH LOGIN', 334);
  await say(base64(`${name}@example.test`), 334);
  await say(base64(PASSWORD), 235);
  await say(`MAIL FROM: ${name}@example.test`, 250);
  await say('RCPT TO: you@other.test', 250);
  await say('DATA', 354);
  await say(`From: ${name}@example.test\nTo: you@other.test\nSubject: ${subject}\n\nBedrag: 10\xa4\n\r\n.\r`, 250);
  await say('QUIT', 221);
  await client.wire.closed();
}

const relayAct = () => loginAct({ user: MAILBOX, takes: (token) => at.tokens.has(token) });
const empty = async (here: Installation) => JSON.parse(await here.ok(['queue', 'list', '--json'])).length === 0;

test('a route is listed, shown and tested with its whole dialogue, and no secret is in it', async () => {
  await using peer = await smtpPeer({ extensions: ['8BITMIME', 'AUTH XOAUTH2'], act: relayAct() });
  const here = await install(peer.port);
  expect(await here.ok(['route', 'list'])).toMatch(/^oauth +smtp +127\.0\.0\.1:\d+ +none +central, OAuth 2/m);
  const shown = await here.ok(['route', 'show', 'oauth']);
  expect(shown).toMatch(/^recipients a day: 10000$/m);
  expect(shown).toMatch(/^takes: account=erp@example\.test$/m);
  expect(shown).toMatch(/^refresh-token for all, set 2/m);
  expect(shown).not.toContain(at.refreshToken);
  const tested = await here.ok(['route', 'test', 'oauth', 'you@other.test']);
  expect(tested).toMatch(/^C: AUTH XOAUTH2 \*\*\*\nS: 235 2\.7\.0 Welcome$/m);
  expect(tested).toMatch(/^C: RCPT TO:<you@other\.test>\nS: 250/m);
  expect(tested).toMatch(/^sent at 127\.0\.0\.1: 250 2\.0\.0 Kept$/m);
  expect(tested).not.toMatch(/access-|refresh-1/);
  expect(peer.messages[0]?.content).toContain('Subject: Test of route oauth\r\n');
  expect(await here.ok(['route', 'test', 'graph', 'you@other.test'])).toMatch(/^S: 202$/m);
  at.tokens.clear();
  at.failToken = () => ({ status: 400, body: { error: 'invalid_grant' } });
  const failed = await here.run(['route', 'test', 'oauth', 'you@other.test']);
  expect([failed.status, failed.stdout]).toEqual([
    1,
    expect.stringMatching(/^not sent: 451 4\.7\.8 127\.0\.0\.1:\d+ gives no token: 400 invalid_grant$/m),
  ]);
  expect((await here.run(['route', 'test', 'nowhere', 'you@other.test'])).stderr).toContain('they have: oauth, graph');
  await here.ok(['route', 'credential', 'remove', 'oauth']);
  expect(await here.ok(['route', 'credential', 'list'])).not.toContain('oauth');
});

test('the first refresh token comes by the device flow, and what waited for it goes', async () => {
  await using peer = await smtpPeer({ extensions: ['8BITMIME', 'AUTH XOAUTH2'], act: relayAct() });
  const here = await install(peer.port);
  await here.ok(['route', 'credential', 'remove', 'oauth']);
  expect((await here.run(['check'])).stdout).toContain(
    'warning: oauth has no refresh-token, and its mail waits: posthuis route authorize oauth\n',
  );
  const server = await serve(here);
  await officeMail(server, 'erp', 'waits');
  await until(async () => (await here.ok(['queue', 'list'])).includes('route oauth has no refresh-token'));
  const [{ id }] = JSON.parse(await here.ok(['queue', 'list', '--route', 'oauth', '--json']));
  expect(await here.ok(['queue', 'show', String(id)])).toMatch(/^<you@other\.test> by oauth waiting, tried \d+ times/m);
  const { stdout, stderr, status } = await here.run(['route', 'authorize', 'oauth']);
  expect([status, stderr.trim()]).toEqual([0, 'open https://login.example/device and enter the code WDJB-MJHT']);
  expect(stdout).toContain('route oauth has a refresh token\n');
  await until(() => peer.messages.length > 0);
  at.failToken = () => ({ status: 400, body: { error: 'access_denied', error_description: 'no' } });
  expect(await here.run(['route', 'authorize', 'oauth'])).toMatchObject({
    status: 1,
    stderr: expect.stringContaining('no token for route oauth: the service answers 400 access_denied: no'),
  });
  expect((await here.run(['route', 'authorize', 'graph'])).stderr).toContain('route graph uses no refresh token');
});

test('where there is no device flow the browser comes back with a code, and what waited goes', async () => {
  await using peer = await smtpPeer({ extensions: ['8BITMIME', 'AUTH XOAUTH2'], act: relayAct() });
  const here = await install(peer.port);
  const settings = readFileSync(here.config, 'utf8').replace('[[outbound.routes]]', GOOGLE(at.url, peer.port));
  writeFileSync(here.config, settings.replace('routing = [', 'routing = ["google account=anna@example.test", '));
  await here.ok(['route', 'credential', 'set', 'google', '--kind', 'client-secret', '--password-stdin'], at.secret);
  expect((await here.run(['check'])).stdout).toContain('its mail waits: posthuis route authorize google\n');
  const server = await serve(here);
  await officeMail(server, 'anna', 'waits');
  await until(async () => (await here.ok(['queue', 'list'])).includes('route google has no refresh-token'));
  await using program = new RunningProgram(['--config', here.config, 'route', 'authorize', 'google']);
  await until(() => program.stderr.includes('ssh -L '));
  const page = /^open (http\S+)$/m.exec(program.stderr)?.[1] ?? '';
  // The browser: the page, which everybody agrees to, and then where it is sent.
  const response = await fetch(page);
  expect([response.status, await response.text()]).toEqual([200, expect.stringContaining('can be closed')]);
  await program.until(/has a refresh token\n1 recipient will be tried now/);
  await until(() => peer.messages.length > 0);
  expect((await here.run(['route', 'authorize', 'google', '--port', 'x'])).status).toBe(2);
});

test.each([1, 2])('an office program’s mail leaves by OAuth 2 and by Graph, with %i threads', async (threads) => {
  await using relay = await smtpPeer({ extensions: ['8BITMIME', 'AUTH XOAUTH2'], act: relayAct() });
  await using direct = await smtpPeer({ extensions: ['8BITMIME'], host: '127.0.0.1', port });
  const here = await install(relay.port, threads);
  const server = await serve(here);
  for (let n = 0; n < 4; n++) {
    await officeMail(server, 'erp', `erp ${n}`);
    await officeMail(server, 'bills', `bill ${n}`);
    await officeMail(server, 'anna', `anna ${n}`);
  }
  const subjects = (texts: readonly string[]) => texts.map((text) => /^Subject: (.*)\r$/m.exec(text)?.[1] ?? '').sort();
  const four = (what: string) => [0, 1, 2, 3].map((n) => `${what} ${n}`);
  await until(() => empty(here));
  expect(subjects(relay.messages.map(({ content }) => content))).toEqual(four('erp'));
  expect(subjects(direct.messages.map(({ content }) => content))).toEqual(four('anna'));
  expect(subjects(at.mails.map(({ mime }) => mime))).toEqual(four('bill'));
  expect(at.mails.every(({ user }) => user === MAILBOX)).toBe(true);
  for (const text of [at.mails[0]?.mime, relay.messages[0]?.content]) {
    expect(text).toMatch(/^Message-ID: <.+@mail\.example\.test>\r$/m);
    expect(text).toMatch(/^Date: /m);
    expect(text).toMatch(/\r\n\r\nBedrag: 10\xa4\r\n/);
  }
});

test('kill -9 while a token is renewed loses neither the mail nor the token', async () => {
  const reached = { now: Promise.withResolvers<void>(), at: '' };
  const inner = relayAct();
  const act = (command: string, session: Parameters<typeof inner>[1]): Act | undefined => {
    const usual = inner(command, session);
    if (reached.at === '' || !command.startsWith(reached.at)) return usual;
    reached.at = '';
    setImmediate(() => reached.now.resolve());
    return { silent: true };
  };
  await using peer: SmtpPeer = await smtpPeer({ extensions: ['8BITMIME', 'AUTH XOAUTH2'], act });
  const here = await install(peer.port);
  at.rotates = true;
  let server = await serve(here);
  for (const point of ['token', 'AUTH', 'MAIL', 'DOT']) {
    reached.now = Promise.withResolvers();
    reached.at = point;
    if (point === 'token') {
      // The service has replaced the refresh token, and its answer does not come: the one before is good, too.
      at.pause = new Promise(() => {});
      at.failToken = () => {
        setTimeout(() => reached.now.resolve(), 50);
        return undefined;
      };
    }
    await officeMail(server, 'erp', `killed at ${point}`);
    await reached.now.promise;
    await server.kill();
    reached.at = '';
    at.pause = Promise.resolve();
    at.failToken = () => undefined;
    // Whoever was told the new access token had the new refresh token on the disk.
    if (point !== 'token') at.before = '';
    server = await serve(here);
    await here.ok(['queue', 'flush']);
    const arrived = () => peer.messages.filter(({ content }) => content.includes(`Subject: killed at ${point}\r\n`));
    await until(async () => arrived().length > 0 && (await empty(here)));
    expect([point, arrived().length]).toEqual([point, 1]);
  }
});

test('kill -9 while Graph is handed a message sends it twice only if the answer was lost', async () => {
  const here = await install(1);
  let server = await serve(here);
  for (const point of ['token', 'answer', 'settled']) {
    const reached = Promise.withResolvers<void>();
    const before = at.mails.length;
    const stop = () => {
      setImmediate(() => reached.resolve());
      return undefined;
    };
    if (point === 'token') {
      at.pause = new Promise(() => {});
      at.failToken = stop;
    } else at.failSend = stop;
    await officeMail(server, 'bills', `killed at ${point}`);
    await reached.promise;
    if (point === 'settled') await until(() => empty(here));
    await server.kill();
    at.pause = Promise.resolve();
    at.failToken = () => undefined;
    at.failSend = () => undefined;
    server = await serve(here);
    await here.ok(['queue', 'flush']);
    await until(() => empty(here));
    const arrived = at.mails.slice(before).length;
    expect([point, arrived]).toEqual([point, point === 'answer' ? expect.toSatisfy((n) => n === 1 || n === 2) : 1]);
  }
});
