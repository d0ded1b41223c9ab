// What is kept of a session for the administrator: bounded, without secrets, and explained.
import { expect, test } from 'vitest';
import { Dialogue } from '#protocols/smtp/dialogue.ts';
import { explain } from '#src/observe/explain.ts';
import { PASSWORD, startSmtp } from '#test/support/smtp-server.ts';
import { SmtpWire } from '#test/support/wire.ts';

const base64 = (text: string) => Buffer.from(text).toString('base64');

test('a session is kept by its address and its account, with what was said and no password', async () => {
  await using smtp = await startSmtp();
  const client = await SmtpWire.open(smtp.submission);
  for (const line of [
    'EHLO office.example',
    `AUTH PLAIN ${base64('\0anna\0wrong secret')}`,
    'AUTH LOGIN',
    base64('anna'),
    base64(PASSWORD),
    'MAIL FROM:<ceo@elsewhere.example>',
    'MAIL FROM:<anna@example.test>',
    'RCPT TO:<bert@example.test>',
    'DATA',
    'Subject: private words\r\n.',
    'QUIT',
  ]) {
    await client.command(line);
  }
  await client.wire.closed();
  await expect.poll(() => smtp.sessions.find('127.0.0.1').length).toBe(1);
  const [record] = smtp.sessions.find('Anna@Example.test');
  expect(record).toMatchObject({ listener: 'submission', address: '127.0.0.1', login: 'anna@example.test', tls: null });
  const text = record?.lines.join('\n') ?? '';
  expect(text).toContain('C: EHLO office.example\nS: 250-mail.example.test / 250-PIPELINING');
  expect(text).toContain('C: AUTH PLAIN ***\nS: 535 5.7.8');
  expect(text).toContain('C: ***\nS: 334 UGFzc3dvcmQ6\nC: ***\nS: 235 2.7.0');
  expect(text).toContain('C: DATA\nS: 354 End with CR LF . CR LF\n   (24 octets of content)\nS: 250 2.6.0');
  for (const secret of [PASSWORD, 'wrong secret', base64(PASSWORD), base64('\0anna\0wrong secret'), 'private words']) {
    expect(text).not.toContain(secret);
  }
  expect(explain(record?.lines ?? [])).toEqual([
    expect.stringMatching(/^The user name or the password is wrong/),
    expect.stringMatching(/^The From address does not belong to this login/),
  ]);
});

test('who can not log in is found by the login that he tried, and by the address', async () => {
  await using smtp = await startSmtp({ plaintext: false });
  const client = await SmtpWire.open(smtp.submission);
  await client.command('EHLO office.example');
  await client.command(`AUTH PLAIN ${base64('\0office@example.test\0x')}`);
  await client.command('MAIL FROM:<a@example.test>');
  client.wire.destroy();
  await expect.poll(() => smtp.sessions.find('office@example.test').length).toBe(1);
  expect(explain(smtp.sessions.find('127.0.0.1')[0]?.lines ?? [])).toEqual([
    expect.stringMatching(/^The program does not encrypt/),
  ]);
});

test('the last five sessions are kept, of a session the beginning and the end, of a line the beginning', async () => {
  await using smtp = await startSmtp({ trusted: () => true });
  for (let i = 0; i < 7; i++) {
    const client = await SmtpWire.open(smtp.mx);
    client.wire.send(`NOOP ${i} ${'x'.repeat(1_000)}\r\n${'NOOP\r\n'.repeat(100)}QUIT\r\n`);
    await client.wire.closed();
    await expect.poll(() => smtp.servers.mx.connections).toBe(0);
  }
  const kept = smtp.sessions.find('127.0.0.1');
  expect(kept.map(({ lines }) => lines[1]?.slice(0, 9))).toEqual([2, 3, 4, 5, 6].map((i) => `C: NOOP ${i}`));
  for (const { lines } of kept) {
    expect(lines).toHaveLength(60);
    expect(lines.at(-1)).toMatch(/^S: .*221 2\.0\.0 Bye$/);
    expect(lines.filter((line) => /lines left out/.test(line))).toHaveLength(1);
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThan(300);
  }
});

test('the login of SCRAM is told too, and what is no base64 tells nothing', () => {
  const dialogue = new Dialogue();
  dialogue.client(`AUTH SCRAM-SHA-256 ${base64('n,,n=anna@example.test,r=abc')}`);
  expect(dialogue.login).toBe('anna@example.test');
  dialogue.client('AUTH PLAIN %%%');
  dialogue.response('\u0000\u0001');
  expect(dialogue.lines).toEqual(['C: AUTH SCRAM-SHA-256 ***', 'C: AUTH PLAIN ***', 'C: ***']);
  expect(dialogue.login).toBe('anna@example.test');
});
