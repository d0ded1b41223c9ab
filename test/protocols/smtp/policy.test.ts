// What an account may send, and what is done with it beside: over a socket.
import { expect, test } from 'vitest';
import { PASSWORD, type SmtpServers, type SmtpServersOptions, startSmtp } from '#test/support/smtp-server.ts';
import { SmtpWire } from '#test/support/wire.ts';

async function begin(options: SmtpServersOptions = {}) {
  const smtp = await startSmtp(options);
  const client = await SmtpWire.open(smtp.submission);
  await client.command('EHLO office.example');
  await client.command(`AUTH PLAIN ${Buffer.from(`\0anna\0${PASSWORD}`).toString('base64')}`);
  const say = async (line: string) => {
    const { code, lines } = await client.command(line);
    return `${code} ${lines.join('|')}`;
  };
  const send = async (message = 'From: anna@example.test\r\nSubject: x', sender = 'anna@example.test') => {
    for (const line of [`MAIL FROM:<${sender}>`, 'RCPT TO:<bert@example.test>', 'DATA']) {
      const reply = await say(line);
      if (!/^[23]/.test(reply)) return reply;
    }
    return say(`${message}\r\n.`);
  };
  return { smtp, say, send, set: setter(smtp), [Symbol.asyncDispose]: () => smtp[Symbol.asyncDispose]() };
}

const setter = (smtp: SmtpServers) => (name: string, values: string[]) =>
  smtp.store.directory.setSetting(smtp.anna.id, name, values);

const messages = async (smtp: SmtpServers, special: string) => {
  const mail = smtp.store.mail(smtp.anna.id);
  const mailbox = (await mail.mailboxes()).find((one) => one.special === special);
  const found: { text: string; flags: number }[] = [];
  for await (const page of mail.placements(mailbox?.id ?? 0, [[1, 0xffffffff]])) {
    for (const { message, flags } of page) {
      const content = await mail.content(message);
      found.push({ text: Buffer.from(await content.bytes()).toString('latin1'), flags });
    }
  }
  return found;
};

test('messages a day: one too many is put off with what helps, and unblocking helps (F23)', async () => {
  await using at = await begin({ sending: { messagesADay: 2 } });
  const { smtp, send, set } = at;
  const refusal =
    '450 4.7.1 anna@example.test has sent its 2 messages of today; try again tomorrow, or let the administrator run: posthuis account unblock anna@example.test';
  for (let i = 0; i < 2; i++) expect(await send()).toMatch(/^250/);
  expect(await send()).toBe(refusal);
  await smtp.store.mail(smtp.anna.id).forgiveSent();
  expect(await send()).toMatch(/^250/);
  await set('messages-a-day', ['1']);
  expect(await send()).toMatch(/^450 4\.7\.1 .* 1 messages of today/);
  await set('messages-a-day', ['none']);
  expect(await send()).toMatch(/^250/);
});

test('recipients a message: one too many is refused for good (F23)', async () => {
  await using at = await begin({ sending: { recipientsAMessage: 2 } });
  const { say } = at;
  await say('MAIL FROM:<anna@example.test>');
  for (const suffix of ['1', '2']) expect(await say(`RCPT TO:<bert+${suffix}@example.test>`)).toMatch(/^250/);
  expect(await say('RCPT TO:<bert+3@example.test>')).toBe(
    '550 5.5.3 anna@example.test may send a message to 2 recipients; send it to the others as another one',
  );
});

test('addresses here are no new recipients (F23)', async () => {
  await using at = await begin({ sending: { newRecipientsADay: 1 } });
  for (let i = 0; i < 3; i++) expect(await at.send()).toMatch(/^250/);
});

test('an account sends as what was granted to it, in MAIL and in From (F16, F198)', async () => {
  await using at = await begin();
  const { send, set } = at;
  const message = 'From: ceo@example.test\r\nSubject: x';
  expect(await send(message, 'ceo@example.test')).toMatch(
    /^550 5\.7\.1 .* posthuis account set anna@example\.test send-as ceo@/,
  );
  await set('send-as', ['@example.test']);
  expect(await send(message, 'ceo@example.test')).toMatch(/^250/);
  expect(await send('From: ceo@elsewhere.example\r\n')).toMatch(/^550 5\.7\.1/);
});

test('everything goes to the Bcc of the account too, unseen (F199)', async () => {
  await using at = await begin();
  const { smtp, send, set } = at;
  await smtp.store.directory.addAlias('archive@example.test', ['anna@example.test']);
  await set('bcc', ['archive@example.test']);
  expect(await send()).toMatch(/^250/);
  const [copy] = await messages(smtp, 'inbox');
  expect(copy?.text).toContain('Delivered-To: archive@example.test');
  expect((await smtp.inbox(smtp.bert))[0]).not.toContain('archive');
});

test('a copy lies in Sent, seen, as it left and with its Bcc, where the account wants it (F223, F1)', async () => {
  await using at = await begin();
  const { smtp, send, set } = at;
  const message = 'From: anna@example.test\r\nBcc: secret@example.test\r\nSubject: x\r\n\r\ntext';
  await send(message);
  expect(await messages(smtp, 'sent')).toEqual([]);
  await set('save-sent', ['yes']);
  await send(message);
  const [copy, ...more] = await messages(smtp, 'sent');
  expect(more).toEqual([]);
  expect(copy?.flags).toBe(1);
  expect(copy?.text).toMatch(/^Date: .*\r\nMessage-ID: <[\w-]{22}@mail\.example\.test>\r\nFrom: .*\r\nBcc: secret@/);
  const arrived = (await smtp.inbox(smtp.bert)).at(-1) ?? '';
  const id = /Message-ID: (.*)\r\n/.exec(arrived)?.[1] ?? 'none';
  expect(copy?.text).toContain(id); // the same message
  expect(arrived).not.toContain('secret@');
});

test('a listed network sends as its account without a login, with all that holds for that (F209)', async () => {
  await using smtp = await startSmtp({
    relay: [{ network: '127.0.0.0/8', account: 'anna@example.test' }],
    sending: { messagesADay: 1 },
    plaintext: false,
  });
  const client = await SmtpWire.open(smtp.submission);
  const say = async (line: string) => {
    const { code, lines } = await client.command(line);
    return `${code} ${lines.join('|')}`;
  };
  await say('EHLO scanner.example');
  expect(await say('MAIL FROM:<bert@example.test>')).toMatch(/^550 5\.7\.1/);
  expect(await say('MAIL FROM:<victim@elsewhere.example>')).toMatch(/^550 5\.7\.1/);
  for (const line of ['MAIL FROM:<anna@example.test>', 'RCPT TO:<bert@example.test>', 'DATA'])
    expect(await say(line)).toMatch(/^[23]/);
  expect(await say('Subject: scan\r\n.')).toMatch(/^250/);
  expect((await smtp.inbox(smtp.bert))[0]).toMatch(/ with ESMTP id /); // nobody has logged in
  expect(await say('MAIL FROM:<anna@example.test>')).toMatch(/^450 4\.7\.1/);
});

test('other networks, proxies and the MX listener are not meant by it (F209)', async () => {
  const relay = [{ network: '127.0.0.0/8', account: 'anna@example.test' }];
  const first = async (port: number, ...lines: string[]) => {
    const client = await SmtpWire.open(port);
    let reply = await client.command('EHLO scanner.example');
    for (const line of [...lines, 'MAIL FROM:<anna@example.test>']) reply = await client.command(line);
    return [client, reply.code] as const;
  };
  await using elsewhere = await startSmtp({ relay: [{ network: '192.0.2.0/24', account: 'anna@example.test' }] });
  expect((await first(elsewhere.submission))[1]).toBe(530);
  await using nobody = await startSmtp({ relay: [{ network: '127.0.0.1', account: 'gone@example.test' }] });
  expect((await first(nobody.submission))[1]).toBe(530);
  await using proxied = await startSmtp({ relay, proxied: () => true });
  expect((await first(proxied.submission, 'XCLIENT ADDR=127.0.0.9', 'EHLO scanner.example'))[1]).toBe(530);
  await using listed = await startSmtp({ relay });
  const [client, code] = await first(listed.mx);
  expect([code, (await client.command('RCPT TO:<a@elsewhere.example>')).code]).toEqual([250, 550]);
});
