// The MX listener over a socket, with the real store behind it: what is taken, what is refused and in which words.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type SmtpServers, startSmtp } from '#test/support/smtp-server.ts';
import { SmtpWire } from '#test/support/wire.ts';

let smtp: SmtpServers;
let client: SmtpWire;

beforeAll(async () => {
  smtp = await startSmtp({ messageSize: 100_000 });
  const { directory } = smtp.store;
  await directory.addAlias('sales@example.test', ['anna@example.test', 'bert@example.test']);
  await directory.addDomain('catch.test');
  await directory.addAlias('@catch.test', ['bert@example.test']);
  await directory.addAlias('postmaster@example.test', ['anna@example.test']);
});

afterAll(() => smtp[Symbol.asyncDispose]());

beforeEach(async () => {
  client = await SmtpWire.open(smtp.mx);
  await client.command('EHLO peer.example');
  return () => client.wire.destroy();
});

const say = async (line: string) => {
  const { code, lines } = await client.command(line);
  return `${code} ${lines.join('|')}`;
};

let serial = 0;

/** A whole transaction; the reply to its end. */
async function send(recipients: readonly string[], message: string, sender = 'sender@peer.example'): Promise<string> {
  expect(await say(`MAIL FROM:<${sender}>`)).toBe('250 2.1.0 Sender OK');
  for (const recipient of recipients) expect(await say(`RCPT TO:<${recipient}>`)).toBe('250 2.1.5 Recipient OK');
  expect(await say('DATA')).toBe('354 End with CR LF . CR LF');
  return say(`${message}\r\n.`);
}

const last = async (account = smtp.anna) => (await smtp.inbox(account)).at(-1) ?? '';
const count = async (account = smtp.anna) => (await smtp.inbox(account)).length;

describe('a message', () => {
  test('lies in the INBOX as it was sent, with our headers in front', async () => {
    expect(await send(['anna@example.test'], 'Subject: Hello\r\n\r\nBody\r\n..dot\r\n\xff')).toBe(
      '250 2.6.0 Message accepted',
    );
    const message = await last();
    expect(message).toMatch(
      /^Return-Path: <sender@peer\.example>\r\nDelivered-To: anna@example\.test\r\nReceived: from peer\.example \(\[127\.0\.0\.1\]\)\r\n\tby mail\.example\.test with ESMTP id [\w-]{8}\r\n\tfor <anna@example\.test>; \w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d \+0000\r\nSubject: Hello\r\n\r\nBody\r\n\.dot\r\n/,
    );
  });

  test('without Date, From or To, and without any header or any body, is taken', async () => {
    for (const message of ['Subject: nothing else\r\n\r\nx', '\r\njust a body', 'Subject: no body', '']) {
      expect(await send(['anna@example.test'], message)).toBe('250 2.6.0 Message accepted');
    }
  });

  test('from the null sender is taken, with an empty Return-Path', async () => {
    await send(['anna@example.test'], 'Subject: bounce\r\n', '');
    expect(await last()).toMatch(/^Return-Path: <>\r\n/);
  });

  test('to an alias goes to all its accounts, each with the address it came in for', async () => {
    await send(['sales@example.test'], 'Subject: to sales\r\n');
    expect(await last(smtp.anna)).toContain('Delivered-To: sales@example.test\r\n');
    expect(await last(smtp.bert)).toContain('for <sales@example.test>;');
  });

  test('to two addresses of one account lies there once', async () => {
    const before = await count();
    await send(['anna@example.test', 'sales@example.test', 'Anna+list@Example.Test'], 'Subject: once\r\n');
    expect(await count()).toBe(before + 1);
  });

  test('with a +suffix goes to the account (F137), and one for a catch-all to its target', async () => {
    await send(['anna+amazon@example.test'], 'Subject: suffix\r\n');
    expect(await last()).toContain('Delivered-To: anna+amazon@example.test\r\n');
    await send(['whoever@catch.test'], 'Subject: caught\r\n');
    expect(await last(smtp.bert)).toContain('Delivered-To: whoever@catch.test\r\n');
  });

  test('to postmaster without a domain arrives', async () => {
    expect(await send(['postmaster'], 'Subject: to the postmaster\r\n')).toBe('250 2.6.0 Message accepted');
  });

  test('that is sent again after a lost reply adds nothing, and one that carries nothing of its own is new each time', async () => {
    const message = `Message-ID: <${++serial}@peer.example>\r\nSubject: retry\r\n`;
    const before = await count();
    await send(['anna@example.test'], message);
    expect(await send(['anna@example.test'], message)).toBe('250 2.6.0 Message accepted');
    expect(await count()).toBe(before + 1);
    await send(['anna@example.test'], message, 'other@peer.example');
    expect(await count()).toBe(before + 2);
    await send(['anna@example.test'], 'Subject: the door is open\r\n');
    await send(['anna@example.test'], 'Subject: the door is open\r\n');
    expect(await count()).toBe(before + 4);
  });

  test('that was here already or went through fifty hands is a loop', async () => {
    const hops = 'Received: from a by b; Sun, 22 Nov 2026 07:28:00 +0000\r\n';
    expect(await send(['anna@example.test'], `${hops.repeat(50)}Subject: far\r\n`)).toMatch(/^250/);
    expect(await send(['anna@example.test'], `${hops.repeat(51)}Subject: too far\r\n`)).toBe('554 5.4.6 Mail loop');
    expect(await send(['anna@example.test'], 'delivered-to: Anna@example.test\r\n')).toBe('554 5.4.6 Mail loop');
    expect(await send(['anna@example.test'], 'Delivered-To: bert@example.test\r\n')).toMatch(/^250/);
  });

  test('of several a session carries as many as wanted', async () => {
    for (let i = 0; i < 30; i++) expect(await send(['anna@example.test'], `Subject: ${i}\r\n`)).toMatch(/^250/);
  });
});

describe('recipients', () => {
  beforeEach(async () => {
    await say('MAIL FROM:<sender@peer.example>');
  });

  test.each([
    ['nobody@example.test', '550 5.1.1 <nobody@example.test> No such mailbox here'],
    ['a@elsewhere.example', '550 5.7.1 <a@elsewhere.example> Relaying is not allowed'],
    ['anna%elsewhere.example@example.test', '550 5.1.1 <anna%elsewhere.example@example.test> No such mailbox here'],
    ['elsewhere.example!anna@example.test', '550 5.1.1 <elsewhere.example!anna@example.test> No such mailbox here'],
    ['"a@elsewhere.example"@example.test', '550 5.1.1 <"a@elsewhere.example"@example.test> No such mailbox here'],
    ['anna@[127.0.0.1]', '550 5.7.1 <anna@[127.0.0.1]> Relaying is not allowed'],
    ['anna@example.test@elsewhere.example', '501 5.1.3 Bad recipient address syntax'],
    ['@example.test:a@elsewhere.example', '550 5.7.1 <a@elsewhere.example> Relaying is not allowed'],
  ])('%j is answered %j', async (address, reply) => {
    expect(await say(`RCPT TO:<${address}>`)).toBe(reply);
  });

  test('of our own domain as the sender make no relay', async () => {
    await say('RSET');
    await say('MAIL FROM:<anna@example.test>');
    expect(await say('RCPT TO:<a@elsewhere.example>')).toMatch(/^550 5\.7\.1/);
  });

  test('that are refused do no harm to those that are not', async () => {
    expect(await say('RCPT TO:<nobody@example.test>')).toMatch(/^550/);
    expect(await say('RCPT TO:<anna@example.test>')).toMatch(/^250/);
    expect(await say('DATA')).toMatch(/^354/);
    expect(await say('Subject: to one\r\n.')).toMatch(/^250/);
  });
});

describe('the order of commands', () => {
  test('HELO works, and its mail is not ESMTP', async () => {
    expect(await say('HELO old.example')).toBe('250 mail.example.test');
    await send(['anna@example.test'], 'Subject: old\r\n');
    expect(await last()).toContain('with SMTP id');
  });

  test.each([
    ['RCPT TO:<anna@example.test>', '503 5.5.1 Send MAIL first'],
    ['DATA', '503 5.5.1 Send MAIL first'],
    ['DATA now', '501 5.5.4 This command takes no parameters'],
    ['RSET', '250 2.0.0 OK'],
    ['RSET all', '501 5.5.4 This command takes no parameters'],
    ['NOOP', '250 2.0.0 OK'],
    ['NOOP whatever', '250 2.0.0 OK'],
    ['VRFY anna', '252 2.5.0 Send a message and see'],
    ['VRFY', '501 5.5.4 Syntax: VRFY address'],
    ['EXPN sales', '502 5.5.1 Command not implemented'],
    ['HELP', '214 2.0.0 See RFC 5321'],
    ['EHLO', '501 5.5.4 Syntax: EHLO hostname'],
    ['QUIT now', '501 5.5.4 This command takes no parameters'],
    ['STARTTLS now', '501 5.5.4 This command takes no parameters'],
    ['AUTH PLAIN AGEAYg==', '502 5.5.1 AUTH is not available on this port; hand in mail on the submission port'],
    ['ETRN example.test', '500 5.5.1 Command not recognised'],
    ['XCLIENT ADDR=192.0.2.1', '500 5.5.1 Command not recognised'],
    ['WIZ', '500 5.5.1 Command not recognised'],
    ['constructor', '500 5.5.1 Command not recognised'],
    ['', '500 5.5.1 Command not recognised'],
    ['NO\0OP', '500 5.5.2 A line ends with CR LF and carries no other CR, LF or NUL'],
    ['NO\rOP', '500 5.5.2 A line ends with CR LF and carries no other CR, LF or NUL'],
    ['NOOP\nNOOP', '500 5.5.2 A line ends with CR LF and carries no other CR, LF or NUL'],
    [`NOOP ${'x'.repeat(5_000)}`, '500 5.5.2 Line too long'],
  ])('%j is answered %j', async (line, reply) => {
    expect(await say(line)).toBe(reply);
  });

  test('MAIL needs EHLO, RCPT needs MAIL, DATA needs RCPT, and there is one MAIL', async () => {
    const fresh = await SmtpWire.open(smtp.mx);
    expect((await fresh.command('MAIL FROM:<a@peer.example>')).lines).toEqual(['5.5.1 Send EHLO first']);
    fresh.wire.destroy();
    await say('MAIL FROM:<a@peer.example>');
    expect(await say('MAIL FROM:<a@peer.example>')).toBe('503 5.5.1 A transaction is open already');
    expect(await say('DATA')).toBe('503 5.5.1 Send RCPT first');
  });

  test('EHLO and RSET end a transaction', async () => {
    for (const reset of ['EHLO again.example', 'HELO again.example', 'RSET']) {
      await say('MAIL FROM:<a@peer.example>');
      await say('RCPT TO:<anna@example.test>');
      await say(reset);
      expect(await say('DATA')).toBe('503 5.5.1 Send MAIL first');
    }
  });

  test('a refused message ends the transaction too', async () => {
    expect(await send(['anna@example.test'], 'a\nb')).toMatch(/^550 5\.6\.11/);
    expect(await say('DATA')).toBe('503 5.5.1 Send MAIL first');
  });

  test('QUIT ends the session, and what is pipelined behind it is not run', async () => {
    client.wire.send('QUIT\r\nMAIL FROM:<a@peer.example>\r\n');
    expect(await client.reply()).toEqual({ code: 221, lines: ['2.0.0 Bye'] });
    await client.wire.closed();
  });

  test('a client that says all and shuts its side gets all answers', async () => {
    client.wire.socket.end(
      'MAIL FROM:<a@peer.example>\r\nRCPT TO:<anna@example.test>\r\nDATA\r\nSubject: x\r\n.\r\nNOOP\r\n',
    );
    for (const code of [250, 250, 354, 250, 250]) expect((await client.reply()).code).toBe(code);
    await client.wire.closed();
  });
});

describe('what is refused at the end of DATA, and the session goes on', () => {
  test.each([
    ['a bare LF', 'a\nb', '550 5.6.11 The message has a CR or LF that is not part of a CR LF'],
    ['a bare CR', 'a\rb', '550 5.6.11 The message has a CR or LF that is not part of a CR LF'],
    ['NUL', 'a\0b', '550 5.6.11 The message has a NUL'],
    ['a line of 70,000 octets', 'a'.repeat(70_000), '550 5.6.0 The message has a line that is too long'],
    ['more than message_size', `${'x'.repeat(1_000)}\r\n`.repeat(101), '552 5.3.4 Message too large'],
  ])('%s', async (_name, message, reply) => {
    const before = await count();
    expect(await send(['anna@example.test'], message)).toBe(reply);
    expect(await count()).toBe(before);
    expect(await send(['anna@example.test'], 'Subject: after it\r\n')).toMatch(/^250/);
  });

  test('a message of exactly message_size is taken', async () => {
    expect(await send(['anna@example.test'], `${'x'.repeat(998)}\r\n`.repeat(100).slice(0, -2))).toMatch(/^250/);
  });
});

describe('smuggling (CVE-2023-51764 and its siblings)', () => {
  test.each(['\n.\n', '\n.\r\n', '\r\n.\n', '\r.\r', '\r.\r\n', '\r\n.\r', '\r\n\0.\r\n', '\r\n.\r\r\n', '\n\n.\r\n'])(
    'a second message behind %j is content of the first, which is refused',
    async (terminator) => {
      const [anna, bert] = [await count(smtp.anna), await count(smtp.bert)];
      const second = 'MAIL FROM:<ceo@example.test>\r\nRCPT TO:<bert@example.test>\r\nDATA\r\nSubject: smuggled\r\n';
      expect(await send(['anna@example.test'], `Subject: first\r\n\r\nx${terminator}${second}`)).toMatch(/^550/);
      expect(await say('NOOP')).toMatch(/^250/);
      expect([await count(smtp.anna), await count(smtp.bert)]).toEqual([anna, bert]);
    },
  );

  test('the end of the data may be split anywhere', async () => {
    for (const pieces of [
      ['\r', '\n.\r\n'],
      ['\r\n', '.\r\n'],
      ['\r\n.', '\r\n'],
      ['\r\n.\r', '\n'],
    ]) {
      await say('MAIL FROM:<a@peer.example>');
      await say('RCPT TO:<anna@example.test>');
      await say('DATA');
      client.wire.send(`Subject: ${pieces.length}`);
      for (const piece of pieces) {
        await new Promise((resolve) => setTimeout(resolve, 5));
        client.wire.send(piece);
      }
      expect((await client.reply()).code).toBe(250);
    }
  });
});

test('a browser that was made to talk to us is cut off', async () => {
  const browser = await SmtpWire.open(smtp.mx);
  browser.wire.send('POST / HTTP/1.1\r\nHost: x\r\n\r\nMAIL FROM:<a@peer.example>\r\n');
  expect(await browser.reply()).toEqual({ code: 421, lines: ['4.7.0 This is SMTP, not HTTP'] });
  await browser.wire.closed();
});
