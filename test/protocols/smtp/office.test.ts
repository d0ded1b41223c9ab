// Dialogues as office programs hold them (F218, F222): written down octet by octet, said in one go or line by line.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { PASSWORD, type SmtpServers, startSmtp } from '#test/support/smtp-server.ts';
import { SmtpWire } from '#test/support/wire.ts';

let smtp: SmtpServers;

beforeAll(async () => {
  smtp = await startSmtp();
});

afterAll(() => smtp[Symbol.asyncDispose]());

const base64 = (text: string) => Buffer.from(text).toString('base64');
const USER = base64('anna@example.test');
const PASS = base64(PASSWORD);

/** What is said, line by line as it stands, and the code that is waited for after it. */
const DIALOGUES: [name: string, steps: [said: string, code: number][]][] = [
  [
    'HELO with an IP address, AUTH LOGIN in three steps, paths without brackets, lines that end in LF (ROBAWS)',
    [
      ['HELO 192.168.0.7\n', 250],
      ['AUTH LOGIN\n', 334],
      [`${USER}\n`, 334],
      [`${PASS}\n`, 235],
      ['MAIL FROM: anna@example.test\n', 250],
      ['RCPT TO: bert@example.test\n', 250],
      ['DATA\n', 354],
      ['From: anna@example.test\nTo: bert@example.test\nSubject: Factuur 1\n\nBedrag: 10\xa4\n\r\n.\r\n', 250],
      ['QUIT\n', 221],
    ],
  ],
  [
    'AUTH LOGIN with the user name in the first line, two blanks, a name that is no host (KING)',
    [
      ['EHLO WERKPLEK 07\r\n', 501],
      ['EHLO WERKPLEK_07\r\n', 250],
      [`AUTH LOGIN  ${USER} \r\n`, 334],
      [`${PASS}\r\n`, 235],
      ['MAIL FROM:<anna@example.test>\r\n', 250],
      ['RCPT TO:<bert@example.test>\r\n', 250],
      ['DATA\r\n', 354],
      ['Subject: Factuur 2\r\nBcc: anna@example.test\r\n\r\n.dots\r\n..are\r\n\r\n.\r\n', 250],
      ['QUIT\r\n', 221],
    ],
  ],
  [
    'asks for CRAM-MD5 first, then PLAIN with two blanks, RSET before each message (Easyflex)',
    [
      ['ehlo office.example\r\n', 250],
      ['AUTH CRAM-MD5\r\n', 504],
      [`auth  plain  ${base64(`\0anna@example.test\0${PASSWORD}`)}\r\n`, 235],
      ['RSET\r\n', 250],
      ['mail from:<anna@example.test> size=200 body=8bitmime\r\n', 250],
      ['rcpt to:<Bert@Example.Test>\r\n', 250],
      ['data\r\n', 354],
      ['FROM: Anna <anna@example.test>\r\nSUBJECT: Factuur 3\r\n\r\nx\r\n.\r\n', 250],
      ['RSET\r\n', 250],
      ['quit\r\n', 221],
    ],
  ],
  [
    'DOMAIN\\user, sends all of DATA with bare CR line ends (eBlinqx)',
    [
      ['EHLO [192.168.0.7]\r\n', 250],
      ['AUTH LOGIN\r\n', 334],
      [`${base64('EXAMPLE\\anna')}\r\n`, 334],
      [`${PASS}\r\n`, 235],
      ['MAIL FROM:<anna@example.test>\r\n', 250],
      ['RCPT TO:<bert@example.test>\r\n', 250],
      ['DATA\r\n', 354],
      ['From: anna@example.test\rSubject: Factuur 4\r\rx\r\n.\r\n', 250],
      ['QUIT\r\n', 221],
    ],
  ],
  [
    'EHLO without a name, then HELO with one, AUTH LOGIN in tabs and blanks, no parameter anywhere, VRFY before RCPT',
    [
      ['EHLO\r\n', 501],
      ['HELO kantoor\r\n', 250],
      ['AUTH \t LOGIN\r\n', 334],
      [` ${USER}\r\n`, 334],
      [`${PASS} \r\n`, 235],
      ['VRFY bert@example.test\r\n', 252],
      ['MAIL FROM:anna@example.test\r\n', 250],
      ['RCPT TO:bert@example.test\r\n', 250],
      ['DATA\r\n', 354],
      ['From: anna@example.test\nTo: bert@example.test\nSubject: Factuur 5\n\nBedrag: 10\n.\n\r\n.\r\n', 250],
      ['QUIT\r\n', 221],
    ],
  ],
];

describe('an office program', () => {
  test.each(DIALOGUES)('%s', async (_name, steps) => {
    const before = (await smtp.inbox(smtp.bert)).length;
    const client = await SmtpWire.open(smtp.submission);
    for (const [said, code] of steps) {
      client.wire.send(Buffer.from(said, 'latin1'));
      expect([said, (await client.reply()).code]).toEqual([said, code]);
    }
    await client.wire.closed();
    const arrived = (await smtp.inbox(smtp.bert)).slice(before);
    expect(arrived).toHaveLength(1);
    expect(arrived[0]).toMatch(/\r\nSubject: Factuur \d\r\n/i);
    for (const added of [/^Date: \w/m, /^Message-ID: </m]) expect(arrived[0]).toMatch(added);
    expect(arrived[0]?.replaceAll('\r\n', '')).not.toMatch(/[\r\n]/);
    expect(arrived[0]).not.toContain('Bcc');
  });

  test.each(DIALOGUES)('that waits for nothing: %s', async (_name, steps) => {
    const client = await SmtpWire.open(smtp.submission);
    client.wire.send(Buffer.from(steps.map(([said]) => said).join(''), 'latin1'));
    for (const [, code] of steps) expect((await client.reply()).code).toBe(code);
    await client.wire.closed();
  });

  test.each(DIALOGUES)('that hangs up without QUIT, as soon as it has said all: %s', async (_name, steps) => {
    const before = (await smtp.inbox(smtp.bert)).length;
    const client = await SmtpWire.open(smtp.submission);
    const said = steps.slice(0, -1).map(([line]) => line);
    client.wire.socket.end(Buffer.from(said.join('').replace(/Factuur \d/, 'Factuur 9'), 'latin1'));
    await client.wire.closed();
    expect(await smtp.inbox(smtp.bert)).toHaveLength(before + 1);
  });

  test('that opens a connection for each of fifty mails is served each time', async () => {
    const before = (await smtp.inbox(smtp.bert)).length;
    const [, steps = []] = DIALOGUES[2] ?? [];
    for (let i = 0; i < 50; i++) {
      const client = await SmtpWire.open(smtp.submission);
      client.wire.send(
        steps
          .map(([said]) => said)
          .join('')
          .replace('Factuur 3', `Factuur 3 ${i}`),
      );
      await client.wire.closed();
    }
    expect(await smtp.inbox(smtp.bert)).toHaveLength(before + 50);
  });
});
