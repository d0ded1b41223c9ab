// Mail that is handed to a smarthost: which mail, how we log in there, what its refusals mean, and how fast it goes.
import { expect, test } from 'vitest';
import { makeCertificate } from '#test/support/certificate.ts';
import { loginAct } from '#test/support/login-peer.ts';
import { type OutboundLab, outboundLab, until } from '#test/support/outbound.ts';
import { type PeerOptions, type SmtpPeer, smtpPeer } from '#test/support/smtp-peer.ts';

const MX = { 'other.test': { MX: [[10, 'mx.other.test']] as const }, 'mx.other.test': { A: ['127.0.0.2'] } };
const LOGIN = { user: 'us', password: 'secret there' };
const act = loginAct(LOGIN);
const EXTENSIONS = ['PIPELINING', 'AUTH PLAIN LOGIN'];

/** A route of these settings to a peer. */
function route(peer: SmtpPeer, more: object = {}) {
  return { name: 'relay', host: '127.0.0.1', port: peer.port, tls: 'none', auth: 'central', login: 'us', ...more };
}

async function setPassword(lab: OutboundLab, secret = LOGIN.password, owner = ''): Promise<void> {
  await lab.smtp.store.routeCredentials.set({ route: 'relay', owner, kind: 'password', login: '' }, secret);
}

const waiting = async (lab: OutboundLab) =>
  (await lab.smtp.store.queue.list({}, 0, 100)).flatMap(({ recipients }) => recipients);

test('recipients of all domains go to the smarthost in one transaction, after a login', async () => {
  await using peer = await smtpPeer({ extensions: EXTENSIONS, act });
  await using lab = await outboundLab(MX, { routes: [route(peer)], routing: ['relay'] });
  await setPassword(lab);
  await lab.submit({ to: ['you@other.test', 'they@third.test', 'bert@example.test'] });
  await lab.settled(3);
  expect(peer.messages.map(({ recipients }) => recipients)).toEqual([
    ['RCPT TO:<you@other.test>', 'RCPT TO:<they@third.test>'],
  ]);
  expect((await lab.smtp.inbox(lab.smtp.bert)).length).toBe(1);
  expect(lab.dns.asked.filter((name) => name.startsWith('MX'))).toEqual([]);
});

test('the first rule whose conditions all hold decides', async () => {
  await using relay = await smtpPeer({});
  await using special = await smtpPeer({});
  const tables = [route(relay, { auth: 'none' }), { ...route(special, { auth: 'none' }), name: 'special' }];
  const routing = [
    'mx recipient=other.test sender=anna@example.test',
    'special account=bert@example.test',
    'special sender=@example.test network=192.0.2.0/24',
    'special recipient=vip.test network=127.0.0.0/8',
    'relay sender=@example.test',
  ];
  await using lab = await outboundLab(MX, { routes: tables, routing });
  await using direct = await lab.peer(2);
  await lab.submit({ to: ['you@other.test', 'boss@vip.test', 'they@third.test'] });
  await lab.settled(3);
  const recipients = (peer: SmtpPeer) => peer.messages.flatMap((message) => message.recipients);
  expect(recipients(direct)).toEqual(['RCPT TO:<you@other.test>']);
  expect(recipients(special)).toEqual(['RCPT TO:<boss@vip.test>']);
  expect(recipients(relay)).toEqual(['RCPT TO:<they@third.test>']);
});

test('a wrong password bounces nothing: all of it waits, somebody is told, and goes once it is right', async () => {
  const alerts: string[] = [];
  const { pino } = await import('pino');
  const log = pino({ level: 'warn' }, { write: (line: string) => void alerts.push(line) });
  await using peer = await smtpPeer({ extensions: EXTENSIONS, act });
  await using lab = await outboundLab(MX, { routes: [route(peer)], routing: ['relay'], log });
  await lab.submit({ to: 'a@other.test' });
  await lab.settled(1);
  expect((await waiting(lab)).map(({ state, reply }) => [state, reply])).toEqual([
    [
      'waiting',
      '451 4.7.8 route relay has no password: posthuis route credential set relay --kind password --password-stdin',
    ],
  ]);
  await setPassword(lab, 'wrong');
  await lab.smtp.store.queue.change('retry', {});
  await lab.settled(2);
  const [recipient] = await waiting(lab);
  expect(recipient).toMatchObject({
    state: 'waiting',
    reply: '454 4.7.8 the login was refused: 535 5.7.8 Bad credentials',
  });
  const [, attempt] = await lab.smtp.store.queue.attempts(recipient?.queued ?? 0);
  expect(attempt?.transcript).toMatch(/^C: AUTH PLAIN \*\*\*\nS: 535 5\.7\.8 Bad credentials$/m);
  expect(alerts.filter((line) => JSON.parse(line).alert === true).length).toBe(2);
  await setPassword(lab);
  await lab.smtp.store.queue.change('retry', {});
  await lab.settled(3);
  expect(lab.outcomes).toEqual(['waiting', 'waiting', 'sent']);
  expect(await lab.smtp.inbox(lab.smtp.anna)).toEqual([]);
});

test('with a login of each account its own is used, and the one for all where it has none', async () => {
  const users: string[] = [];
  const seen: NonNullable<PeerOptions['act']> = (command) => {
    const plain = /^AUTH PLAIN (.+)$/.exec(command)?.[1];
    if (plain === undefined) return undefined;
    users.push(Buffer.from(plain, 'base64').toString().replaceAll('\0', '/'));
    return '235 2.7.0 Welcome';
  };
  await using peer = await smtpPeer({ extensions: EXTENSIONS, act: seen });
  await using lab = await outboundLab(MX, { routes: [route(peer, { auth: 'user', login: '' })], routing: ['relay'] });
  const { routeCredentials } = lab.smtp.store;
  await routeCredentials.set({ route: 'relay', owner: '', kind: 'password', login: 'office' }, 'all');
  await lab.submit({ to: 'a@other.test' });
  await lab.settled(1);
  const { id } = lab.smtp.anna;
  await routeCredentials.set({ route: 'relay', owner: id, kind: 'password', login: 'anna-there' }, 'own');
  await lab.submit({ to: 'b@other.test' });
  await lab.settled(2);
  expect(users).toEqual(['/office/all', '/anna-there/own']);
});

test('the certificate must be good for the host, over both kinds of TLS, unless the route says otherwise', async () => {
  const { certificate, key } = await makeCertificate(['relay.test']);
  const zones = { 'relay.test': { A: ['127.0.0.1'] }, 'wrong.test': { A: ['127.0.0.1'] } };
  await using peer = await smtpPeer({ extensions: ['STARTTLS', ...EXTENSIONS], act, tls: { cert: certificate, key } });
  const tables = (host: string, more = {}) => [route(peer, { host, tls: 'starttls', ...more })];
  const deliver = async (routes: object[], extraCa: string[]): Promise<string> => {
    await using lab = await outboundLab(zones, { routes: routes as never, routing: ['relay'], extraCa });
    await setPassword(lab);
    await lab.submit({ to: 'a@other.test' });
    await lab.settled(1);
    return (await waiting(lab))[0]?.reply ?? 'sent';
  };
  const untrusted = '454 4.7.5 the certificate is not trusted, or is for another name';
  expect(await deliver(tables('relay.test'), [certificate])).toBe('sent');
  expect(await deliver(tables('relay.test'), [])).toBe(untrusted);
  expect(await deliver(tables('wrong.test'), [certificate])).toBe(untrusted);
  expect(await deliver(tables('wrong.test', { verify: false }), [])).toBe('sent');
  peer.options = { ...peer.options, extensions: EXTENSIONS };
  expect(await deliver(tables('relay.test'), [certificate])).toMatch(/^454 4\.7\.4 the server does not offer STARTTLS/);
  expect(peer.messages.every(({ secure }) => secure)).toBe(true);
});

test('the next host takes over where one does not answer', async () => {
  await using peer = await smtpPeer();
  const table = route(peer, { auth: 'none', host: ['127.0.0.9', 'nowhere.test', '127.0.0.1'] });
  await using lab = await outboundLab(MX, { routes: [table], routing: ['relay'] });
  await lab.submit({ to: 'a@other.test' });
  await lab.settled(1);
  expect(lab.outcomes).toEqual(['sent']);
});

test('a refusal of one recipient is its own, and one of our login or our quota is nobody’s', async () => {
  const outcomes = async (reply: string) => {
    await using peer = await smtpPeer({ act: (command) => (command.startsWith('RCPT TO:<no') ? reply : undefined) });
    await using lab = await outboundLab(MX, { routes: [route(peer, { auth: 'none' })], routing: ['relay'] });
    await lab.submit({ to: ['no@other.test', 'yes@other.test'] });
    await lab.settled(2);
    return lab.outcomes.slice(0, 2);
  };
  expect(await outcomes('550 5.1.1 Nobody')).toEqual(['failed', 'sent']);
  expect(await outcomes('530 5.7.57 Client not authenticated to send mail')).toEqual(['waiting', 'sent']);
  expect(await outcomes('550 5.4.5 Daily user sending quota exceeded')).toEqual(['waiting', 'sent']);
  expect(await outcomes('554 5.2.0 Submission.Exception:SubmissionQuotaExceededException')).toEqual([
    'waiting',
    'sent',
  ]);
});

test.each(['451 4.7.500 Server busy', '421 4.7.28 Too fast'])(
  'a route that says %s rests for a minute, and what waits behind is not tried meanwhile',
  async (said) => {
    let busy = true;
    await using peer = await smtpPeer({
      act: (command) => (busy && command.startsWith('MAIL') ? said : undefined),
    });
    const table = route(peer, { auth: 'none', connections: 1 });
    await using lab = await outboundLab(MX, { routes: [table], routing: ['relay'], idle: true });
    for (let n = 0; n < 3; n++) await lab.submit({ to: `u${n}@other.test` });
    const before = lab.now();
    await lab.restart();
    await lab.settled(1);
    const { queue } = lab.smtp.store;
    await until(async () => (await queue.due(lab.now(), 10)).length === 0);
    const next = (await queue.nextDue(lab.now())) ?? 0;
    expect(next - before).toBeGreaterThan(50_000);
    expect(next - lab.now()).toBeLessThanOrEqual(60_000);
    expect((await waiting(lab)).map(({ attempts }) => attempts).sort()).toEqual([0, 0, 1]);
    busy = false;
    lab.pass(60_000);
    await lab.settled(3);
    expect(lab.outcomes).toEqual(['waiting', 'sent', 'sent']);
  },
);

test('messages a minute and recipients a day are kept, over a restart too', async () => {
  await using peer = await smtpPeer({});
  const table = route(peer, { auth: 'none', messages_a_minute: 2, recipients_a_day: 4 });
  await using lab = await outboundLab(MX, { routes: [table], routing: ['relay'], idle: true });
  for (let n = 0; n < 5; n++) await lab.submit({ to: `u${n}@other.test` });
  await lab.restart();
  await lab.settled(2);
  const { queue } = lab.smtp.store;
  const pausing = () => until(async () => (await queue.due(lab.now(), 10)).length === 0);
  await pausing();
  expect(peer.messages.length).toBe(2);
  lab.pass(60_000);
  await lab.settled(4);
  lab.pass(60_000);
  await lab.restart();
  await pausing();
  expect(peer.messages.length).toBe(4);
  expect((await waiting(lab)).map(({ attempts }) => attempts)).toEqual([0]);
  lab.pass(25 * 3_600_000);
  await lab.settled(5);
  expect(lab.outcomes).toEqual(Array(5).fill('sent'));
});

test('a route that nobody answers at uses up nothing of what its provider allows', async () => {
  let busy = true;
  await using peer = await smtpPeer({
    act: (command) => (busy && command === 'CONNECT' ? '421 4.3.2 Busy' : undefined),
  });
  const table = route(peer, { auth: 'none', recipients_a_day: 2, messages_a_day: 1 });
  await using lab = await outboundLab(MX, { routes: [table], routing: ['relay'] });
  await lab.submit({ to: ['a@other.test', 'b@other.test'] });
  // A report of the delay is delivered here meanwhile.
  const waited = () => lab.outcomes.filter((outcome) => outcome === 'waiting').length;
  for (let n = 1; n <= 4; n++) {
    await until(() => waited() === 2 * n);
    lab.pass(3 * 3_600_000);
  }
  busy = false;
  lab.pass(3 * 3_600_000);
  await until(() => peer.messages.length > 0);
  expect((await lab.smtp.store.queue.used('=relay', 0)).reduce((sum, hour) => sum + hour.recipients, 0)).toBe(2);
});

test('a message that is larger than the route takes is refused when it is handed in, by name', async () => {
  await using peer = await smtpPeer({});
  const table = route(peer, { auth: 'none', max_size: '2KB' });
  await using lab = await outboundLab(MX, { routes: [table], routing: ['relay recipient=other.test'] });
  const text = 'x'.repeat(3_000);
  await expect(lab.submit({ to: 'a@other.test', text })).rejects.toThrow(
    /552 5\.3\.4 The message has \d+ bytes, and route relay, by which <a@other\.test> is sent, takes 2048/,
  );
  expect(await lab.submit({ to: 'bert@example.test', text })).toMatch(/^250/);
});

test('mail of a route that is in the settings no more waits', async () => {
  await using lab = await outboundLab(MX, { idle: true });
  await lab.submit({ to: 'a@other.test' });
  const [listing] = await lab.smtp.store.queue.list({}, 0, 1);
  const content = await lab.smtp.store.queue.content(listing?.id ?? 0);
  await using staging = lab.smtp.store.stage({ maxBytes: 10_000 });
  for await (const chunk of content.read()) await staging.write(chunk);
  await using staged = await staging.finish();
  await lab.smtp.store.queue.remove({});
  await lab.smtp.store.queue.add({
    ...{ staged, prefix: new Uint8Array(), owner: '', sender: 'anna@example.test', utf8: false, eightBit: false },
    ...{ requireTls: false, envelopeId: '', returnFull: true, notBefore: 0, expires: lab.now() + 432_000_000 },
    recipients: [{ address: 'a@other.test', domain: 'other.test', route: '=gone', original: '', notify: 15 }],
  });
  await lab.restart();
  await lab.settled(1);
  expect((await waiting(lab))[0]?.reply).toMatch(/^451 4\.3\.5 the settings have no route gone any more/);
});
