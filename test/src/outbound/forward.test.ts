// Mail that comes in and goes on to addresses elsewhere, and what comes back to the return addresses that it goes with:
// over sockets, from our MX through the queue to peers.
import { expect, test } from 'vitest';
import { createSrs } from '#src/outbound/srs.ts';
import { incoming, junk, type OutboundLab, outboundLab, until } from '#test/support/outbound.ts';

const ZONES = {
  'other.test': { MX: [[1, 'mx.other.test']] },
  'mx.other.test': { A: ['127.0.0.2'] },
  'sender.test': { MX: [[1, 'mx.sender.test']] },
  'mx.sender.test': { A: ['127.0.0.3'] },
} as const;
/** SPF says that its peer, which is 127.0.0.1, may send for it. */
const CONFIRMED = {
  ...ZONES,
  'sender.test': { ...ZONES['sender.test'], TXT: ['v=spf1 ip4:127.0.0.1 -all'] },
} as const;
const DAY = 86_400_000;

const drained = (lab: OutboundLab) => until(async () => (await lab.smtp.store.queue.totals()).messages === 0);

test('an alias of addresses elsewhere: the message goes on as it came, unsigned, with a return address of ours', async () => {
  await using lab = await outboundLab(CONFIRMED);
  await using peer = await lab.peer(2);
  await lab.smtp.store.directory.addAlias('team@example.test', ['One@other.test', 'bert@example.test']);
  expect(await incoming(lab, ['team@example.test'])).toMatch(/^250 /);
  await drained(lab);
  const [message] = peer.messages;
  expect(message?.mail).toMatch(/^MAIL FROM:<SRS0=[a-z2-7]{8}=[a-z2-7]{2}=sender\.test=joe@example\.test>/);
  expect(message?.recipients).toEqual(['RCPT TO:<One@other.test>']);
  expect(message?.content).toMatch(
    /^Delivered-To: team@example\.test\r\nReceived: from mx\.sender\.test [\s\S]*for <team@example\.test>; [^\n]*\nFrom: joe@sender\.test\r\nSubject: hello\r\n\r\ntext\r\n$/,
  );
  expect(await lab.smtp.inbox(lab.smtp.bert)).toHaveLength(1);
});

test('what comes back to the return address goes to the sender; nothing else gets through it', async () => {
  await using lab = await outboundLab(CONFIRMED);
  await using other = await lab.peer(2);
  await using sender = await lab.peer(3);
  await lab.smtp.store.directory.addAlias('out@example.test', ['one@other.test']);
  // The catch-all does not swallow them.
  await lab.smtp.store.directory.addAlias('@example.test', ['bert@example.test']);
  await incoming(lab, ['out@example.test'], '"a \\"b"@sender.test');
  await drained(lab);
  const srs = /<(.*)>/.exec(other.messages[0]?.mail ?? '')?.[1] ?? '';
  expect(await incoming(lab, [srs.toUpperCase()], '')).toMatch(/^250 /);
  await drained(lab);
  expect(sender.messages.map(({ mail, recipients }) => [mail, ...recipients])).toEqual([
    ['MAIL FROM:<>', 'RCPT TO:<"A \\"B"@sender.test>'],
  ]);
  await lab.smtp.store.directory.removeAlias('@example.test');
  const bad = [
    srs.replace(/=([a-z2-7])/, (_, c) => `=${c === 'a' ? 'b' : 'a'}`),
    srs.replace('sender', 'victim'),
    'SRS0=@example.test',
  ];
  for (const address of bad) expect(await incoming(lab, [address], '')).toMatch(/^550 5\.1\.1/);
  expect(await incoming(lab, [srs], 'joe@sender.test')).toMatch(/^550 5\.1\.1/);
  lab.pass(21 * DAY);
  expect(await incoming(lab, [srs], '')).toMatch(/^250 /);
  lab.pass(DAY);
  expect(await incoming(lab, [srs], '')).toMatch(/^550 5\.1\.1/);
});

test('what comes back of mail whose sender is not known lies in the Junk of him for whom it came, and nobody else hears of it', async () => {
  await using lab = await outboundLab(ZONES);
  await using other = await lab.peer(2);
  await using sender = await lab.peer(3);
  const { directory } = lab.smtp.store;
  await directory.setSetting(lab.smtp.anna.id, 'forward', ['one@other.test']);
  await directory.setSetting(lab.smtp.anna.id, 'forward-copy', ['no']);
  await incoming(lab, ['anna+x@example.test']);
  await drained(lab);
  const address = /<(.*)>/.exec(other.messages[0]?.mail ?? '')?.[1] ?? '';
  expect(address).toMatch(/^FWD0=[a-z2-7]{8}=[a-z2-7]{2}=anna\+x@example\.test$/);
  const said = ['Subject: Undelivered', 'Message-ID: <1@other.test>'];
  for (const to of [address, address.toUpperCase()]) expect(await incoming(lab, [to], '', said)).toMatch(/^250 /);
  await drained(lab);
  const [filed, ...more] = await junk(lab);
  expect(more).toHaveLength(1); // once for each address that it came for
  expect(filed).toMatch(/^Delivered-To: FWD0=.*\r\nReceived: from [\s\S]*Subject: Undelivered[\s\S]*text\r\n$/);
  expect([sender.messages, other.messages.slice(1), await lab.smtp.inbox(lab.smtp.anna)]).toEqual([[], [], []]);
  const bad = [address.replace('anna', 'bert'), address.replace(/=([a-z2-7])/, (_, c) => `=${c === 'a' ? 'b' : 'a'}`)];
  for (const to of bad) expect(await incoming(lab, [to], '')).toMatch(/^550 5\.1\.1/);
  expect(await incoming(lab, [address], 'joe@sender.test')).toMatch(/^550 5\.1\.1/);
  lab.pass(22 * DAY);
  expect(await incoming(lab, [address], '')).toMatch(/^550 5\.1\.1/);
});

test('postmaster without a domain is forwarded from our default domain', async () => {
  await using lab = await outboundLab(CONFIRMED);
  await using other = await lab.peer(2);
  await lab.smtp.store.directory.addAlias('postmaster@example.test', ['one@other.test']);
  for (const from of ['joe@sender.test', 'joe@nowhere.test']) {
    expect(await incoming(lab, ['postmaster'], from, [], { rcpt: ' NOTIFY=FAILURE' })).toMatch(/^250 /);
  }
  await drained(lab);
  expect(
    other.messages.map(({ mail }) =>
      mail
        .split(' ')
        .slice(0, 2)
        .join(' ')
        .replace(/=[a-z2-7]{8}=..=/, '=H='),
    ),
  ).toEqual(['MAIL FROM:<SRS0=H=sender.test=joe@example.test>', 'MAIL FROM:<FWD0=H=postmaster@example.test>']);
});

test('return addresses of other forwarders are kept in ours, also of the second and the third', () => {
  const servers = ['a', 'b', 'c', 'd'].map((name) => createSrs((purpose) => Buffer.from(`${name} ${purpose}`)));
  const now = 1_790_000_000_000;
  let address = 'Joe+x@sender.test';
  const path = [address];
  for (const [i, srs] of servers.entries()) {
    address = srs.rewrite(address, `${i}.test`, now);
    path.push(address);
  }
  expect(path.map((text) => text.replace(/=[a-z2-7]{8,10}=(?:..=)?/g, '=H='))).toEqual([
    'Joe+x@sender.test',
    'SRS0=H=sender.test=Joe+x@0.test',
    expect.stringMatching(/^SRS1=H=0\.test==/),
    expect.stringMatching(/^SRS1=H=0\.test==/),
    expect.stringMatching(/^SRS1=H=0\.test==.*@3\.test$/),
  ]);
  // Each sends it straight to the first, which knows the sender.
  for (const i of [1, 2, 3]) expect(servers[i]?.original(path[i + 1] ?? '', now)?.address).toBe(path[1]);
  expect(servers[0]?.original(path[1] ?? '', now + 20 * DAY)?.address).toBe('Joe+x@sender.test');
  expect(servers[1]?.original(path[1] ?? '', now)).toBeNull();
});

test('an account forwards and keeps a copy, or none; own senders keep their address, the null sender stays null', async () => {
  await using lab = await outboundLab(ZONES);
  await using peer = await lab.peer(2);
  const { directory } = lab.smtp.store;
  await directory.setSetting(lab.smtp.anna.id, 'forward', ['one@other.test', 'bert@example.test']);
  expect(await incoming(lab, ['anna+x@example.test'], '')).toMatch(/^250 /);
  await drained(lab);
  expect(peer.messages.at(-1)?.mail).toBe('MAIL FROM:<>');
  expect(
    [await lab.smtp.inbox(lab.smtp.anna), await lab.smtp.inbox(lab.smtp.bert)].map(({ length }) => length),
  ).toEqual([1, 1]);
  await directory.setSetting(lab.smtp.anna.id, 'forward-copy', ['no']);
  await lab.submit({ to: 'anna@example.test' });
  await drained(lab);
  expect(peer.messages.at(-1)?.mail).toBe('MAIL FROM:<anna@example.test>');
  expect(
    [await lab.smtp.inbox(lab.smtp.anna), await lab.smtp.inbox(lab.smtp.bert)].map(({ length }) => length),
  ).toEqual([1, 2]);
  // Round in a circle: each once.
  await directory.setSetting(lab.smtp.bert.id, 'forward', ['anna@example.test']);
  await incoming(lab, ['bert@example.test', 'anna@example.test'], 'other@sender.test');
  await drained(lab);
  expect(peer.messages).toHaveLength(3);
});

test('what could not be forwarded lies in the Junk of him for whom it came, and nobody else hears of it', async () => {
  await using lab = await outboundLab(ZONES);
  await using _other = await lab.peer(2, { act: (line) => (/^RCPT/.test(line) ? '550 5.1.1 Nobody' : undefined) });
  await using sender = await lab.peer(3);
  const { directory } = lab.smtp.store;
  await directory.setSetting(lab.smtp.anna.id, 'forward', ['one@other.test']);
  await directory.setSetting(lab.smtp.anna.id, 'forward-copy', ['no']);
  await directory.addAlias('out@example.test', ['one@other.test']);
  expect(await incoming(lab, ['anna@example.test', 'out@example.test'])).toMatch(/^250 /);
  await drained(lab);
  const [report, ...more] = await junk(lab);
  expect(more).toEqual([]);
  expect(report).toMatch(
    /^From: Mail Delivery System [\s\S]*To: <anna@example\.test>\r\nSubject: Mail to you could not be forwarded/,
  );
  expect(report).toMatch(/550 5\.1\.1 Nobody[\s\S]*Content-Type: message\/rfc822[\s\S]*Subject: hello\r\n\r\ntext\r\n/);
  expect(sender.messages).toEqual([]);
  expect(await lab.smtp.inbox(lab.smtp.anna)).toEqual([]);
});

test('a peer that repeats a message has it forwarded once; one that comes back is a loop', async () => {
  await using lab = await outboundLab(ZONES);
  await using peer = await lab.peer(2);
  await lab.smtp.store.directory.addAlias('out@example.test', ['one@other.test']);
  for (let n = 0; n < 2; n++) {
    expect(await incoming(lab, ['out@example.test'], 'joe@sender.test', ['Message-ID: <1@sender.test>'])).toMatch(
      /^250/,
    );
    await drained(lab);
  }
  expect(peer.messages).toHaveLength(1);
  lab.pass(2 * 3_600_000);
  await incoming(lab, ['out@example.test'], 'joe@sender.test', ['Message-ID: <1@sender.test>']);
  await drained(lab);
  expect(peer.messages).toHaveLength(2);
  expect(await incoming(lab, ['out@example.test'], 'joe@sender.test', ['Delivered-To: out@example.test'])).toMatch(
    /^554 5\.4\.6/,
  );
});

test('there are at most 20 addresses elsewhere behind one, whatever leads to them', async () => {
  await using lab = await outboundLab(ZONES, { idle: true });
  const { directory } = lab.smtp.store;
  const many = Array.from({ length: 21 }, (_, n) => `u${n}@other.test`);
  await expect(directory.addAlias('many@example.test', many)).rejects.toMatchObject({ code: 'limit' });
  await directory.addAlias('a@example.test', many.slice(0, 15));
  await directory.addAlias('b@example.test', many.slice(10));
  await directory.addAlias('ab@example.test', ['a@example.test', 'b@example.test']);
  expect(await incoming(lab, ['ab@example.test'])).toMatch(/^250/);
  const [queued] = await lab.smtp.store.queue.list({}, 0, 9);
  expect(queued?.recipients).toHaveLength(20);
});

test('the sender is kept where his domain lets us send and he has been confirmed; else the return address is ours', async () => {
  const us = { 'mail.example.test': { A: ['127.0.0.1'] }, 'shared.test': { TXT: ['v=spf1 ip4:127.0.0.1 -all'] } };
  const strict = { 'strict.test': { TXT: ['v=spf1 ip4:127.0.0.9 -all'] } };
  await using lab = await outboundLab({ ...ZONES, ...us, ...strict });
  await using peer = await lab.peer(2);
  await lab.smtp.store.directory.addAlias('out@example.test', ['one@other.test']);
  const sentAs = async (from: string) => {
    expect(await incoming(lab, ['out@example.test'], from)).toMatch(/^250 /);
    await drained(lab);
    return peer.messages.at(-1)?.mail ?? '';
  };
  // The peer is 127.0.0.1 as well as we are.
  expect(await sentAs('joe@shared.test')).toMatch(/^MAIL FROM:<joe@shared\.test>/);
  expect(await sentAs('joe@nowhere.test')).toMatch(/^MAIL FROM:<FWD0=[a-z2-7]{8}=[a-z2-7]{2}=out@example\.test>/);
  expect(await sentAs('joe@strict.test')).toMatch(/^MAIL FROM:<FWD0=/);
  // Our own domain names this server; whoever only says that he is of it does not get its good name.
  lab.dns.zones.set('mail.example.test', { A: ['127.0.0.8'] });
  lab.dns.zones.set('example.test', { TXT: ['v=spf1 ip4:127.0.0.8 -all'] });
  expect(await sentAs('boss@example.test')).toMatch(/^MAIL FROM:<FWD0=/);
});

test('who is confirmed is told himself what could not be forwarded, and not where it went', async () => {
  await using lab = await outboundLab(CONFIRMED);
  await using _other = await lab.peer(2, {
    act: (line) => (/^RCPT/.test(line) ? '550 5.1.1 No secret@other.test' : undefined),
  });
  await using sender = await lab.peer(3);
  const { directory } = lab.smtp.store;
  await directory.setSetting(lab.smtp.anna.id, 'forward', ['secret@other.test', 'second@other.test']);
  await directory.setSetting(lab.smtp.anna.id, 'forward-copy', ['no']);
  expect(await incoming(lab, ['anna@example.test'])).toMatch(/^250 /);
  await drained(lab);
  const [report, ...more] = sender.messages;
  expect(more).toEqual([]);
  expect([report?.mail, ...(report?.recipients ?? [])]).toEqual(['MAIL FROM:<>', 'RCPT TO:<joe@sender.test>']);
  expect(report?.content).toMatch(
    /To: <joe@sender\.test>[\s\S]*Final-Recipient: rfc822;anna@example\.test\r\nAction: failed\r\nStatus: 5\.1\.1/,
  );
  expect(report?.content.match(/Final-Recipient/g)).toHaveLength(1);
  expect(report?.content).not.toMatch(/other\.test/);
  expect(await junk(lab)).toEqual([]);
});

test('what was asked about reports goes on with the message, but for successes, which are told here', async () => {
  await using lab = await outboundLab(CONFIRMED);
  await using peer = await lab.peer(2, { extensions: ['DSN'] });
  await using sender = await lab.peer(3);
  await lab.smtp.store.directory.addAlias('out@example.test', ['one@other.test']);
  await lab.smtp.store.directory.addAlias('two@example.test', ['one@other.test', 'bert@example.test']);
  const sent = async (to: string, from: string, mail: string, rcpt: string) => {
    expect(await incoming(lab, [to], from, [], { mail, rcpt })).toMatch(/^250 /);
    await drained(lab);
    const last = peer.messages.at(-1);
    return [last?.mail, ...(last?.recipients ?? [])].join(' ').replace(/^MAIL FROM:<[^>]*> ?| ?RCPT TO:<[^>]*>/g, '');
  };
  const all = ' NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;first@sender.test';
  for (const from of ['joe@sender.test', 'joe@nowhere.test']) {
    expect(await sent('out@example.test', from, ' RET=HDRS ENVID=E1', all)).toBe(
      'RET=HDRS ENVID=E1 NOTIFY=FAILURE ORCPT=rfc822;first@sender.test',
    );
    expect(await sent('out@example.test', from, ' RET=HDRS', '')).toBe('RET=HDRS');
    expect(await sent('out@example.test', from, '', ' NOTIFY=NEVER')).toBe('RET=FULL NOTIFY=NEVER');
    expect(await sent('two@example.test', from, '', ' NOTIFY=SUCCESS')).toBe('RET=FULL NOTIFY=NEVER');
    expect(await sent('out@example.test', from, '', '')).toBe('');
  }
  expect(await sent('out@example.test', '', ' RET=HDRS ENVID=E2', ' NOTIFY=DELAY')).toBe('');
  expect(
    sender.messages.map(({ content }) => /Final-Recipient: rfc822;(.*)\r\nAction: (.*)\r\n/.exec(content)?.slice(1)),
  ).toEqual([
    ['out@example.test', 'relayed'],
    ['two@example.test', 'expanded'],
  ]);
});

test('of mail that asks for its header only, all is filed for him who has no other copy, and its sender has the header', async () => {
  await using lab = await outboundLab(CONFIRMED);
  await using _other = await lab.peer(2, { act: (line) => (/^RCPT/.test(line) ? '550 5.1.1 Nobody' : undefined) });
  await using sender = await lab.peer(3);
  const { directory } = lab.smtp.store;
  await directory.setSetting(lab.smtp.anna.id, 'forward', ['one@other.test']);
  await directory.setSetting(lab.smtp.anna.id, 'forward-copy', ['no']);
  const asked = { mail: ' RET=HDRS ENVID=E1', rcpt: ' ORCPT=rfc822;first@sender.test' };
  for (const from of ['joe@nowhere.test', 'joe@sender.test']) {
    expect(await incoming(lab, ['anna@example.test'], from, [], asked)).toMatch(/^250 /);
    await drained(lab);
  }
  const [filed, ...more] = await junk(lab);
  expect(more).toEqual([]);
  expect(filed).toMatch(/Content-Type: message\/rfc822[\s\S]*Subject: hello\r\n\r\ntext\r\n/);
  expect(sender.messages.map(({ content }) => content)).toEqual([
    expect.stringMatching(
      /Original-Envelope-Id: E1\r\n[\s\S]*Original-Recipient: rfc822;first@sender\.test\r\nFinal-Recipient: rfc822;anna@example\.test\r\nAction: failed[\s\S]*text\/rfc822-headers/,
    ),
  ]);
});
