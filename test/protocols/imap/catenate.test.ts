// CATENATE, over a socket; the cases of a scripted conformance tester among them.
import { expect, test } from 'vitest';
import { message, startImap } from '#test/support/imap-server.ts';
import type { ImapWire } from '#test/support/wire.ts';

const texts = (result: { untagged: readonly { text: string }[] }) => result.untagged.map(({ text }) => text);
const text = (bytes: string) => `TEXT {${bytes.length}+}\r\n${bytes}`;

/** The last message's bytes. */
async function last(client: ImapWire): Promise<string> {
  await client.ok('SELECT box');
  return `${(await client.ok('FETCH * BODY.PEEK[]')).untagged[0]?.literals[0]}`;
}

test('CATENATE: texts and parts of other messages become one', async () => {
  await using imap = await startImap();
  const client = await imap.login();
  await client.ok('CREATE box');
  const whole = message('source', 'The body.');
  const large = message('large', 'x'.repeat(300_000));
  await client.ok('APPEND INBOX', whole, large);
  const validity = /UIDVALIDITY (\d+)/.exec(texts(await client.ok('STATUS INBOX (UIDVALIDITY)'))[0] ?? '')?.[1];
  const header = whole.toString('latin1').split('\r\n\r\n')[0];
  const cases: [parts: string, expected: string][] = [
    [text('Subject: x\r\n\r\nbody\r\n'), 'Subject: x\r\n\r\nbody\r\n'],
    [`URL "/INBOX/;uid=1/;section=header" ${text('new\r\n')}`, `${header}\r\n\r\nnew\r\n`],
    [`URL "/INBOX;UIDVALIDITY=${validity}/;UID=1/;SECTION=TEXT" ${text('suffix')}`, 'The body.\r\nsuffix'],
    [`${text('A: b\r\n')} ${text('\r\n')} URL "/INBOX/;UID=1/;SECTION=1"`, 'A: b\r\n\r\nThe body.\r\n'],
    [`URL "/INBOX/;UID=2/;PARTIAL=0.10"`, large.subarray(0, 10).toString('latin1')],
    [`URL "/INBOX/;UID=2/;PARTIAL=1000000.1" ${text('A: b\r\n\r\n')}`, 'A: b\r\n\r\n'],
    ['URL "/INBOX/;UID=2"', large.toString('latin1')],
    ['URL "imap://anna%40example.test@mail.example.test/INBOX/;UID=1"', whole.toString('latin1')],
    ['URL {12+}\r\n/INBOX;UID=1', whole.toString('latin1')],
    ['URL "/INBOX/;UID=1/;SECTION=HEADER.FIELDS%20(SUBJECT)"', 'Subject: source\r\n\r\n'],
  ];
  for (const [parts, expected] of cases) {
    await client.ok(`APPEND box (\\Seen) CATENATE (${parts})`);
    expect(await last(client), parts).toBe(expected);
  }
  await client.ok('SELECT INBOX');
  await client.ok('APPEND box CATENATE (URL "/;UID=1")');
  expect(await last(client)).toBe(whole.toString('latin1'));
});

test('CATENATE: what a URL does not lead to is [BADURL], nothing is kept, and the rest is read as what it is', async () => {
  await using imap = await startImap({ messageSize: 100_000 });
  const client = await imap.login();
  await client.ok('APPEND INBOX', message('one'), message('two', 'x'.repeat(60_000)));
  const wrong = [
    'URL "/INBOX;UIDVALIDITY=12345/;UID=1"',
    `${text('A: b\r\n\r\n')} URL "/INBOX/;UID=9" ${text('more')}`,
    'URL "/none/;UID=1"',
    'URL "/INBOX/;UID=1/;SECTION=7"',
    'URL "/INBOX/;UID=1/;SECTION=NONSENSE"',
    'URL "/INBOX"',
    'URL "imap://bert@mail.example.test/INBOX/;UID=1"',
    'URL "imap://anna%40example.test@elsewhere.test/INBOX/;UID=1"',
    'URL "http://mail.example.test/;UID=1"',
    'URL "/INBOX/;UID=1/;SECTION=%ff]x"',
    'URL "/;UID=1"',
  ];
  for (const parts of wrong) {
    const tag = client.nextTag();
    client.wire.send(`${tag} APPEND INBOX CATENATE (${parts})\r\n`);
    expect(await client.result(tag), parts).toMatchObject({
      status: 'NO',
      text: expect.stringMatching(/^\[BADURL "[^\]]*"\]/),
    });
  }
  const big = await client.command('APPEND INBOX CATENATE (URL "/INBOX/;UID=2" URL "/INBOX/;UID=2")');
  expect(big.text).toMatch(/^\[TOOBIG\]/);
  expect((await client.command('APPEND none CATENATE (URL "/INBOX/;UID=1")')).text).toMatch(/^\[TRYCREATE\]/);
  for (const bad of ['()', '(NONSENSE)', '(TEXT)', '(URL)', '(URL "/INBOX/;UID=1"', '(URL "/INBOX/;UID=1")x']) {
    expect((await client.command(`APPEND INBOX CATENATE ${bad}`)).status, bad).toBe('BAD');
  }
  expect(texts(await client.ok('STATUS INBOX (MESSAGES)'))).toEqual(['* STATUS "INBOX" (MESSAGES 2)']);
});

test('CATENATE: literals are asked for one after the other, also of several messages', async () => {
  await using imap = await startImap();
  const client = await imap.login();
  await client.ok('CREATE box');
  await client.ok('APPEND box', message('first'));
  client.wire.send('a APPEND box CATENATE (URL "/box/;UID=1/;SECTION=HEADER" TEXT {3}\r\n');
  expect((await client.response()).text).toMatch(/^\+ /);
  client.wire.send('two URL "/box/;UID=1/;SECTION=TEXT" TEXT {1}\r\n');
  expect((await client.response()).text).toMatch(/^\+ /);
  client.wire.send('.) (\\Answered) {12}\r\n');
  expect((await client.response()).text).toMatch(/^\+ /);
  client.wire.send('A: b\r\n\r\nlast CATENATE (TEXT {8+}\r\nA: b\r\n\r\n)\r\n');
  expect((await client.result('a')).text).toMatch(/^\[APPENDUID \d+ 2:4\]/);
  await client.ok('SELECT box');
  const { untagged } = await client.ok('FETCH 2:4 (BODY.PEEK[TEXT])');
  expect(untagged.map(({ literals }) => `${literals[0]}`)).toEqual(['twoThis is first.\r\n.', 'last', '']);
});
