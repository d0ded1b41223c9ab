// SCRAM logins over IMAP.
import { expect, test } from 'vitest';
import { type ImapServer, PASSWORD, startImap } from '#test/support/imap-server.ts';
import { bindingOf, ScramClient } from '#test/support/scram-client.ts';
import type { ImapResult, ImapWire } from '#test/support/wire.ts';

const base64 = (text: string) => Buffer.from(text).toString('base64');
const plain = (text: string) => Buffer.from(text.replace(/^\+ ?/, ''), 'base64').toString('utf8');

/** Runs an exchange to its end; the last answer, and whether the server has proven itself. */
async function run(client: ImapWire, mechanism: string, scram: ScramClient): Promise<ImapResult & { proven: boolean }> {
  client.wire.send(`a AUTHENTICATE ${mechanism} ${base64(scram.first())}\r\n`);
  let proven = false;
  const first = await client.response();
  if (!first.text.startsWith('+')) return failure(first.text);
  client.wire.send(`${base64(scram.final(plain(first.text)))}\r\n`);
  const last = await client.response();
  if (!last.text.startsWith('+')) return failure(last.text);
  proven = scram.verifies(plain(last.text));
  client.wire.send('\r\n');
  return { ...(await client.result('a')), proven };
}

function failure(text: string) {
  const [, status = '', ...rest] = text.split(' ');
  return { status, text: rest.join(' '), untagged: [], proven: false };
}

/** anna has logged in with her password once, since when there are SCRAM keys. */
async function seen(imap: ImapServer): Promise<void> {
  (await imap.login()).wire.destroy();
}

test('AUTH=SCRAM-SHA-256: the password is never sent, and server and client know each other', async () => {
  await using imap = await startImap();
  await seen(imap);
  const client = await imap.connect();
  const scram = new ScramClient({ user: 'anna@example.test', password: PASSWORD });
  expect(await run(client, 'SCRAM-SHA-256', scram)).toMatchObject({ status: 'OK', proven: true });
  await client.ok('SELECT INBOX');
  const wrong = new ScramClient({ user: 'anna@example.test', password: 'wrong' });
  const refused = await run(await imap.connect(), 'SCRAM-SHA-256', wrong);
  expect(refused).toMatchObject({ status: 'NO', text: expect.stringContaining('[AUTHENTICATIONFAILED]') });
  const nobody = new ScramClient({ user: 'nobody@example.test', password: PASSWORD });
  expect((await run(await imap.connect(), 'SCRAM-SHA-256', nobody)).text).toBe(refused.text);
});

test('AUTH=SCRAM-SHA-256: an account whose password was never seen is a temporary failure, and a new password has keys', async () => {
  await using imap = await startImap();
  const attempt = async () =>
    await run(await imap.connect(), 'SCRAM-SHA-256', new ScramClient({ user: 'anna', password: PASSWORD }));
  expect((await attempt()).text).toMatch(/^\[UNAVAILABLE\]/);
  await seen(imap);
  expect((await attempt()).status).toBe('OK');
  await imap.store.directory.setPassword(imap.anna.id, 'x');
  expect((await attempt()).text).toMatch(/^\[UNAVAILABLE\]/);
});

test('AUTH=SCRAM-SHA-256-PLUS: bound to this TLS connection, in both ways, and refused on another', async () => {
  await using imap = await startImap();
  await seen(imap);
  for (const type of ['tls-exporter', 'tls-server-end-point'] as const) {
    const client = await imap.connect({ secure: true });
    expect(client.greeting).toContain(' AUTH=SCRAM-SHA-256-PLUS');
    const binding = bindingOf(client.wire.socket, type);
    const scram = new ScramClient({ user: 'anna', password: PASSWORD, header: `p=${type},,`, binding });
    expect(await run(client, 'SCRAM-SHA-256-PLUS', scram), type).toMatchObject({ status: 'OK', proven: true });
  }
  const other = await imap.connect({ secure: true });
  const binding = bindingOf((await imap.connect({ secure: true })).wire.socket, 'tls-exporter');
  const moved = new ScramClient({ user: 'anna', password: PASSWORD, header: 'p=tls-exporter,,', binding });
  expect((await run(other, 'SCRAM-SHA-256-PLUS', moved)).status).toBe('NO');
  const told = new ScramClient({ user: 'anna', password: PASSWORD, header: 'y,,' });
  expect((await run(await imap.connect({ secure: true }), 'SCRAM-SHA-256', told)).status).toBe('BAD');
  const plainConnection = await imap.connect();
  expect(plainConnection.greeting).not.toContain('PLUS');
  expect((await plainConnection.command('AUTHENTICATE SCRAM-SHA-256-PLUS')).status).toBe('NO');
  expect((await plainConnection.command('AUTHENTICATE XOAUTH2')).status).toBe('NO');
});

test('SCRAM may be cancelled, and rubbish is BAD', async () => {
  await using imap = await startImap();
  const client = await imap.connect();
  client.wire.send(`a AUTHENTICATE SCRAM-SHA-256 ${base64('n,,n=anna,r=abc')}\r\n*\r\n`);
  expect((await client.response()).text).toMatch(/^\+ /);
  expect((await client.result('a')).status).toBe('BAD');
  expect((await client.command(`AUTHENTICATE SCRAM-SHA-256 ${base64('rubbish')}`)).status).toBe('BAD');
  await client.login('anna', PASSWORD);
});
