// XCLIENT over a socket: for our own proxies only, and for nothing but the address.
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
  expect(await say('EHLO proxy.example')).toContain('XCLIENT ADDR PORT');
  expect(await say('XCLIENT ADDR=192.0.2.7 PORT=4711 NAME=[UNAVAILABLE] HELO=peer.example PROTO=ESMTP')).toBe(
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
  await using at = await begin();
  const { smtp, say } = at;
  for (const rest of ['', 'ADDR', 'ADDR=x', 'ADDR=192.0.2.7 PORT=99999', 'WHAT=1', 'ADDR=192.0.2.7 ADDR']) {
    expect(await say(`XCLIENT ${rest}`)).toMatch(/^501 5\.5\.4/);
  }
  expect(await say('XCLIENT LOGIN=anna')).toBe('501 5.5.4 Nobody is logged in by XCLIENT');
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
  expect((await user.command('XCLIENT ADDR=192.0.2.1')).code).toBe(220);
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
