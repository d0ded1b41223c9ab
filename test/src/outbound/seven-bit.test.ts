// Eight-bit mail for a server that takes only seven (RFC 6152 3), over sockets: what arrives there reads as what was sent.
import { dkimVerify } from 'mailauth/lib/dkim/verify.js';
import { simpleParser } from 'mailparser';
import { expect, test } from 'vitest';
import { makeSigningKeys } from '#src/outbound/signing.ts';
import { type OutboundLab, outboundLab, until } from '#test/support/outbound.ts';
import { PASSWORD } from '#test/support/smtp-server.ts';
import { SmtpWire } from '#test/support/wire.ts';

const OTHER = { 'other.test': { MX: [[1, 'mx.other.test']] }, 'mx.other.test': { A: ['127.0.0.2'] } } as const;

async function send(lab: OutboundLab, lines: readonly (string | Buffer)[]): Promise<void> {
  const client = await SmtpWire.open(lab.smtp.submission);
  await client.command('EHLO laptop');
  await client.command(`AUTH PLAIN ${Buffer.from(`\0anna\0${PASSWORD}`).toString('base64')}`);
  for (const line of ['MAIL FROM:<anna@example.test> BODY=8BITMIME', 'RCPT TO:<you@other.test>']) {
    expect((await client.command(line)).code).toBe(250);
  }
  const message = Buffer.concat(
    ['From: anna@example.test', 'Subject: x', ...lines].flatMap((line) => [
      Buffer.from(line as string),
      Buffer.from('\r\n'),
    ]),
  );
  client.wire.send(`BDAT ${message.length} LAST\r\n`);
  client.wire.send(message);
  expect((await client.reply()).code).toBe(250);
  client.wire.destroy();
  await until(async () => (await lab.smtp.store.queue.totals()).messages === 0);
}

test('texts become quoted-printable, all else base64, and our signature is good', async () => {
  await using lab = await outboundLab(OTHER);
  const keys = await makeSigningKeys('p1');
  await lab.smtp.store.signingKeys.add('example.test', 'p1', keys);
  await using peer = await lab.peer(2, { extensions: ['SIZE 100000'] });
  const bytes = Buffer.from(
    Array.from({ length: 300 }, (_, n) => (n * 7) & 0xff).filter((n) => ![0, 10, 13].includes(n)),
  );
  await send(lab, [
    'MIME-Version: 1.0',
    'Content-Type: multipart/mixed; boundary=b',
    'Content-Transfer-Encoding: 8bit',
    '',
    '--b',
    'Content-Type: text/plain; charset=utf-8',
    'Content-Transfer-Encoding: 8bit',
    '',
    'Grüße aus Köln, 5 €  ',
    '.',
    '--b',
    'Content-Type: text/plain',
    '',
    'plain=text',
    '--b',
    'Content-Type: message/rfc822',
    'Content-Transfer-Encoding: 8bit',
    '',
    'Subject: inner',
    'Content-Type: text/html; charset=iso-8859-1',
    'Content-Transfer-Encoding: 8bit',
    '',
    Buffer.from('<p>caf\xe9', 'latin1'),
    '--b',
    'Content-Type: application/octet-stream',
    'Content-Transfer-Encoding: 8bit',
    '',
    bytes,
    '--b--',
  ]);
  expect(lab.outcomes).toEqual(['sent']);
  const [message] = peer.messages;
  expect(message?.content).toMatch(/^[\t\r\n -~]*$/);
  expect(message?.mail).toMatch(/SIZE=(\d+)$/);
  expect(message?.content.length).toBe(Number(/SIZE=(\d+)$/.exec(message?.mail ?? '')?.[1]));
  expect(message?.content).toContain('\r\nplain=text\r\n--b');
  expect(message?.content).toContain('<p>caf=E9\r\n--b');
  const mail = await simpleParser(Buffer.from(message?.content ?? '', 'latin1'));
  expect(mail.text).toContain('Grüße aus Köln, 5 €  \n.');
  expect(mail.attachments.at(-1)?.content.equals(bytes)).toBe(true);
  const { results } = await dkimVerify(Buffer.from(message?.content ?? '', 'latin1'), {
    resolver: async (name) => {
      const key = keys.find(({ selector }) => name === `${selector}._domainkey.example.test`);
      return [[`v=DKIM1; k=${key?.algorithm.split('-')[0]}; p=${key?.publicKey}`]];
    },
  });
  expect(results.map(({ status }) => status.result)).toEqual(['pass', 'pass']);
});

test('one text alone, and one of which nobody said what it is, are converted', async () => {
  await using lab = await outboundLab(OTHER);
  await using peer = await lab.peer(2);
  await send(lab, ['', 'Grüße']);
  const mail = await simpleParser(Buffer.from(peer.messages[0]?.content ?? '', 'latin1'));
  expect([mail.text?.trim(), peer.messages[0]?.mail]).toEqual(['Grüße', 'MAIL FROM:<anna@example.test>']);
});

test('what is signed comes back, and a server with 8BITMIME gets all of it as it is', async () => {
  await using lab = await outboundLab(OTHER);
  await using peer = await lab.peer(2);
  const signed = [
    'MIME-Version: 1.0',
    'Content-Type: multipart/signed; boundary=b; protocol="application/pgp-signature"',
    '',
    '--b',
    'Content-Type: text/plain; charset=utf-8',
    'Content-Transfer-Encoding: 8bit',
    '',
    'Grüße',
    '--b',
    'Content-Type: application/pgp-signature',
    '',
    'signature',
    '--b--',
  ];
  await send(lab, signed);
  expect(peer.messages).toEqual([]);
  expect((await lab.smtp.inbox(lab.smtp.anna))[0]).toMatch(/Status: 5\.6\.3/);
  peer.options = { extensions: ['8BITMIME'] };
  await send(lab, signed);
  expect(Buffer.from(peer.messages[0]?.content ?? '', 'latin1').toString()).toContain('\r\nGrüße\r\n');
});
