// XCLIENT over a socket: for our own proxies only; it says who a peer is, and gives him nothing.
import { expect, test } from 'vitest';
import { type SmtpServersOptions, startSmtp } from '#test/support/smtp-server.ts';
import { SmtpWire } from '#test/support/wire.ts';

async function begin(options: SmtpServersOptions = {}) {
  const smtp = await startSmtp({ proxied: (address) => address === '127.0.0.1', ...options });
  const client = await SmtpWire.open(smtp.mx);
  await client.command('EHLO proxy.example');
  const say = async (line: string) => {
    const { code, lines } = await client.command(line);
    return `${code} ${lines.join('|')}`;
  };
  return { smtp, client, say, [Symbol.asyncDispose]: () => smtp[Symbol.asyncDispose]() };
}

test('XCLIENT: a proxy of ours says for whom it speaks, and the session begins anew', async () => {
  await using at = await begin();
  const { smtp, say } = at;
  expect(await say('EHLO proxy.example')).toContain('XCLIENT NAME ADDR PORT PROTO HELO');
  expect(await say('XCLIENT ADDR=192.0.2.7 PORT=4711 NAME=[UNAVAILABLE] HELO=[TEMPUNAVAIL]')).toBe(
    '220 mail.example.test ESMTP',
  );
  expect(await say('MAIL FROM:<a@peer.example>')).toBe('503 5.5.1 Send EHLO first');
  for (const line of ['EHLO peer.example', 'MAIL FROM:<a@peer.example>', 'RCPT TO:<anna@example.test>'])
    expect(await say(line)).toMatch(/^2/);
  expect(await say('RCPT TO:<nobody@example.test>')).toMatch(/^550/);
  expect(await say('DATA')).toMatch(/^3/);
  expect(await say('Subject: x\r\n.')).toMatch(/^250/);
  expect((await smtp.inbox(smtp.anna))[0]).toContain('Received: from peer.example ([192.0.2.7])');
  expect(smtp.conduct.of('192.0.2.7').count('unknown-recipient')).toBeGreaterThan(0);
  expect(smtp.conduct.of('127.0.0.1').count('unknown-recipient')).toBe(0);
});

test('XCLIENT: IPv6 addresses carry their prefix, and what is malformed changes nothing', async () => {
  await using at = await begin({ trusted: () => true });
  const { smtp, say } = at;
  const malformed = ['', 'ADDR', 'ADDR=x', 'ADDR=192.0.2.7 PORT=99999', 'WHAT=1', 'ADDR=192.0.2.7 ADDR'];
  malformed.push('NAME=a+0D+0Ab', 'NAME=a..b', 'HELO=a+0D+0Ab', 'HELO=a+20b', 'PROTO=HTTP', 'LOGIN=a+00');
  for (const rest of malformed) {
    expect([rest, await say(`XCLIENT ${rest}`)]).toEqual([rest, expect.stringMatching(/^501 5\.5\.4/)]);
  }
  expect(await say('XCLIENT ADDR=IPV6:2001:db8::7')).toMatch(/^220/);
  for (const line of ['EHLO peer.example', 'MAIL FROM:<>', 'RCPT TO:<anna@example.test>', 'DATA', 'Subject: x\r\n.'])
    await say(line);
  expect((await smtp.inbox(smtp.anna))[0]).toContain('([IPv6:2001:db8::7])');
});

test('XCLIENT: it does not log anybody in, does not relay, and does not come inside a transaction', async () => {
  await using at = await begin({ trusted: (address) => address === '192.0.2.1' });
  const { say, smtp } = at;
  await say('XCLIENT ADDR=192.0.2.1');
  await say('EHLO peer.example');
  await say('MAIL FROM:<anna@example.test>');
  expect(await say('RCPT TO:<a@elsewhere.example>')).toMatch(/^550 5\.7\.1/);
  expect(await say('XCLIENT ADDR=192.0.2.2')).toMatch(/^503/);
  const user = await SmtpWire.open(smtp.submission);
  await user.command('EHLO proxy.example');
  expect(await user.command('XCLIENT LOGIN=anna@example.test')).toEqual({
    code: 501,
    lines: ['5.5.4 Nobody is logged in by XCLIENT'],
  });
  expect((await user.command('XCLIENT ADDR=192.0.2.1 LOGIN=[UNAVAILABLE]')).code).toBe(220);
  await user.command('EHLO peer.example');
  expect((await user.command('MAIL FROM:<anna@example.test>')).code).toBe(530);
});

test('XCLIENT: everybody else hears that there is no such command', async () => {
  await using at = await begin({ proxied: () => false });
  expect(await at.say('EHLO peer.example')).not.toContain('XCLIENT');
  expect(await at.say('XCLIENT ADDR=192.0.2.7')).toBe('500 5.5.1 Command not recognised');
});

test('XCLIENT: an address that is not greeted is not served behind a proxy either', async () => {
  await using at = await begin({ limits: { spoiledSessions: 0 } });
  at.smtp.conduct.of('192.0.2.7').note('spoiled-session');
  expect(await at.say('XCLIENT ADDR=192.0.2.7')).toMatch(/^421 4\.7\.0/);
  await at.client.wire.closed();
});

test('XCLIENT: a name stands in Received, HELO need not be said again, and a login opens nothing', async () => {
  await using at = await begin();
  const { smtp, say } = at;
  const about = 'NAME=host.peer.example ADDR=192.0.2.7 HELO=peer.example PROTO=SMTP LOGIN=anna@example.test';
  expect(await say(`XCLIENT ${about}`)).toBe('220 mail.example.test ESMTP');
  expect(await say('MAIL FROM:<anna@example.test>')).toMatch(/^250/);
  expect(await say('RCPT TO:<a@elsewhere.example>')).toMatch(/^550 5\.7\.1/);
  for (const line of ['RCPT TO:<anna@example.test>', 'DATA', 'Subject: x\r\n.'])
    expect(await say(line)).toMatch(/^[23]/);
  const [message = ''] = await smtp.inbox(smtp.anna);
  expect(message).toContain('Received: from peer.example (host.peer.example [192.0.2.7])');
  expect(message).toMatch(/ with SMTP id /);
  // What the peer says itself counts more than what was said for it, and its name goes with its address.
  await say('XCLIENT ADDR=192.0.2.8 HELO=other.example');
  for (const line of ['EHLO third.example', 'MAIL FROM:<>', 'RCPT TO:<bert@example.test>', 'DATA', 'Subject: x\r\n.'])
    await say(line);
  expect((await smtp.inbox(smtp.bert))[0]).toContain('Received: from third.example ([192.0.2.8])');
});
