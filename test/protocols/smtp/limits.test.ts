// The limits of a session, each reached over a socket, and the stop.
import { once } from 'node:events';
import { readdir } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { Limits } from '#protocols/smtp/limits.ts';
import { PASSWORD, type SmtpServersOptions, startSmtp } from '#test/support/smtp-server.ts';
import { SmtpWire } from '#test/support/wire.ts';

/** A server with these limits and a client that has said EHLO on MX. */
async function begin(limits: Partial<Limits>, options: SmtpServersOptions = {}) {
  const smtp = await startSmtp({ limits, ...options });
  const client = await SmtpWire.open(smtp.mx);
  await client.command('EHLO peer.example');
  return { smtp, client, [Symbol.asyncDispose]: () => smtp[Symbol.asyncDispose]() };
}

/** Replies until the server closes, as codes with their enhanced codes. */
async function until(client: SmtpWire): Promise<string[]> {
  const replies: string[] = [];
  try {
    for (;;) {
      const { code, lines } = await client.reply();
      replies.push(`${code} ${lines[0]?.split(' ')[0]}`);
    }
  } catch {
    return replies; // closed
  }
}

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

test('too many recipients are told 452 4.5.3, and those taken get the message', async () => {
  await using at = await begin({ recipients: 2 });
  const { client, smtp } = at;
  await client.command('MAIL FROM:<a@peer.example>');
  for (const suffix of ['1', '2'])
    expect((await client.command(`RCPT TO:<anna+${suffix}@example.test>`)).code).toBe(250);
  expect(await client.command('RCPT TO:<anna+3@example.test>')).toEqual({
    code: 452,
    lines: ['4.5.3 Too many recipients'],
  });
  expect((await client.command('RCPT TO:<anna+2@example.test>')).code).toBe(250); // the same again
  await client.command('DATA');
  expect((await client.command('Subject: x\r\n.')).code).toBe(250);
  expect(await smtp.inbox(smtp.anna)).toHaveLength(1);
});

test('LIMITS: what is offered is what holds: a thousand recipients fit into one transaction', async () => {
  await using at = await begin({});
  const { client } = at;
  await client.command('MAIL FROM:<a@peer.example>');
  client.wire.send(Array.from({ length: 1_001 }, (_, i) => `RCPT TO:<anna+${i}@example.test>\r\n`).join(''));
  for (let i = 0; i < 1_000; i++) await client.expect(250);
  await client.expect(452);
});

test('of a hundred thousand recipients in one go a thousand are kept, each of the others is told, and the session goes on', async () => {
  await using at = await begin({});
  const { client } = at;
  await client.command('MAIL FROM:<a@peer.example>');
  client.wire.send(Array.from({ length: 100_000 }, (_, i) => `RCPT TO:<anna+${i}@example.test>\r\n`).join(''));
  const told = new Map<number, number>();
  for (let i = 0; i < 100_000; i++) {
    const { code } = await client.reply();
    told.set(code, (told.get(code) ?? 0) + 1);
  }
  expect(Object.fromEntries(told)).toEqual({ 250: 1_000, 452: 99_000 });
  expect((await client.command('RSET')).code).toBe(250);
});

test('ten commands that are no SMTP end the session', async () => {
  await using at = await begin({});
  at.client.wire.send('NONSENSE\r\n'.repeat(12));
  expect(await until(at.client)).toEqual([...Array(10).fill('500 5.5.1'), '421 4.7.0']);
});

test('twenty refused recipients end the session of somebody who is logged in', async () => {
  await using smtp = await startSmtp();
  const client = await SmtpWire.open(smtp.submission);
  await client.command('EHLO peer.example');
  await client.command(`AUTH PLAIN ${Buffer.from(`\0anna\0${PASSWORD}`).toString('base64')}`);
  client.wire.send(
    `MAIL FROM:<anna@example.test>\r\n${Array.from({ length: 25 }, (_, i) => `RCPT TO:<x${i}@example.test>\r\n`).join('')}`,
  );
  expect(await until(client)).toEqual(['250 2.1.0', ...Array(20).fill('550 5.1.1'), '421 4.7.0']);
});

test('commands that bring no message further end the session, and a message starts the count anew', async () => {
  await using at = await begin({ idleCommands: 6 });
  const { client } = at;
  for (let i = 0; i < 3; i++) {
    for (const command of ['NOOP', 'NOOP', 'MAIL FROM:<>', 'RCPT TO:<anna@example.test>', 'DATA'])
      await client.command(command);
    expect((await client.command('Subject: x\r\n.')).code).toBe(250);
  }
  client.wire.send('NOOP\r\n'.repeat(10));
  expect(await until(client)).toEqual([...Array(6).fill('250 2.0.0'), '421 4.7.0']);
});

test('on submission there are few commands before the login, and many after it', async () => {
  await using smtp = await startSmtp();
  const client = await SmtpWire.open(smtp.submission);
  client.wire.send('NOOP\r\n'.repeat(30));
  expect(await until(client)).toEqual([...Array(20).fill('250 2.0.0'), '421 4.7.0']);
  const user = await SmtpWire.open(smtp.submission);
  await user.command('EHLO peer.example');
  await user.command(`AUTH PLAIN ${Buffer.from(`\0anna\0${PASSWORD}`).toString('base64')}`);
  user.wire.send('NOOP\r\n'.repeat(50));
  for (let i = 0; i < 50; i++) await user.expect(250);
});

test('five wrong passwords end the session; guessing on in new ones is throttled, which is no wrong password', async () => {
  await using smtp = await startSmtp();
  const answers: string[] = [];
  for (let session = 0; session < 3; session++) {
    const client = await SmtpWire.open(smtp.submission);
    await client.command('EHLO peer.example');
    for (let i = 0; i < 5; i++) {
      const credentials = Buffer.from(`\0anna\0guess ${session} ${i}`).toString('base64');
      const { code, lines } = await client.command(`AUTH PLAIN ${credentials}`);
      answers.push(`${code} ${lines[0]?.split(' ')[0]}`);
    }
    if (session < 2) expect(await until(client)).toEqual(['421 4.7.0']);
  }
  expect(answers).toEqual([...Array(10).fill('535 5.7.8'), ...Array(5).fill('454 4.7.0')]);
});

test('a trusted peer is not held to the limits on errors', async () => {
  await using at = await begin({}, { trusted: () => true });
  at.client.wire.send('NONSENSE\r\n'.repeat(50));
  for (let i = 0; i < 50; i++) await at.client.expect(500);
});

test('a command line without end ends the session, and takes no memory', async () => {
  await using at = await begin({});
  const flood = 'x'.repeat(60_000);
  at.client.wire.send(flood);
  at.client.wire.send(flood);
  expect(await until(at.client)).toEqual(['421 4.7.0']);
});

test('a peer that is silent is told 421 4.4.2 and cut off', async () => {
  await using at = await begin({ idleMs: 2_000 });
  expect(await until(at.client)).toEqual(['421 4.4.2']);
});

test('a peer that is silent in the middle of DATA is told so too, and nothing of its message is left', async () => {
  await using at = await begin({ idleMs: 2_000 });
  const { client, smtp } = at;
  for (const command of ['MAIL FROM:<>', 'RCPT TO:<anna@example.test>', 'DATA']) await client.command(command);
  client.wire.send(`Subject: half\r\n\r\n${`${'x'.repeat(98)}\r\n`.repeat(10_000)}`);
  expect(await until(client)).toEqual(['421 4.4.2']);
  await expect.poll(() => readdir(join(smtp.folder, 'staging'))).toEqual([]);
  expect(await smtp.inbox(smtp.anna)).toEqual([]);
});

test('a message that trickles in is cut off in the end, however busy the line', async () => {
  await using at = await begin({ dataMs: 100, idleMs: 60_000 });
  const { client } = at;
  for (const command of ['MAIL FROM:<>', 'RCPT TO:<anna@example.test>', 'DATA']) await client.command(command);
  const drip = setInterval(() => client.wire.send('x'), 10);
  expect(await until(client)).toEqual(['421 4.4.2']);
  clearInterval(drip);
});

test('a session ends some time', async () => {
  await using at = await begin({ sessionMs: 2_000 });
  const beat = setInterval(() => at.client.wire.send('NOOP\r\n'), 50);
  expect((await until(at.client)).at(-1)).toBe('421 4.4.2');
  clearInterval(beat);
});

test('a message far beyond message_size is not read to its end', async () => {
  await using at = await begin({}, { messageSize: 100_000 });
  const { client } = at;
  for (const command of ['MAIL FROM:<>', 'RCPT TO:<anna@example.test>', 'DATA']) await client.command(command);
  client.wire.send(`${'x'.repeat(998)}\r\n`.repeat(300));
  expect(await until(client)).toEqual(['421 4.3.4']);
});

test('a connection lost in the middle of DATA leaves nothing behind', async () => {
  await using at = await begin({});
  const { client, smtp } = at;
  for (const command of ['MAIL FROM:<>', 'RCPT TO:<anna@example.test>', 'DATA']) await client.command(command);
  client.wire.send(`Subject: half\r\n\r\n${`${'x'.repeat(98)}\r\n`.repeat(10_000)}`);
  await expect.poll(async () => (await readdir(join(smtp.folder, 'staging'))).length).toBe(1);
  client.wire.destroy();
  await expect.poll(() => readdir(join(smtp.folder, 'staging'))).toEqual([]);
  await expect.poll(() => smtp.servers.mx.connections).toBe(0);
  expect(await smtp.inbox(smtp.anna)).toEqual([]);
});

test('more connections than allowed are told 421 4.3.2', async () => {
  await using at = await begin({ connections: 1 });
  const socket = connect(at.smtp.mx, '127.0.0.1');
  const [greeting] = (await once(socket, 'data')) as [Buffer];
  expect(greeting.toString()).toBe('421 4.3.2 Too many connections, try again later\r\n');
  await once(socket, 'end');
  socket.destroy();
});

test('a stop tells the idle 421, lets a message in hand come to its end, and takes no new connection', async () => {
  await using at = await begin({});
  const { client: idle, smtp } = at;
  const busy = await SmtpWire.open(smtp.mx);
  await busy.command('EHLO peer.example');
  for (const command of ['MAIL FROM:<>', 'RCPT TO:<anna@example.test>', 'DATA']) await busy.command(command);
  busy.wire.send('Subject: in hand\r\n');
  await pause(20);
  const stopped = smtp.servers.mx.close();
  expect(await until(idle)).toEqual(['421 4.3.2']);
  busy.wire.send('\r\nthe rest\r\n.\r\nNOOP\r\n');
  expect(await until(busy)).toEqual(['250 2.6.0', '421 4.3.2']);
  await stopped;
  expect(smtp.servers.mx.connections).toBe(0);
  expect(await smtp.inbox(smtp.anna)).toHaveLength(1);
  await expect(SmtpWire.open(smtp.mx)).rejects.toThrow('421');
});

test('a stop does not wait for ever for a message that does not come to its end', async () => {
  await using at = await begin({ graceMs: 50 });
  const { client, smtp } = at;
  for (const command of ['MAIL FROM:<>', 'RCPT TO:<anna@example.test>', 'DATA']) await client.command(command);
  await Promise.all([smtp.servers.mx.close(), smtp.servers.mx.close()]);
  expect(await until(client)).toEqual([]);
});
