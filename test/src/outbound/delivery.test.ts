// Mail that leaves: from the submission of a program, by the queue and the scheduler, to servers of other domains.
import { dkimVerify } from 'mailauth/lib/dkim/verify.js';
import { expect, test } from 'vitest';
import { sendsByIpv6 } from '#src/outbound/own-addresses.ts';
import { makeSigningKeys } from '#src/outbound/signing.ts';
import { makeCertificate } from '#test/support/certificate.ts';
import type { Zone } from '#test/support/dns-server.ts';
import { outboundLab, until } from '#test/support/outbound.ts';
import type { Act } from '#test/support/smtp-peer.ts';

const OTHER: Record<string, Zone> = {
  'other.test': { MX: [[10, 'mx.other.test']] },
  'mx.other.test': { A: ['127.0.0.2'] },
};
const FULL = ['PIPELINING', 'SIZE 1000000', '8BITMIME', 'SMTPUTF8', 'ENHANCEDSTATUSCODES'];

test('a message for another domain is answered when it is durable, and arrives', async () => {
  await using lab = await outboundLab(OTHER, { idle: true });
  await using peer = await lab.peer(2, { extensions: FULL });
  const reply = await lab.submit({ to: 'you@other.test', subject: 'out', bcc: 'hidden@other.test' });
  expect(reply).toMatch(/^250 2\.6\.0 Message queued as \d+$/);
  expect((await lab.smtp.store.queue.totals()).messages).toBe(1);
  await lab.restart();
  await lab.settled(2);
  const [message] = peer.messages;
  expect(message?.mail).toMatch(/^MAIL FROM:<anna@example\.test> SIZE=\d+$/);
  expect(message?.recipients).toEqual(['RCPT TO:<you@other.test>', 'RCPT TO:<hidden@other.test>']);
  expect(message?.content).toMatch(
    /^Received: from laptop \(\[127\.0\.0\.1\]\)\r\n\tby mail\.example\.test with ESMTPA id .+;\r\n\t.+\r\n/,
  );
  expect(message?.content).toContain('\r\nSubject: out\r\n');
  expect(message?.content).not.toContain('hidden');
  expect(lab.outcomes).toEqual(['sent', 'sent']);
  expect(await lab.smtp.store.queue.totals()).toEqual({ messages: 0, bytes: 0 });
});

test('recipients here and elsewhere each get one copy', async () => {
  await using lab = await outboundLab(OTHER);
  await using peer = await lab.peer(2);
  await lab.submit({ to: ['bert@example.test', 'you@other.test'], subject: 'both' });
  await lab.settled(2);
  const [message = '', ...more] = await lab.smtp.inbox(lab.smtp.bert);
  expect(more).toEqual([]);
  expect(message).toMatch(/^Return-Path: <anna@example\.test>\r\nDelivered-To: bert@example\.test\r\n/);
  expect(peer.messages.map(({ recipients }) => recipients)).toEqual([['RCPT TO:<you@other.test>']]);
});

test('recipients here alone do not wait in the queue', async () => {
  await using lab = await outboundLab({}, { idle: true });
  expect(await lab.submit({ to: 'bert@example.test' })).toMatch(/^250 2\.6\.0 Message accepted/);
  expect((await lab.smtp.inbox(lab.smtp.bert)).length).toBe(1);
});

test('mail hosts are tried in order, each at all its addresses, and the next message begins with the best again', async () => {
  await using lab = await outboundLab({
    'other.test': {
      MX: [
        [10, 'mx1.other.test'],
        [20, 'mx2.other.test'],
        [30, 'mx3.other.test'],
      ],
    },
    'mx1.other.test': { A: ['127.0.0.2', '127.0.0.3'] },
    'mx2.other.test': { A: ['127.0.0.4'] },
    'mx3.other.test': { A: ['127.0.0.5'] },
  });
  // .2 and .3 do not listen, .4 does not want to talk.
  await using busy = await lab.peer(4, { act: (command) => (command === 'CONNECT' ? '421 4.3.2 Busy' : undefined) });
  await using backup = await lab.peer(5);
  await lab.submit({ to: 'you@other.test' });
  await lab.settled(1);
  expect(busy.sessions.length).toBe(1);
  expect(backup.messages.length).toBe(1);
  await using best = await lab.peer(3);
  await lab.submit({ to: 'you@other.test' });
  await lab.settled(2);
  expect(best.messages.length).toBe(1);
  expect(lab.outcomes).toEqual(['sent', 'sent']);
});

test.each<[string, (command: string) => Act | undefined]>([
  ['puts a recipient off', (command) => (command.startsWith('RCPT') ? '450 4.2.1 Not now' : undefined)],
  ['refuses the message for now', (command) => (command === 'DOT' ? '451 4.3.0 Not now' : undefined)],
  ['breaks off', (command) => (command === 'DATA' ? { cut: true } : undefined)],
  ['goes down', (command) => (command.startsWith('MAIL') ? '421 4.3.2 Going down' : undefined)],
])('a mail host that %s is followed by the next one at once, and by no third (RFC 5321 5.1)', async (_what, act) => {
  const hosts = [2, 3, 4].map((last): [number, string] => [last, `mx${last}.other.test`]);
  await using lab = await outboundLab({
    'other.test': { MX: hosts },
    ...Object.fromEntries(hosts.map(([last, name]) => [name, { A: [`127.0.0.${last}`] }])),
  });
  await using first = await lab.peer(2, { act });
  await using second = await lab.peer(3);
  await using third = await lab.peer(4);
  await lab.submit({ to: ['you@other.test', 'me@other.test'] });
  await lab.settled(2);
  expect(lab.outcomes).toEqual(['sent', 'sent']);
  expect([first.messages, second.messages, third.messages].map(({ length }) => length)).toEqual([0, 1, 0]);
  // The best host has its turn again, and where the second puts it off too the message waits.
  second.options = { ...second.options, act };
  await lab.submit({ to: 'you@other.test', subject: 'again' });
  await lab.settled(3);
  expect(lab.outcomes.at(-1)).toBe('waiting');
  expect([first.sessions, third.sessions].map(({ length }) => length)).toEqual([2, 0]);
  const [waiting] = await lab.smtp.store.queue.list({}, 0, 1);
  expect(waiting?.recipients[0]?.attempts).toBe(1);
});

test('only those whom the first mail host puts off go on to the next', async () => {
  await using lab = await outboundLab({
    'other.test': {
      MX: [
        [10, 'mx2.other.test'],
        [20, 'mx3.other.test'],
      ],
    },
    'mx2.other.test': { A: ['127.0.0.2'] },
    'mx3.other.test': { A: ['127.0.0.3'] },
  });
  const answers: Record<string, string> = { grey: '450 4.7.1 Later', gone: '550 5.1.1 Nobody' };
  await using first = await lab.peer(2, { act: (command) => answers[/^RCPT TO:<(\w+)@/.exec(command)?.[1] ?? ''] });
  await using second = await lab.peer(3);
  await lab.submit({ to: ['good@other.test', 'grey@other.test', 'gone@other.test'] });
  await lab.settled(4); // one of them is the report
  expect(lab.outcomes.toSorted()).toEqual(['failed', 'sent', 'sent', 'sent']);
  expect(first.messages.map(({ recipients }) => recipients)).toEqual([['RCPT TO:<good@other.test>']]);
  expect(second.messages.map(({ recipients }) => recipients)).toEqual([['RCPT TO:<grey@other.test>']]);
});

test('what fails for now is tried again in five minutes, then in ten, with what was said kept', async () => {
  await using lab = await outboundLab(OTHER);
  let grey = true;
  await using peer = await lab.peer(2, {
    act: (command) => (grey && command.startsWith('RCPT') ? '451 4.7.1 Greylisted' : undefined),
  });
  const before = lab.now();
  await lab.submit({ to: 'you@other.test' });
  await lab.settled(1);
  const [listing] = await lab.smtp.store.queue.list({}, 0, 10);
  const [recipient] = listing?.recipients ?? [];
  expect(recipient).toMatchObject({ state: 'waiting', attempts: 1, status: '4.7.1', reply: '451 4.7.1 Greylisted' });
  const next = recipient?.nextAttempt ?? 0;
  expect(next - before).toBeGreaterThan(260_000);
  expect(next - lab.now()).toBeLessThanOrEqual(330_000);
  const [attempt] = await lab.smtp.store.queue.attempts(listing?.id ?? 0);
  expect(attempt).toMatchObject({ number: 1, host: 'mx.other.test [127.0.0.2]', tls: '', status: '4.7.1' });
  expect(attempt?.transcript).toContain('\nC: RCPT TO:<you@other.test>\nS: 451 4.7.1 Greylisted\n');
  lab.pass(340_000);
  await lab.settled(2);
  grey = false;
  lab.pass(340_000);
  expect(peer.messages).toEqual([]);
  lab.pass(340_000);
  await lab.settled(3);
  expect(lab.outcomes).toEqual(['waiting', 'waiting', 'sent']);
  expect(peer.messages.length).toBe(1);
});

test('where nobody answers, what is due is put off without a try for each, and later all of it goes', async () => {
  await using lab = await outboundLab(OTHER, { idle: true });
  for (let n = 0; n < 30; n++) await lab.submit({ to: `u${n}@other.test` });
  const before = lab.now();
  await lab.restart();
  await lab.settled(30);
  const { queue } = lab.smtp.store;
  const tries = (await Promise.all((await queue.list({}, 0, 100)).map(({ id }) => queue.attempts(id)))).flat();
  expect(tries.filter(({ transcript }) => transcript !== '').length).toBeLessThanOrEqual(2);
  expect(new Set(tries.map(({ reply }) => reply))).toEqual(
    new Set([`451 4.4.1 127.0.0.2 port ${lab.port}: ECONNREFUSED`]),
  );
  expect(await queue.due(before + 250_000, 10)).toEqual([]);
  // New mail waits with the rest.
  await lab.submit({ to: 'late@other.test' });
  await using peer = await lab.peer(2);
  lab.pass(340_000);
  await lab.settled(61);
  expect(peer.messages.length).toBe(31);
  expect((await queue.totals()).messages).toBe(0);
});

test('many messages go over few sessions, and never too many at once', async () => {
  await using lab = await outboundLab(OTHER, { idle: true });
  await using peer = await lab.peer(2, { extensions: ['PIPELINING'] });
  for (let n = 0; n < 60; n++) await lab.submit({ to: `u${n}@other.test` });
  await lab.restart();
  await lab.settled(60);
  expect(peer.messages.length).toBe(60);
  expect(peer.sessions.length).toBeLessThanOrEqual(20);
  expect(peer.most).toBeLessThanOrEqual(20);
});

test('a server that takes few sessions at once gets no more, and everything arrives', async () => {
  await using lab = await outboundLab(OTHER, { idle: true });
  await using peer = await lab.peer(2, {
    act: (command) => (command === 'CONNECT' && peer.open > 2 ? '421 4.7.0 Too many of you' : undefined),
  });
  for (let n = 0; n < 30; n++) await lab.submit({ to: `u${n}@other.test` });
  await lab.restart();
  await lab.settled(30);
  expect(peer.messages.length).toBe(30);
  expect(new Set(lab.outcomes)).toEqual(new Set(['sent']));
});

test('a server that takes few recipients at once gets the others in the next transaction', async () => {
  await using lab = await outboundLab(OTHER);
  await using peer = await lab.peer(2, {
    extensions: ['PIPELINING'],
    act: (_command, { commands }) => {
      const since = commands.slice(commands.findLastIndex((line) => line.startsWith('MAIL')));
      return since.filter((line) => line.startsWith('RCPT')).length > 3 && since.at(-1)?.startsWith('RCPT')
        ? '452 4.5.3 Too many recipients'
        : undefined;
    },
  });
  await lab.submit({ to: Array.from({ length: 8 }, (_, n) => `u${n}@other.test`) });
  await lab.settled(8);
  expect(peer.messages.map(({ recipients }) => recipients.length)).toEqual([3, 3, 2]);
  expect(peer.sessions.length).toBeLessThanOrEqual(3);
});

test('TLS is used where it is offered; where it fails the mail goes without, over a new connection', async () => {
  const { certificate: cert, key } = await makeCertificate(['elsewhere.test']);
  await using lab = await outboundLab({
    ...OTHER,
    'broken.test': { MX: [[1, 'mx.broken.test']] },
    'mx.broken.test': { A: ['127.0.0.3'] },
  });
  await using good = await lab.peer(2, { extensions: ['STARTTLS'], tls: { cert, key } });
  await using broken = await lab.peer(3, {
    extensions: ['STARTTLS'],
    act: (command) => (command === 'STARTTLS' ? '454 4.7.0 Not now' : undefined),
  });
  await lab.submit({ to: ['you@other.test', 'you@broken.test'] });
  await lab.settled(2);
  expect(good.messages.map(({ secure }) => secure)).toEqual([true]);
  expect(broken.messages.map(({ secure }) => secure)).toEqual([false]);
  expect(broken.sessions.map(({ commands }) => commands[1])).toEqual(['STARTTLS', expect.stringMatching(/^MAIL/)]);
});

test('a connection that is cut after the dot and before the reply is tried again, and only that is sent twice', async () => {
  await using lab = await outboundLab(OTHER);
  let cut = true;
  await using peer = await lab.peer(2, {
    act: (command) => (cut && command === 'DOT' ? { cut: true } : undefined),
  });
  await lab.submit({ to: 'you@other.test' });
  await lab.settled(1);
  expect(lab.outcomes).toEqual(['waiting']);
  cut = false;
  lab.pass(340_000);
  await lab.settled(2);
  expect(lab.outcomes).toEqual(['waiting', 'sent']);
  expect(peer.messages.length).toBe(1);
});

test('what is in hand when the server stops goes on after its restart, and nothing is lost or sent twice', async () => {
  await using lab = await outboundLab(OTHER, { idle: true });
  await using peer = await lab.peer(2);
  for (let n = 0; n < 40; n++) await lab.submit({ to: `u${n}@other.test` });
  await lab.restart();
  await lab.settled(5);
  await lab.restart();
  await lab.settled(40);
  const recipients = peer.messages.flatMap((message) => message.recipients);
  expect(new Set(recipients).size).toBe(40);
  expect(recipients.length).toBe(40);
});

test('a stop does not wait for a server that is silent', async () => {
  await using lab = await outboundLab(OTHER);
  await using peer = await lab.peer(2, { act: (command) => (command === 'DOT' ? { silent: true } : undefined) });
  await lab.submit({ to: 'you@other.test' });
  await until(() => peer.commands.includes('DATA'));
  await lab.stop();
  expect((await lab.smtp.store.queue.totals()).messages).toBe(1);
});

test('what is held is not sent before it is released', async () => {
  await using lab = await outboundLab(OTHER, { idle: true });
  await using peer = await lab.peer(2);
  await lab.submit({ to: 'you@other.test' });
  await lab.submit({ to: 'me@other.test' });
  const [first] = await lab.smtp.store.queue.list({}, 0, 1);
  const id = first?.id ?? 0;
  await lab.smtp.store.queue.change('hold', { id });
  await lab.restart();
  await lab.settled(1);
  expect(peer.messages.map(({ recipients }) => recipients[0])).toEqual(['RCPT TO:<me@other.test>']);
  await lab.smtp.store.queue.change('release', { id });
  await lab.settled(2);
  expect(peer.messages.length).toBe(2);
});

test('a large message is streamed to its servers and its file is named by nobody afterwards', async () => {
  await using lab = await outboundLab(OTHER);
  await using peer = await lab.peer(2, { extensions: FULL.filter((name) => !name.startsWith('SIZE')) });
  const text = 'a line of some length\r\n'.repeat(20_000);
  await lab.submit({ to: 'you@other.test', text, textEncoding: 'quoted-printable' });
  await lab.settled(1);
  expect(lab.outcomes).toEqual(['sent']);
  expect(peer.messages[0]?.content.split('a line of some length').length).toBe(20_001);
  expect((await lab.smtp.store.queue.totals()).messages).toBe(0);
});

test('addresses that can not be sent to are refused at RCPT, and nobody relays without a login', async () => {
  await using lab = await outboundLab({}, { idle: true });
  await expect(lab.submit({ to: 'you@[127.0.0.1]' })).rejects.toThrow('550 5.1.2');
  await expect(lab.submit({ from: 'you@other.test', to: 'you@other.test' })).rejects.toThrow('550 5.7.1');
  expect((await lab.smtp.store.queue.totals()).messages).toBe(0);
});

test('mail leaves with the signatures of its author’s domain, good as it arrives', async () => {
  await using lab = await outboundLab(OTHER);
  await using peer = await lab.peer(2, { extensions: FULL });
  const keys = await makeSigningKeys('p1');
  await lab.smtp.store.signingKeys.add('example.test', 'p1', keys);
  await lab.submit({ to: 'you@other.test', subject: 'Grüße', text: '.dots\n..\n \nand blanks  \n\n\n' });
  await lab.settled(1);
  const { results } = await dkimVerify(Buffer.from(peer.messages[0]?.content ?? '', 'latin1'), {
    resolver: async (name) => {
      const key = keys.find(({ selector }) => name === `${selector}._domainkey.example.test`);
      return [[`v=DKIM1; k=${key?.algorithm.split('-')[0]}; p=${key?.publicKey}`]];
    },
  });
  expect(results.map(({ algo, status, signingDomain }) => [algo, status.result, signingDomain])).toEqual([
    ['ed25519-sha256', 'pass', 'example.test'],
    ['rsa-sha256', 'pass', 'example.test'],
  ]);
});

test('without a name for our IPv6 address mail goes by IPv4, where there is a choice', async () => {
  const asked: string[] = [];
  const ours = ['2001:db8::25'];
  const resolver = {
    resolve: async (name: string) => {
      asked.push(name);
      return { exists: true, name, records: [], authentic: false };
    },
  };
  const may = sendsByIpv6({ resolver, source: [], addresses: () => ours, now: () => 0 });
  expect([await may(), await may()]).toEqual([false, false]);
  expect(asked).toEqual(['5.2.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa']);
  expect(await sendsByIpv6({ resolver, source: [], addresses: () => [], now: () => 0 })()).toBe(true);
});
