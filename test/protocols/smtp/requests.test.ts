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
