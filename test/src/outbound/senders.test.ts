// Addresses that get nothing any more, accounts whose mail is held, and VERP, over sockets: our submission, the queue, and
// peers that refuse.
import { expect, test } from 'vitest';
import { type OutboundLab, outboundLab, until } from '#test/support/outbound.ts';
import type { Act } from '#test/support/smtp-peer.ts';

const OTHER = { 'other.test': { MX: [[1, 'mx.other.test']] }, 'mx.other.test': { A: ['127.0.0.2'] } } as const;

/** Everything has its outcome, reports too. */
const drained = (lab: OutboundLab) => until(async () => (await lab.smtp.store.queue.totals()).messages === 0);

const refusing =
  (pattern: RegExp, reply: string) =>
  (command: string): Act | undefined =>
    pattern.test(command) ? reply : undefined;

test('an address that refuses mail three times in a row gets none any more, until somebody says so', async () => {
  await using lab = await outboundLab(OTHER);
  await using peer = await lab.peer(2, { act: refusing(/RCPT TO:<gone/i, '550 5.1.1 No such user') });
  const { suppression } = lab.smtp.store;
  for (let n = 1; n <= 3; n++) {
    await lab.submit({ to: 'gone@other.test' });
    await drained(lab);
  }
  expect(await suppression.list('', 10)).toMatchObject([
    { address: 'gone@other.test', blocks: true, bounces: 3, reply: '550 5.1.1 No such user' },
  ]);
  await expect(lab.submit({ to: 'Gone@OTHER.test' })).rejects.toThrow(
    /550 5\.7\.1 nothing is sent to <Gone@other\.test>, the last time it said: 550 5\.1\.1 No such user; .*suppression remove/,
  );
  await suppression.remove('GONE@other.test');
  peer.options = {};
  await lab.submit({ to: 'gone@other.test' });
  await drained(lab);
  expect(lab.outcomes.at(-1)).toBe('sent');
});

test('what is refused for the message, once, or long ago does not count; mail that is taken clears it', async () => {
  await using lab = await outboundLab(OTHER);
  let reply: string | undefined = '550 5.7.1 We think it is spam';
  await using _peer = await lab.peer(2, { act: (command) => (/^RCPT/.test(command) ? reply : undefined) });
  const { suppression } = lab.smtp.store;
  const send = async () => {
    await lab.submit({ to: 'one@other.test' });
    await drained(lab);
  };
  for (let n = 0; n < 3; n++) await send();
  reply = '552 5.2.2 Mailbox full';
  for (let n = 0; n < 3; n++) await send();
  expect(await suppression.list('', 10)).toEqual([]);
  reply = '550 5.1.1 Nobody';
  for (let n = 0; n < 2; n++) await send();
  expect(await suppression.list('', 10)).toMatchObject([{ blocks: false, bounces: 2 }]);
  reply = undefined;
  await send();
  expect(await suppression.list('', 10)).toEqual([]);
  reply = '550 5.1.1 Nobody';
  for (let n = 0; n < 2; n++) await send();
  lab.pass(61 * 86_400_000);
  await send();
  expect(await suppression.list('', 10)).toMatchObject([{ blocks: false, bounces: 1 }]);
});

test('what waits for an address that an administrator names is given back, to the others it goes', async () => {
  await using lab = await outboundLab(OTHER, { idle: true });
  await using peer = await lab.peer(2);
  await lab.submit({ to: ['one@other.test', 'two@other.test'] });
  const { suppression } = lab.smtp.store;
  await suppression.add('Two@other.test');
  await expect(suppression.add('nobody')).rejects.toMatchObject({ code: 'invalid' });
  await lab.restart();
  await drained(lab);
  expect(peer.messages.map(({ recipients }) => recipients)).toEqual([['RCPT TO:<one@other.test>']]);
  await until(async () => (await lab.smtp.inbox(lab.smtp.anna)).length === 1);
  expect((await lab.smtp.inbox(lab.smtp.anna))[0]).toMatch(/Status: 5\.7\.1/);
  await suppression.remove('two@other.test');
  await expect(suppression.remove('two@other.test')).rejects.toMatchObject({ code: 'not-found' });
});

test('an account of whose last fifty recipients ten refuse has its mail held, and one command lets it go', async () => {
  await using lab = await outboundLab(OTHER);
  await using peer = await lab.peer(2, { act: refusing(/RCPT TO:<bad/i, '550 5.7.1 No spam please') });
  const to = (name: string, count: number) => Array.from({ length: count }, (_, n) => `${name}${n}@other.test`);
  await lab.submit({ to: to('good', 40) });
  await drained(lab);
  await lab.submit({ to: to('bad', 9) });
  await drained(lab);
  const { queue } = lab.smtp.store;
  const { anna, bert } = lab.smtp;
  expect((await queue.obstacles(anna.id, [])).held).toBe(false);
  // The fiftieth is the tenth that is refused.
  await lab.submit({ to: 'bad9@other.test' });
  await until(async () => (await queue.obstacles(anna.id, [])).held);
  expect((await queue.obstacles(bert.id, [])).held).toBe(false);
  await expect(lab.submit({ to: 'you@other.test' })).rejects.toThrow(
    /450 4\.7\.1 mail of anna@example\.test is not sent on: .* posthuis account unblock anna@example\.test/,
  );
  await queue.forgive(anna.id);
  await lab.submit({ to: 'you@other.test' });
  await until(() => peer.messages.at(-1)?.recipients[0] === 'RCPT TO:<you@other.test>');
});

test('what waits when an account is held is held, and goes when it is let go', async () => {
  await using lab = await outboundLab(OTHER, { idle: true });
  await using peer = await lab.peer(2, { act: refusing(/RCPT TO:<bad/i, '550 5.7.1 No spam please') });
  for (let n = 0; n < 5; n++) await lab.submit({ to: Array.from({ length: 10 }, (_, i) => `bad${n}-${i}@other.test`) });
  for (let n = 0; n < 5; n++) await lab.submit({ to: `good${n}@hasty.test` });
  const { queue } = lab.smtp.store;
  await lab.restart();
  await until(async () => (await queue.list({}, 0, 50)).every(({ recipients }) => recipients[0]?.state === 'held'));
  lab.pass(7_200_000);
  const before = peer.sessions.length;
  await queue.forgive(lab.smtp.anna.id);
  const listed = await queue.list({ owner: lab.smtp.anna.id }, 0, 50);
  expect(listed.flatMap(({ recipients }) => recipients.map(({ state }) => state))).not.toContain('held');
  expect(before).toBeGreaterThan(0);
});

test('XVERP: each recipient gets it from an address of his own, here too, and so does each report', async () => {
  await using lab = await outboundLab(OTHER);
  await using peer = await lab.peer(2, {
    extensions: ['PIPELINING'],
    act: refusing(/RCPT TO:<gone/i, '550 5.1.1 No such user'),
  });
  await lab.smtp.store.directory.setSetting(lab.smtp.anna.id, 'verp', ['yes']);
  await lab.submit({ to: ['one@other.test', 'two@other.test', 'gone@other.test', 'bert@example.test'] });
  await drained(lab);
  expect(peer.messages.map(({ mail }) => mail).sort()).toEqual([
    'MAIL FROM:<anna+one=other.test@example.test>',
    'MAIL FROM:<anna+two=other.test@example.test>',
  ]);
  expect((await lab.smtp.inbox(lab.smtp.bert))[0]).toMatch(/^Return-Path: <anna\+bert=example\.test@example\.test>/);
  await until(async () => (await lab.smtp.inbox(lab.smtp.anna)).length === 1);
  expect((await lab.smtp.inbox(lab.smtp.anna))[0]).toMatch(/Delivered-To: anna\+gone=other\.test@example\.test/);
});
