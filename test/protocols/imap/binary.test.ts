// BINARY, over a socket.
import { expect, test } from 'vitest';
import { startImap } from '#test/support/imap-server.ts';
import type { ImapWire } from '#test/support/wire.ts';

const texts = (result: { untagged: readonly { text: string }[] }) => result.untagged.map(({ text }) => text);

function multipart(...parts: readonly (readonly [header: string, body: string])[]): Buffer {
  const lines = ['From: a@example.test', 'MIME-Version: 1.0', 'Content-Type: multipart/mixed; boundary=b', ''];
  for (const [header, body] of parts) lines.push('--b', header, '', body);
  return Buffer.from([...lines, '--b--', ''].join('\r\n'), 'latin1');
}

const BASE64 = 'Content-Type: application/octet-stream\r\nContent-Transfer-Encoding: base64';
const QP = 'Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable';

/** Appends as literal8. */
async function append8(client: ImapWire, bytes: Buffer): Promise<string> {
  client.wire.send(`b APPEND INBOX ~{${bytes.length}+}\r\n`);
  client.wire.send(bytes);
  client.wire.send('\r\n');
  return (await client.result('b')).status;
}

test('BINARY: parts are told decoded, whole and in pieces, with the size that they have then', async () => {
  await using imap = await startImap();
  const client = await imap.login();
  const zeros = Buffer.from('a\0b\0c');
  const body = multipart(
    [BASE64, Buffer.from('hello world').toString('base64')],
    [QP, 'caf=C3=A9 =\r\nau lait'],
    ['Content-Type: text/plain', 'plain'],
    [BASE64, zeros.toString('base64')],
  );
  await client.ok('APPEND INBOX', body);
  await client.ok('SELECT INBOX');
  const { untagged } = await client.ok('FETCH 1 (BINARY.PEEK[1] BINARY.PEEK[2] BINARY.PEEK[3] BINARY.SIZE[4])');
  expect(untagged[0]?.text).toBe('* 1 FETCH (BINARY[1] {11} BINARY[2] {13} BINARY[3] {5} BINARY.SIZE[4] 5)');
  expect(untagged[0]?.literals.map(String)).toEqual(['hello world', 'café au lait', 'plain']);
  expect((await client.ok('FETCH 1 BINARY.PEEK[4]')).untagged[0]).toEqual({
    text: '* 1 FETCH (BINARY[4] ~{5})',
    literals: [zeros],
  });
  const partial = await client.ok('FETCH 1 (BINARY.PEEK[1]<6.3> BINARY.PEEK[1]<7> BINARY.PEEK[1]<100.5>)');
  expect(partial.untagged[0]?.literals.map(String)).toEqual(['wor', 'orld', '']);
  expect(partial.untagged[0]?.text).toContain('BINARY[1]<6> {3}');
  expect(texts(await client.ok('FETCH 1 (BINARY.SIZE[1] BINARY.SIZE[2] BINARY.SIZE[] BINARY.SIZE[9])'))).toEqual([
    `* 1 FETCH (BINARY.SIZE[1] 11 BINARY.SIZE[2] 13 BINARY.SIZE[] ${body.length} BINARY.SIZE[9] 0)`,
  ]);
  expect(texts(await client.ok('FETCH 1 FLAGS'))).toEqual(['* 1 FETCH (FLAGS (\\Recent))']);
  expect(texts(await client.ok('FETCH 1 BINARY[1]')).join()).toContain('FLAGS (\\Seen \\Recent)');
  for (const wrong of ['BINARY', 'BINARY.SIZE[1]<0.1>', 'BINARY.PEEK', 'BODY.PEEK[1]<6>']) {
    expect((await client.command(`FETCH 1 ${wrong}`)).status, wrong).toBe('BAD');
  }
});

test('BINARY: a large part is decoded as it is sent', async () => {
  await using imap = await startImap();
  const client = await imap.login();
  const bytes = Buffer.from(Array.from({ length: 400_000 }, (_, at) => (at * 7) & 0xff));
  await client.ok('APPEND INBOX', multipart([BASE64, bytes.toString('base64').replace(/.{76}/g, '$&\r\n')]));
  await client.ok('SELECT INBOX');
  expect(texts(await client.ok('FETCH 1 BINARY.SIZE[1]'))).toEqual(['* 1 FETCH (BINARY.SIZE[1] 400000)']);
  expect((await client.ok('FETCH 1 BINARY.PEEK[1]')).untagged[0]?.literals[0]?.equals(bytes)).toBe(true);
  const piece = (await client.ok('FETCH 1 BINARY.PEEK[1]<123456.200000>')).untagged[0];
  expect(piece?.literals[0]?.equals(bytes.subarray(123_456, 323_456))).toBe(true);
});

test('BINARY: an unknown encoding is NO [UNKNOWN-CTE], and the other messages are told', async () => {
  await using imap = await startImap();
  const client = await imap.login();
  await client.ok('APPEND INBOX', multipart(['Content-Transfer-Encoding: x-own', 'x']), multipart([BASE64, 'aGk=']));
  await client.ok('SELECT INBOX');
  const result = await client.command('FETCH 1:2 BINARY.PEEK[1]');
  expect(result).toMatchObject({ status: 'NO', text: expect.stringMatching(/^\[UNKNOWN-CTE\]/) });
  expect(result.untagged.map(({ literals }) => `${literals[0]}`)).toEqual(['hi']);
  expect((await client.command('FETCH 1 BINARY.SIZE[1]')).text).toMatch(/^\[UNKNOWN-CTE\]/);
});

test('BINARY: what is appended as literal8 comes back as it was, and BODY[] is text', async () => {
  await using imap = await startImap();
  const client = await imap.login();
  const binary = 'Content-Type: image/png\r\nContent-Transfer-Encoding:\r\n binary';
  const bytes = Buffer.from(Array.from({ length: 100_000 }, (_, at) => (at * 13) & 0xff)).toString('latin1');
  expect(await append8(client, multipart(['Content-Type: text/plain', 'first'], [binary, bytes], [binary, '']))).toBe(
    'OK',
  );
  const whole = Buffer.from('Content-Type: image/png\r\nContent-Transfer-Encoding: binary\r\n\r\n\0\r\n\n\0', 'latin1');
  expect(await append8(client, whole)).toBe('OK');
  expect(await append8(client, Buffer.from('Subject: no binary\r\n\r\ntext\r\n'))).toBe('OK');
  await client.ok('SELECT INBOX');
  const fetched = (await client.ok('FETCH 1 (BINARY.PEEK[1] BINARY.PEEK[2] BINARY.PEEK[3])')).untagged[0];
  expect(fetched?.literals.map((literal) => literal.toString('latin1'))).toEqual(['first', bytes, '']);
  const [raw] = (await client.ok('FETCH 1 BODY.PEEK[]')).untagged[0]?.literals ?? [];
  expect(raw?.includes(0)).toBe(false);
  expect(texts(await client.ok('FETCH 1 BODYSTRUCTURE'))[0]).toContain('"base64"');
  expect((await client.ok('FETCH 2 BINARY.PEEK[1]')).untagged[0]?.literals[0]?.toString('latin1')).toBe('\0\r\n\n\0');
  expect(`${(await client.ok('FETCH 3 BODY.PEEK[]')).untagged[0]?.literals[0]}`).toBe(
    'Subject: no binary\r\n\r\ntext\r\n',
  );
});

test('BINARY: what is signed is appended as it is, or not at all', async () => {
  await using imap = await startImap();
  const client = await imap.login();
  const signed = (body: string) =>
    Buffer.from(
      `Content-Type: multipart/signed; boundary=b\r\n\r\n--b\r\nContent-Transfer-Encoding: binary\r\n\r\n${body}\r\n--b--\r\n`,
    );
  expect(await append8(client, signed('text'))).toBe('OK');
  expect(await append8(client, signed('\0'))).toBe('NO');
  await client.ok('SELECT INBOX');
  expect((await client.ok('FETCH 1 BODY.PEEK[]')).untagged[0]?.literals[0]).toEqual(signed('text'));
});

test('BINARY: headers, texts and messages in messages are told as they are', async () => {
  await using imap = await startImap();
  const client = await imap.login();
  const inner = 'Subject: inner\r\n\r\nbody\r\n';
  const body = multipart(['Content-Type: text/plain', 'x'], ['Content-Type: message/rfc822', inner]);
  await client.ok('APPEND INBOX', body);
  await client.ok('SELECT INBOX');
  const sections = ['', 'HEADER', 'TEXT', '1.MIME', '2', '2.HEADER', '2.TEXT', '2.HEADER.FIELDS (Subject)'];
  for (const name of sections) {
    const [plain] = (await client.ok(`FETCH 1 BODY.PEEK[${name}]`)).untagged[0]?.literals ?? [];
    expect((await client.ok(`FETCH 1 BINARY.PEEK[${name}]`)).untagged[0]?.literals[0], name).toEqual(plain);
    expect(texts(await client.ok(`FETCH 1 BINARY.SIZE[${name}]`))[0], name).toMatch(
      new RegExp(` ${plain?.length}\\)$`),
    );
  }
});
