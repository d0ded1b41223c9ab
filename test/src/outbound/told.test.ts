// Reports about mail that came in at our MX: of recipients that were refused after others had it, and of deliveries.
import { generateKeyPairSync } from 'node:crypto';
import { expect, test } from 'vitest';
import { signatures } from '#protocols/authenticity/sign.ts';
import { incoming, junk, type OutboundLab, outboundLab, until } from '#test/support/outbound.ts';
import { SmtpWire } from '#test/support/wire.ts';

const ZONES = {
  'sender.test': { MX: [[1, 'mx.sender.test']], TXT: ['v=spf1 ip4:127.0.0.1 -all'] },
  'mx.sender.test': { A: ['127.0.0.3'] },
  'forged.test': { MX: [[1, 'mx.sender.test']], TXT: ['v=spf1 ip4:127.0.0.9 -all'] },
} as const;
const BOTH = ['anna@example.test', 'bert@example.test'];
const LARGE = ['Message-ID: <1@sender.test>', `X-Filler: ${'x'.repeat(900)}`, `X-Filler: ${'x'.repeat(900)}`];

const drained = (lab: OutboundLab) => until(async () => (await lab.smtp.store.queue.totals()).messages === 0);
const inboxes = async ({ smtp }: OutboundLab) => {
  return [(await smtp.inbox(smtp.anna)).length, (await smtp.inbox(smtp.bert)).length];
};

test('one mailbox is full and the other has it: a confirmed sender has his 250 and one report, whatever is repeated', async () => {
  await using lab = await outboundLab(ZONES, { smtp: { quota: 1_500 } });
  await using sender = await lab.peer(3);
  const options = { mail: ' ENVID=E1', rcpt: ' ORCPT=rfc822;first@sender.test' };
  for (let n = 0; n < 2; n++)
    expect(await incoming(lab, BOTH, 'joe@sender.test', LARGE, options)).toMatch(/^250 2\.6\.0/);
  await drained(lab);
  const [report, ...more] = sender.messages;
  expect(more).toEqual([]);
  expect([report?.mail.split(' ')[1], ...(report?.recipients ?? [])]).toEqual(['FROM:<>', 'RCPT TO:<joe@sender.test>']);
  expect(report?.content).toMatch(
    /Original-Envelope-Id: E1\r\n[\s\S]*Original-Recipient: rfc822;first@sender\.test\r\nFinal-Recipient: rfc822;anna@example\.test\r\nAction: failed\r\nStatus: 5\.2\.2\r\n[\s\S]*message\/rfc822[\s\S]*Message-ID: <1@sender\.test>/,
  );
  expect(report?.content).not.toMatch(/bert/);
  expect(await inboxes(lab)).toEqual([0, 1]);
});

test('a sender who is not confirmed is sent nothing: his server keeps the mail, and tells him', async () => {
  await using lab = await outboundLab(ZONES, { smtp: { quota: 1_500 } });
  await using sender = await lab.peer(3);
  for (const from of ['joe@forged.test', 'joe@nowhere.test', '']) {
    expect(await incoming(lab, BOTH, from, LARGE)).toMatch(/^452 4\.2\.2/);
  }
  await drained(lab);
  expect(sender.messages).toEqual([]);
  expect(await junk(lab)).toEqual([]);
});

test('what our rules refuse lies in Junk with the reason where the sender is not confirmed, and others have it', async () => {
  await using lab = await outboundLab(ZONES, { smtp: { send: false } });
  const { directory } = lab.smtp.store;
  await directory.setSetting(lab.smtp.anna.id, 'forward', ['one@other.test']);
  await directory.setSetting(lab.smtp.anna.id, 'forward-copy', ['no']);
  for (let n = 0; n < 2; n++) expect(await incoming(lab, BOTH, 'joe@forged.test', LARGE)).toMatch(/^250/);
  await drained(lab);
  expect(await inboxes(lab)).toEqual([0, 1]);
  const [filed, ...more] = await junk(lab);
  expect(more).toEqual([]);
  expect(filed).toMatch(
    /^From: Mail Delivery System [\s\S]*To: <anna@example\.test>\r\nSubject: Mail to you was refused[\s\S]*550 5\.7\.1 This server sends no mail[\s\S]*message\/rfc822[\s\S]*Message-ID: <1@sender\.test>[\s\S]*text\r\n/,
  );
  // Alone it is refused as it always was.
  expect(await incoming(lab, ['anna@example.test'], 'joe@forged.test', LARGE)).toMatch(/^550 5\.7\.1/);
});

test('NOTIFY at our MX: successes are told to confirmed senders, failures to nobody who says NEVER', async () => {
  await using lab = await outboundLab(
    { ...ZONES, 'other.test': { MX: [[1, 'mx.sender.test']] } },
    { smtp: { quota: 1_500 } },
  );
  await using sender = await lab.peer(3);
  await lab.smtp.store.directory.addAlias('out@example.test', ['one@other.test']);
  const asked = { mail: ' RET=HDRS ENVID=E2', rcpt: ' NOTIFY=SUCCESS' };
  expect(await incoming(lab, ['bert@example.test', 'out@example.test'], 'joe@sender.test', LARGE, asked)).toMatch(
    /^250/,
  );
  await drained(lab);
  const reports = sender.messages.filter(({ mail }) => mail.startsWith('MAIL FROM:<>')).map(({ content }) => content);
  expect(reports.map((text) => /Final-Recipient: rfc822;(.*)\r\nAction: (.*)\r\n/.exec(text)?.slice(1)).sort()).toEqual(
    [
      ['bert@example.test', 'delivered'],
      ['out@example.test', 'relayed'],
    ],
  );
  for (const text of reports) expect(text).toMatch(/Original-Envelope-Id: E2[\s\S]*text\/rfc822-headers/);
  const before = sender.messages.length;
  expect(await incoming(lab, ['bert@example.test'], 'joe@forged.test', LARGE, asked)).toMatch(/^250/);
  expect(await incoming(lab, ['bert@example.test'], '', LARGE, asked)).toMatch(/^250/);
  const never = { rcpt: ' NOTIFY=NEVER' };
  expect(await incoming(lab, BOTH, 'joe@sender.test', LARGE, never)).toMatch(/^250/);
  await drained(lab);
  expect(sender.messages).toHaveLength(before);
});

test('NOTIFY by LMTP: deliveries are told to a sender whom DKIM confirms, each once, and not those that failed', async () => {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519');
  const key = publicKey.export({ format: 'der', type: 'spki' }).subarray(-32).toString('base64');
  const record = { 's._domainkey.sender.test': { TXT: [`v=DKIM1; k=ed25519; p=${key}`] } };
  await using lab = await outboundLab({ ...ZONES, ...record }, { smtp: { quota: 1_500 } });
  await using sender = await lab.peer(3);
  const header = Buffer.from('From: joe@sender.test\r\nSubject: hello\r\n\r\n');
  const text = `text${'.'.repeat(70)}\r\n`.repeat(20);
  async function* body() {
    yield Buffer.from(text);
  }
  const signer = { domain: 'sender.test', selector: 's', algorithm: 'ed25519-sha256' } as const;
  const keys = [{ ...signer, privateKey: privateKey.export({ format: 'der', type: 'pkcs8' }) }];
  const signed = await signatures(keys, { header, body: body(), now: Math.floor(Date.now() / 1_000) });
  const client = await SmtpWire.open(lab.smtp.lmtp);
  expect((await client.command('LHLO mta.test')).lines).toContain('DSN');
  const send = async (message: string) => {
    await client.command('MAIL FROM:<joe@sender.test> RET=HDRS ENVID=E3');
    // Three replies: anna has no room.
    for (const to of ['bert', 'anna', 'bert'])
      expect(
        (await client.command(`RCPT TO:<${to}@example.test> NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;${to}@list.test`)).code,
      ).toBe(250);
    await client.command('DATA');
    client.wire.send(`${message}.\r\n`);
    return [(await client.reply()).code, (await client.reply()).code, (await client.reply()).code];
  };
  expect(await send(`${signed}${header}${text}`)).toEqual([250, 552, 250]);
  expect(await send(`${header}${text}`)).toEqual([250, 552, 250]);
  await drained(lab);
  expect(
    sender.messages.map(({ content }) =>
      /Original-Envelope-Id: (.*)\r\n[\s\S]*Original-Recipient: (.*)\r\n.*bert@example\.test\r\nAction: (.*)\r\n/
        .exec(content)
        ?.slice(1),
    ),
  ).toEqual([['E3', 'rfc822;bert@list.test', 'delivered']]);
  expect(sender.messages[0]?.content).not.toContain('anna');
  client.wire.destroy();
});
