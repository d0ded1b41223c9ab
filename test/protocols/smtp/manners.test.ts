// How patient the listener is: with one session, and with an address or a network over many sessions and threads.
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { Limits } from '#protocols/smtp/limits.ts';
import { type SmtpServers, type SmtpServersOptions, startSmtp } from '#test/support/smtp-server.ts';
import { SmtpWire } from '#test/support/wire.ts';

async function open(smtp: SmtpServers): Promise<SmtpWire> {
  const client = await SmtpWire.open(smtp.mx);
  await client.command('EHLO peer.example');
  return client;
}

async function begin(limits: Partial<Limits>, options: SmtpServersOptions = {}) {
  const smtp = await startSmtp({ limits, ...options });
  return { smtp, client: await open(smtp), [Symbol.asyncDispose]: () => smtp[Symbol.asyncDispose]() };
}

/** What is said to a batch, up to the end of the connection or for so many replies. */
async function replies(client: SmtpWire, count = Number.POSITIVE_INFINITY): Promise<string[]> {
  const found: string[] = [];
  try {
    while (found.length < count) {
      const { code, lines } = await client.reply();
      found.push(`${code} ${lines[0]?.split(' ')[0]}`);
    }
  } catch {
    // closed
  }
  return found;
}

/** A hold that lasts until the test says so, by which it is seen who is held. */
const FOREVER = 3_600_000;
const unknown = (count: number) => Array.from({ length: count }, (_, i) => `RCPT TO:<x${i}@example.test>\r\n`).join('');

describe('recipients that are not here', () => {
  test('are told at once three times, then each is held back', async () => {
    await using at = await begin({ holdMs: FOREVER });
    at.client.wire.send(`MAIL FROM:<a@peer.example>\r\n${unknown(4)}`);
    expect(await replies(at.client, 4)).toEqual(['250 2.1.0', ...Array(3).fill('550 5.1.1')]);
    const fourth = await Promise.race([at.client.reply(), new Promise((resolve) => setTimeout(resolve, 50, 'held'))]);
    expect(fourth).toBe('held');
    at.client.wire.destroy();
  });

  test('end the session after ten', async () => {
    await using at = await begin({});
    at.client.wire.send(`MAIL FROM:<a@peer.example>\r\n${unknown(15)}`);
    expect(await replies(at.client)).toEqual(['250 2.1.0', ...Array(10).fill('550 5.1.1'), '421 4.7.0']);
  });

  test('of more than twenty in the last hour of a network each is held back from the first on', async () => {
    await using at = await begin({ holdMs: 1 });
    const { smtp, client } = at;
    client.wire.send(`MAIL FROM:<a@peer.example>\r\n${unknown(10)}`);
    await replies(client);
    const second = await open(smtp);
    second.wire.send(`MAIL FROM:<a@peer.example>\r\n${unknown(10)}`);
    await replies(second);
    expect(smtp.conduct.of('127.0.0.99').count('unknown-recipient')).toBe(20); // of the whole /24
    expect(smtp.conduct.of('127.0.1.1').count('unknown-recipient')).toBe(0);
  });

  test('of a trusted peer are not counted', async () => {
    await using at = await begin({ holdMs: FOREVER }, { trusted: () => true });
    at.client.wire.send(`MAIL FROM:<a@peer.example>\r\n${unknown(30)}`);
    expect(await replies(at.client, 31)).toEqual(['250 2.1.0', ...Array(30).fill('550 5.1.1')]);
    expect(at.smtp.conduct.of('127.0.0.1').count('unknown-recipient')).toBe(0);
  });
});

test('a catch-all takes sixty guesses of a network in an hour, and addresses that are really there without end', async () => {
  await using at = await begin({});
  const { smtp, client } = at;
  await smtp.store.directory.addDomain('catch.test');
  await smtp.store.directory.addAlias('@catch.test', ['bert@example.test']);
  await client.command('MAIL FROM:<a@peer.example>');
  const say = async (address: string) => (await client.command(`RCPT TO:<${address}>`)).code;
  for (let i = 0; i < 60; i++) expect(await say(`guess${i}@catch.test`)).toBe(250);
  expect(await client.command('RCPT TO:<one.more@catch.test>')).toEqual({
    code: 452,
    lines: ['4.7.1 Too many guessed addresses, try again later'],
  });
  expect(await say('anna@example.test')).toBe(250);
});

describe('errors', () => {
  test('are told at once three times, then each is held back', async () => {
    await using at = await begin({ holdMs: FOREVER });
    at.client.wire.send('NONSENSE\r\n'.repeat(4));
    expect(await replies(at.client, 3)).toEqual(Array(3).fill('500 5.5.1'));
    const fourth = await Promise.race([at.client.reply(), new Promise((resolve) => setTimeout(resolve, 50, 'held'))]);
    expect(fourth).toBe('held');
    at.client.wire.destroy();
  });

  test('in session after session without a message: the address is no longer greeted', async () => {
    await using at = await begin({ holdMs: 1, spoiledSessions: 2 });
    const { smtp } = at;
    at.client.wire.destroy();
    for (let i = 0; i < 3; i++) {
      const client = await open(smtp);
      client.wire.send('NONSENSE\r\n'.repeat(12));
      await replies(client);
      await expect.poll(() => smtp.conduct.of('127.0.0.1').count('spoiled-session')).toBe(i + 1);
    }
    await expect(SmtpWire.open(smtp.mx)).rejects.toThrow('421 4.7.0 Too many errors from your address');
  });

  test('of a session that brought a message are forgiven', async () => {
    await using at = await begin({ holdMs: 1 });
    const { smtp, client } = at;
    for (const command of ['MAIL FROM:<>', 'RCPT TO:<anna@example.test>', 'DATA', 'Subject: x\r\n.'])
      await client.command(command);
    client.wire.send(`${'NONSENSE\r\n'.repeat(5)}QUIT\r\n`);
    await replies(client);
    await expect.poll(() => smtp.servers.mx.connections).toBe(0);
    expect(smtp.conduct.of('127.0.0.1').count('spoiled-session')).toBe(0);
  });
});

test('messages faster than anybody sends them to one company are put off', async () => {
  await using at = await begin({ messageBurst: 3 });
  const { client } = at;
  const codes = [];
  for (let i = 0; i < 5; i++) {
    codes.push((await client.command('MAIL FROM:<a@peer.example>')).code);
    await client.command('RSET');
  }
  expect(codes.slice(0, 3)).toEqual([250, 250, 250]);
  expect(codes).toContain(450);
});

describe('who takes his time', () => {
  test('with the content of a message is cut off, though something comes now and then', async () => {
    await using at = await begin({ rateMs: 60, rateOctets: 100 });
    const { smtp, client } = at;
    for (const command of ['MAIL FROM:<>', 'RCPT TO:<anna@example.test>', 'DATA']) await client.command(command);
    const drip = setInterval(() => client.wire.send('x'), 10);
    expect(await replies(client)).toEqual(['421 4.4.2']);
    clearInterval(drip);
    await expect.poll(() => readdir(join(smtp.folder, 'staging'))).toEqual([]);
  });

  test('and brings nothing in a quarter of an hour, too, and a message starts that anew', async () => {
    const fruitlessMs = 3_000;
    await using at = await begin({ fruitlessMs });
    const { client } = at;
    // Messages for longer than it is patient, each long before the time since the last is up.
    for (const end = performance.now() + fruitlessMs + 500; performance.now() < end; ) {
      for (const command of ['MAIL FROM:<>', 'RCPT TO:<anna@example.test>', 'DATA', 'Subject: x\r\n.'])
        expect((await client.command(command)).code).toBeLessThan(400);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    expect(await replies(client)).toEqual(['421 4.4.2']);
  });
});

describe('HELO and EHLO', () => {
  const say = async (client: SmtpWire, line: string) => {
    const { code, lines } = await client.command(line);
    return `${code} ${lines[0]}`;
  };

  test('with our own name or address are refused from outside', async () => {
    await using at = await begin({});
    for (const name of ['mail.example.test', 'MAIL.Example.Test.', '127.0.0.1', '[127.0.0.1]']) {
      const refusal = '550 5.7.1 That is the name of this server, not yours';
      expect(await say(at.client, `EHLO ${name}`)).toBe(refusal);
      expect(await say(at.client, `HELO ${name}`)).toBe(refusal);
    }
    for (const name of ['localhost', 'example.test', '[192.0.2.1]', 'WIN-ABC123', 'mail.example.test.evil.example']) {
      expect(await say(at.client, `EHLO ${name}`)).toBe('250 mail.example.test');
    }
  });

  test('are free for a trusted peer and for those who log in', async () => {
    await using at = await begin({}, { trusted: () => true });
    expect(await say(at.client, 'EHLO mail.example.test')).toBe('250 mail.example.test');
    await using other = await startSmtp();
    const client = await SmtpWire.open(other.submission);
    expect(await say(client, 'EHLO mail.example.test')).toBe('250 mail.example.test');
  });
});

describe('a header block', () => {
  const send = async (client: SmtpWire, message: string) => {
    for (const command of ['MAIL FROM:<>', 'RCPT TO:<anna@example.test>', 'DATA']) await client.command(command);
    const { code, lines } = await client.command(`${message}\r\n.`);
    return `${code} ${lines[0]}`;
  };
  const refusal = '552 5.3.4 The header of the message is too large';

  test('has at most 1,000 fields, however they are folded', async () => {
    await using at = await begin({});
    expect(await send(at.client, `${'X: y\r\n\tz\r\n'.repeat(1_000)}\r\nbody`)).toMatch(/^250/);
    expect(await send(at.client, `${'X:\r\n'.repeat(1_001)}\r\nbody`)).toBe(refusal);
    expect(await send(at.client, `Subject: x\r\n\r\n${'X: y\r\n'.repeat(2_000)}`)).toMatch(/^250/);
  });

  test('has at most 256 KiB', async () => {
    await using at = await begin({});
    const field = `X: ${'y'.repeat(994)}\r\n`;
    expect(await send(at.client, `${field.repeat(262)}\r\nbody`)).toMatch(/^250/);
    expect(await send(at.client, `${field.repeat(263)}\r\nbody`)).toBe(refusal);
  });
});

describe('postmaster and abuse', () => {
  test('are never refused: while nobody reads them their mail is put off', async () => {
    await using at = await begin({});
    const { smtp, client } = at;
    await client.command('MAIL FROM:<a@peer.example>');
    const say = async (address: string) => {
      const { code, lines } = await client.command(`RCPT TO:<${address}>`);
      return `${code} ${lines[0]}`;
    };
    for (const address of ['postmaster', 'Postmaster@example.test', 'abuse@example.test']) {
      expect(await say(address)).toBe(`450 4.3.5 <${address}> Nobody reads this yet, try again later`);
    }
    await smtp.store.directory.addAlias('postmaster@example.test', ['anna@example.test']);
    await smtp.store.directory.addDomain('other.test');
    for (const address of ['postmaster', 'abuse@example.test', 'POSTMASTER@other.test', 'abuse@other.test']) {
      expect(await say(address)).toBe('250 2.1.5 Recipient OK');
    }
  });
});
