// What a sender may ask for beside the delivery itself: it reaches those who act on it, and is refused where nobody does.
import { expect, test } from 'vitest';
import type { Envelope } from '#protocols/ports.ts';
import { PASSWORD, startSmtp } from '#test/support/smtp-server.ts';
import { SmtpWire } from '#test/support/wire.ts';

test('DSN: what is asked in MAIL and RCPT reaches the pipeline, recipient by recipient (RFC 3461)', async () => {
  const envelopes: Envelope[] = [];
  await using smtp = await startSmtp({ queue: { dsn: true }, accepted: (envelope) => envelopes.push(envelope) });
  const client = await SmtpWire.open(smtp.mx);
  expect((await client.command('EHLO peer.example')).lines).toContain('DSN');
  for (const command of [
    'MAIL FROM:<a@peer.example> RET=HDRS ENVID=QQ314159',
    'RCPT TO:<anna@example.test> NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;Anna@example.test',
    'RCPT TO:<bert@example.test>',
  ]) {
    expect((await client.command(command)).code).toBe(250);
  }
  await client.command('DATA');
  expect((await client.command('Subject: x\r\n.')).code).toBe(250);
  expect(envelopes[0]?.dsn).toEqual({
    ret: 'hdrs',
    envid: 'QQ314159',
    recipients: new Map([['anna@example.test', { notify: ['success', 'failure'], orcpt: 'rfc822;Anna@example.test' }]]),
  });
});

test('REQUIRETLS: it is offered and taken under TLS only, and reaches the pipeline (RFC 8689)', async () => {
  const envelopes: Envelope[] = [];
  await using smtp = await startSmtp({ queue: { requireTls: true }, accepted: (envelope) => envelopes.push(envelope) });
  const client = await SmtpWire.open(smtp.mx);
  expect((await client.command('EHLO peer.example')).lines).not.toContain('REQUIRETLS');
  expect((await client.command('MAIL FROM:<a@peer.example> REQUIRETLS')).code).toBe(555);
  await client.startTls();
  expect((await client.command('EHLO peer.example')).lines).toContain('REQUIRETLS');
  await client.command('MAIL FROM:<a@peer.example> REQUIRETLS');
  await client.command('RCPT TO:<anna@example.test>');
  await client.command('DATA');
  expect((await client.command('Subject: x\r\n.')).code).toBe(250);
  expect(envelopes[0]?.requireTls).toBe(true);
});

test('where nobody acts on them they are not offered, and refused with 555', async () => {
  await using smtp = await startSmtp();
  const client = await SmtpWire.open(smtp.mx);
  const { lines } = await client.command('EHLO peer.example');
  expect(lines.filter((line) => /DSN|REQUIRETLS/.test(line))).toEqual([]);
  for (const parameter of ['RET=FULL', 'ENVID=x', 'REQUIRETLS', 'HOLDFOR=60', 'MT-PRIORITY=3', 'BY=60;R']) {
    expect((await client.command(`MAIL FROM:<a@peer.example> ${parameter}`)).code).toBe(555);
  }
  await client.command('MAIL FROM:<a@peer.example>');
  expect((await client.command('RCPT TO:<anna@example.test> NOTIFY=NEVER')).code).toBe(555);
});

test('XVERP: offered on submission, with the delimiters that are asked for', async () => {
  const envelopes: Envelope[] = [];
  await using smtp = await startSmtp({ queue: { verp: true }, accepted: (envelope) => envelopes.push(envelope) });
  const mx = await SmtpWire.open(smtp.mx);
  expect((await mx.command('EHLO a.example')).lines).not.toContain('XVERP');
  expect((await mx.command('MAIL FROM:<a@other.test> XVERP')).code).toBe(555);
  const client = await SmtpWire.open(smtp.submission);
  expect((await client.command('EHLO a.example')).lines).toContain('XVERP');
  await client.command(`AUTH PLAIN ${Buffer.from(`\0anna\0${PASSWORD}`).toString('base64')}`);
  for (const wrong of ['XVERP=', 'XVERP=+', 'XVERP=ab', 'XVERP=+=-', 'XVERP XVERP']) {
    expect([wrong, (await client.command(`MAIL FROM:<anna@example.test> ${wrong}`)).code]).toEqual([wrong, 501]);
  }
  expect((await client.command('MAIL FROM:<anna@example.test> XVERP=-=')).code).toBe(250);
  await client.command('RCPT TO:<you@other.test>');
  await client.command('DATA');
  expect((await client.command('Subject: x\r\n.')).code).toBe(250);
  expect((await smtp.store.queue.list({}, 0, 1))[0]).toMatchObject({ verp: '-=', sender: 'anna@example.test' });
});

test('FUTURERELEASE: a message waits as long as it is asked to, and nothing else is promised (RFC 4865)', async () => {
  await using smtp = await startSmtp({ queue: { futureMs: 3_600_000 } });
  const client = await SmtpWire.open(smtp.submission);
  const { lines } = await client.command('EHLO a.example');
  const [, most = '', last = ''] =
    /^FUTURERELEASE (\d+) (\S+)$/.exec(lines.find((line) => line.startsWith('FUT')) ?? '') ?? [];
  expect(Number(most)).toBe(3_600);
  expect(Math.abs(Date.parse(last) - Date.now() - 3_600_000)).toBeLessThan(60_000);
  await client.command(`AUTH PLAIN ${Buffer.from(`\0anna\0${PASSWORD}`).toString('base64')}`);
  const mail = async (parameters: string) => (await client.command(`MAIL FROM:<anna@example.test> ${parameters}`)).code;
  for (const wrong of [
    'HOLDFOR=0',
    'HOLDFOR=x',
    'HOLDFOR',
    'HOLDFOR=3601',
    'HOLDUNTIL=2026-13-01T00:00:00Z',
    'HOLDUNTIL=x',
    'HOLDUNTIL=2126-01-01T00:00:00Z',
    'HOLDFOR=60 HOLDUNTIL=2026-01-01T00:00:00Z',
  ]) {
    expect([wrong, await mail(wrong)]).toEqual([wrong, 501]);
  }
  const soon = new Date(Date.now() + 600_000).toISOString();
  for (const parameter of ['HOLDFOR=600', `HOLDUNTIL=${soon}`]) {
    expect(await mail(parameter)).toBe(250);
    await client.command('RCPT TO:<bert@example.test>');
    await client.command('DATA');
    expect((await client.command('Subject: later\r\n.')).code).toBe(250);
  }
  for (const { recipients, released = 0 } of await smtp.store.queue.list({}, 0, 9)) {
    expect(Math.abs(released - Date.now() - 600_000)).toBeLessThan(60_000);
    expect(recipients[0]?.nextAttempt).toBe(released);
  }
  expect(await smtp.inbox(smtp.bert)).toEqual([]);
  const mx = await SmtpWire.open(smtp.mx);
  await mx.command('EHLO a.example');
  expect((await mx.command('MAIL FROM:<a@other.test> HOLDFOR=60')).code).toBe(555);
});
