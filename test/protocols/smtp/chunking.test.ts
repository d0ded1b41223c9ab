// BDAT over a socket: messages in counted chunks.
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { PASSWORD, type SmtpServers, startSmtp } from '#test/support/smtp-server.ts';
import { SmtpWire } from '#test/support/wire.ts';

let smtp: SmtpServers;
let client: SmtpWire;

beforeAll(async () => {
  smtp = await startSmtp({ messageSize: 100_000 });
});

afterAll(() => smtp[Symbol.asyncDispose]());

beforeEach(async () => {
  client = await SmtpWire.open(smtp.mx);
  await client.command('EHLO peer.example');
  return () => client.wire.destroy();
});

const said = ({ code, lines }: { code: number; lines: readonly string[] }) => `${code} ${lines.join('|')}`;
const say = async (line: string) => said(await client.command(line));
const begin = async (sender = 'a@peer.example') => {
  await client.command(`MAIL FROM:<${sender}>`);
  await client.command('RCPT TO:<anna@example.test>');
};
/** Sends a chunk; the reply to it. */
const chunk = async (bytes: string, last = false) => {
  client.wire.send(Buffer.from(`BDAT ${bytes.length}${last ? ' LAST' : ''}\r\n${bytes}`, 'latin1'));
  return said(await client.reply());
};
const inbox = () => smtp.inbox(smtp.anna);
const staging = () => readdir(join(smtp.folder, 'staging'));

test('CHUNKING: a message comes in chunks, in which a dot is a dot', async () => {
  await begin();
  expect(await chunk('Subject: chunks\r\n\r\n.\r\n..do')).toBe('250 2.0.0 26 octets received');
  expect(await chunk('t\r\n.\r\n')).toBe('250 2.0.0 6 octets received');
  expect(await chunk('\xffend\r\n', true)).toBe('250 2.6.0 Message accepted');
  expect((await inbox()).at(-1)).toMatch(/\r\nSubject: chunks\r\n\r\n\.\r\n\.\.dot\r\n\.\r\n\xffend\r\n$/);
  expect(await say('DATA')).toBe('503 5.5.1 Send MAIL first');
});

test('CHUNKING: it may end with an empty chunk, and need not end with a line', async () => {
  await begin();
  await chunk('Subject: no line end');
  expect(await say('BDAT 0 LAST')).toBe('250 2.6.0 Message accepted');
  expect((await inbox()).at(-1)).toMatch(/Subject: no line end$/);
  await begin();
  expect(await say('BDAT 0 last')).toBe('250 2.6.0 Message accepted');
});

test('CHUNKING: chunks are pipelined with everything else', async () => {
  client.wire.send(
    'MAIL FROM:<a@peer.example>\r\nRCPT TO:<anna@example.test>\r\nBDAT 9\r\nSubject: BDAT 5 LAST\r\nxyz\r\nMAIL FROM:<>\r\nRSET\r\n',
  );
  const codes = [];
  for (let i = 0; i < 6; i++) codes.push((await client.reply()).code);
  expect(codes).toEqual([250, 250, 250, 250, 250, 250]);
  expect((await inbox()).at(-1)).toMatch(/Subject: xyz\r\n$/);
});

describe('out of order', () => {
  test('a chunk is read whole before it is refused', async () => {
    expect(await chunk('QUIT\r\nQUIT\r\n', true)).toBe('503 5.5.1 Send MAIL first');
    await client.command('MAIL FROM:<a@peer.example>');
    expect(await chunk('QUIT\r\n')).toBe('503 5.5.1 Send RCPT first');
    expect(await say('BDAT 0 LAST')).toBe('503 5.5.1 Send RCPT first');
    expect(await say('NOOP')).toBe('250 2.0.0 OK');
  });

  test('neither DATA nor RCPT comes between two chunks; RSET and EHLO throw them away', async () => {
    const mixed = '503 5.5.1 The message has begun with BDAT; go on with BDAT or RSET';
    for (const reset of ['RSET', 'EHLO again.example']) {
      await begin();
      await chunk('Subject: half\r\n');
      expect(await say('DATA')).toBe(mixed);
      expect(await say('RCPT TO:<bert@example.test>')).toBe(mixed);
      await client.command(reset);
      await expect.poll(staging).toEqual([]);
      expect(await chunk('x', true)).toBe('503 5.5.1 Send MAIL first');
    }
  });

  test.each(['BDAT', 'BDAT x', 'BDAT -1', 'BDAT 10 FIRST', 'BDAT 1e3', 'BDAT 10LAST', `BDAT ${'9'.repeat(16)}`])(
    '%j leaves unknown what follows, so the connection ends',
    async (line) => {
      expect(await say(line)).toBe('421 4.7.0 Syntax: BDAT size [LAST]; closing the connection');
      await client.wire.closed();
    },
  );

  test('a connection that is lost between two chunks leaves nothing behind', async () => {
    await begin();
    await chunk(`Subject: half\r\n\r\n${`${'x'.repeat(98)}\r\n`.repeat(900)}`);
    client.wire.destroy();
    await expect.poll(staging).toEqual([]);
    await expect.poll(() => smtp.servers.mx.connections).toBe(0);
  });
});

describe('what is refused', () => {
  test.each([
    ['a bare LF', ['Subject: x\r\n\r\na\n', 'b\r\n'], '550 5.6.11'],
    ['a bare CR at the end of a chunk', ['Subject: x\r\n\r\na\r', 'b\r\n'], '550 5.6.11'],
    ['a bare CR at the end of all', ['Subject: x\r\n\r\na', '\r'], '550 5.6.11'],
    ['NUL', ['Subject: x\r\n\r\n\0', ''], '550 5.6.11'],
    ['a long line', [`Subject: x\r\n\r\n${'x'.repeat(40_000)}`, 'x'.repeat(40_000)], '550 5.6.0'],
    ['too much', [`${'x'.repeat(998)}\r\n`.repeat(60), `${'x'.repeat(998)}\r\n`.repeat(60)], '552 5.3.4'],
  ])('%s, as with DATA', async (_name, [first = '', second = ''], code) => {
    const before = (await inbox()).length;
    await begin();
    const refused = await chunk(first);
    const end = await chunk(second, true);
    expect(refused.startsWith('250') ? end : refused).toMatch(new RegExp(`^${code} `));
    if (!refused.startsWith('250')) expect(end).toBe('503 5.5.1 Send MAIL first'); // RFC 3030 2
    expect(await inbox()).toHaveLength(before);
    await expect.poll(staging).toEqual([]);
  });

  test('a CR LF that is split between two chunks is one', async () => {
    await begin();
    await chunk('Subject: split\r');
    expect(await chunk('\n\r\nx', true)).toMatch(/^250 2\.6\.0/);
  });

  test('a chunk far beyond message_size is not waited for', async () => {
    await begin();
    expect(await say('BDAT 200001')).toMatch(/^421 4\.3\.4/);
    await client.wire.closed();
  });

  test('a message in single octets', async () => {
    await begin();
    client.wire.send('BDAT 1\r\nx'.repeat(110));
    let last = '';
    try {
      for (;;) last = said(await client.reply());
    } catch {
      expect(last).toBe('421 4.7.0 Too many commands without a message');
    }
  });
});

test('no dialogue hidden in a chunk is heard (CVE-2023-51764 and its siblings)', async () => {
  const before = (await smtp.inbox(smtp.bert)).length;
  await begin();
  const hidden =
    '\r\n.\r\nMAIL FROM:<ceo@example.test>\r\nRCPT TO:<bert@example.test>\r\nDATA\r\nSubject: smuggled\r\n.\r\n';
  expect(await chunk(`Subject: first\r\n\r\nx${hidden}`, true)).toBe('250 2.6.0 Message accepted');
  expect(await say('NOOP')).toBe('250 2.0.0 OK');
  expect(await smtp.inbox(smtp.bert)).toHaveLength(before);
});

test('on submission chunks are repaired like any content (F222)', async () => {
  const user = await SmtpWire.open(smtp.submission);
  await user.command('EHLO office.example');
  await user.command(`AUTH PLAIN ${Buffer.from(`\0anna\0${PASSWORD}`).toString('base64')}`);
  client.wire.destroy();
  client = user;
  await begin('anna@example.test');
  await chunk('From: anna@example.test\nSubject: lf\n\n.a\0\r');
  expect(await chunk('..b\r', true)).toBe('250 2.6.0 Message accepted');
  expect((await inbox()).at(-1)).toMatch(/\r\nSubject: lf\r\n\r\n\.a\r\n\.\.b\r\n$/);
});
