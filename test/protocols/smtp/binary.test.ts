// BINARYMIME over sockets: what comes as binary, and what IMAP, POP3 and another server are given of it.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { temporaryFolder } from '#test/support/folder.ts';
import { Installation } from '#test/support/installation.ts';
import { outboundLab, until } from '#test/support/outbound.ts';
import { between, seeded } from '#test/support/random.ts';
import { PASSWORD, type SmtpServers, startSmtp } from '#test/support/smtp-server.ts';
import { ImapWire, SmtpWire, Wire } from '#test/support/wire.ts';

/** All octets there are, and what is hardest of them for who reads lines. */
const BYTES = `\0\r\n.\r\n\r\0\n\n.\n\r${String.fromCharCode(...Array.from({ length: 256 }, (_, i) => i))}\r\n.\r\nQUIT\r`;

const multipart = (type: string, parts: readonly (readonly [header: string, body: string])[]) =>
  [
    `From: joe@peer.example\r\nMessage-ID: <${Math.random()}@peer.example>\r\nSubject: binary\r\nMIME-Version: 1.0\r\n`,
    `Content-Type: multipart/${type}; boundary=b\r\nContent-Transfer-Encoding: binary\r\n\r\n`,
    ...parts.map(([header, body]) => `--b\r\n${header}\r\n\r\n${body}\r\n`),
    '--b--\r\n',
  ].join('');
const BINARY = 'Content-Type: image/png\r\nContent-Transfer-Encoding: binary';
const PLAIN = 'Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: binary';
const message = (body = BYTES) =>
  multipart('mixed', [
    [PLAIN, 'Gr\xc3\xbc\xc3\x9fe\r\n.\r\n'],
    [BINARY, body],
  ]);

async function begin(client: SmtpWire, to = 'anna@example.test', from = 'joe@peer.example', body = 'BINARYMIME') {
  expect((await client.command(`MAIL FROM:<${from}> BODY=${body}`)).code).toBe(250);
  expect((await client.command(`RCPT TO:<${to}>`)).code).toBe(250);
}

/** Sends a message in chunks of so many octets; the reply to the last. */
async function hand(client: SmtpWire, content: string, size = content.length): Promise<string> {
  const bytes = Buffer.from(content, 'latin1');
  for (let at = 0; ; at += size) {
    const last = at + size >= bytes.length;
    const piece = bytes.subarray(at, at + size);
    client.wire.send(Buffer.concat([Buffer.from(`BDAT ${piece.length}${last ? ' LAST' : ''}\r\n`), piece]));
    const { code, lines } = await client.reply();
    if (last) return `${code} ${lines.join(' ')}`;
    expect(code).toBe(250);
  }
}

let smtp: SmtpServers;
let client: SmtpWire;

beforeAll(async () => {
  smtp = await startSmtp({ messageSize: 1_000_000, trusted: () => true });
  client = await SmtpWire.open(smtp.mx);
});

afterAll(async () => {
  client.wire.destroy();
  await smtp[Symbol.asyncDispose]();
});

const newest = async () => (await smtp.inbox(smtp.anna)).at(-1) ?? '';

test('BINARYMIME: it is offered with CHUNKING, and DATA is no way for it', async () => {
  expect((await client.command('EHLO peer.example')).lines).toEqual(expect.arrayContaining(['CHUNKING', 'BINARYMIME']));
  await begin(client);
  expect(await client.command('DATA')).toMatchObject({ code: 503, lines: ['5.5.1 What is binary comes by BDAT'] });
  expect((await client.command('RSET')).code).toBe(250);
});

test('BINARYMIME: a binary part becomes base64 and loses nothing, wherever the chunks are cut', async () => {
  const random = seeded(30);
  for (let turn = 0; turn < 12; turn++) {
    const body = Buffer.from(
      Array.from({ length: turn ** 3 }, (_, i) => (i === 0 ? 0 : between(random, 0, 255))),
    ).toString('latin1');
    await begin(client);
    expect(await hand(client, message(body), turn === 0 ? undefined : between(random, 50, 900))).toMatch(
      /^250 2\.6\.0/,
    );
    const stored = await newest();
    const [, encoded = ''] =
      /\r\nContent-Type: image\/png\r\nContent-Transfer-Encoding: base64\r\n\r\n([^-]*)--b--\r\n$/.exec(stored) ?? [];
    if (body !== '') expect(Buffer.from(encoded, 'base64').toString('latin1')).toBe(body);
    // What is text in spite of its label is not touched.
    expect(stored).toContain(`\r\n--b\r\n${PLAIN}\r\n\r\nGr\xc3\xbc\xc3\x9fe\r\n.\r\n\r\n--b\r\n`);
  }
});

test('BINARYMIME: a message that is one binary part, and one inside of a message', async () => {
  await begin(client);
  const single = `Subject: one\r\nMIME-Version: 1.0\r\n${BINARY}\r\n\r\n`;
  expect(await hand(client, `${single}${BYTES}`)).toMatch(/^250 /);
  const stored = await newest();
  expect(stored).toContain('Content-Transfer-Encoding: base64\r\n\r\n');
  expect(Buffer.from(stored.slice(stored.lastIndexOf('\r\n\r\n')), 'base64').toString('latin1')).toBe(BYTES);
  await begin(client);
  const inner = 'Content-Type: message/rfc822\r\nContent-Transfer-Encoding: binary';
  expect(await hand(client, multipart('mixed', [[inner, `${single}${BYTES}`]]))).toMatch(/^250 /);
  const holder = await newest();
  expect(holder).toContain('Content-Type: message/rfc822\r\nContent-Transfer-Encoding: 8bit\r\n\r\nSubject: one\r\n');
  expect(holder).not.toMatch(/Encoding: binary|\0/);
});

describe('what stays as it came, or is not taken', () => {
  test('a message in which everything is text', async () => {
    const text = multipart('mixed', [[PLAIN, 'Gr\xc3\xbc\xc3\x9fe\r\n']]);
    await begin(client);
    expect(await hand(client, text)).toMatch(/^250 /);
    expect((await newest()).endsWith(text)).toBe(true);
  });

  test('what is signed: as it came while it is text, else not at all (RFC 1847 2.1)', async () => {
    const signature = ['Content-Type: application/pgp-signature', 'x'] as const;
    const text = multipart('signed', [[PLAIN, 'Gr\xc3\xbc\xc3\x9fe\r\n'], signature]);
    await begin(client);
    expect(await hand(client, text)).toMatch(/^250 /);
    expect((await newest()).endsWith(text)).toBe(true);
    await begin(client);
    expect(await hand(client, multipart('signed', [[BINARY, BYTES], signature]))).toMatch(/^550 5\.6\.3 /);
  });

  test('a bare line end or a NUL outside of a binary part, as with DATA', async () => {
    const before = (await smtp.inbox(smtp.anna)).length;
    for (const content of [
      'Subject: x\ny: z\r\n\r\ntext\r\n',
      'Subject: x\r\n\r\nte\0xt\r\n',
      'Subject: x\r\n\r\ntext\r',
      `Subject: x\r\nX: ${BYTES}\r\n\r\n`,
      multipart('mixed', [[BINARY, BYTES]]).replace('--b--\r\n', '--b--\n.\r\nMAIL FROM:<>'),
      multipart('mixed', [['Content-Type: text/plain', 'a\nb']]),
    ]) {
      await begin(client);
      expect(await hand(client, content), content).toMatch(/^550 5\.6\.11 /);
    }
    await begin(client, 'anna@example.test', 'joe@peer.example', '8BITMIME');
    expect(await hand(client, message())).toMatch(/^550 5\.6\.11 /);
    expect(await smtp.inbox(smtp.anna)).toHaveLength(before);
  });

  test('one that is too large, at its last chunk', async () => {
    await begin(client);
    expect(await hand(client, message('\0'.repeat(1_000_000)))).toMatch(/^552 5\.3\.4 /);
  });
});

test('on submission the same, and what is no binary part is repaired like any content (F222)', async () => {
  const user = await SmtpWire.open(smtp.submission);
  await user.command('EHLO office.example');
  await user.command(`AUTH PLAIN ${Buffer.from(`\0anna\0${PASSWORD}`).toString('base64')}`);
  await begin(user, 'anna@example.test', 'anna@example.test');
  const content = message()
    .replace('joe@peer.example', 'anna@example.test')
    .replace('Subject: binary\r\n', 'Subject: lf\n');
  expect(await hand(user, content)).toMatch(/^250 /);
  expect(await newest()).toMatch(/\r\nSubject: lf\r\n/);
  expect(await newest()).toContain('Content-Type: image/png\r\nContent-Transfer-Encoding: base64\r\n\r\n');
  user.wire.destroy();
});

test('through the whole server: IMAP and POP3 tell it in their own terms, BINARY gives it back', async () => {
  await using folder = await temporaryFolder();
  const program = new Installation({
    ...{ folder: folder.path, threads: 1, plaintext: true },
    listen: { smtp: 0, imap: 0, pop3: 0 },
  });
  await program.populate(['anna'], PASSWORD);
  const server = await program.serve();
  const peer = await SmtpWire.open(server.port('smtp'));
  await peer.command('EHLO peer.example');
  await begin(peer);
  expect(await hand(peer, message(), 100)).toMatch(/^250 /);
  peer.wire.destroy();

  const imap = await ImapWire.open(server.port('imap'));
  const ask = async (text: string) => {
    const tag = imap.nextTag();
    imap.wire.send(`${tag} ${text}\r\n`);
    const { status, untagged } = await imap.result(tag);
    expect(status, text).toBe('OK');
    return untagged;
  };
  await ask(`LOGIN anna@example.test "${PASSWORD}"`);
  await ask('SELECT INBOX');
  const [whole] = await ask('FETCH 1 (BODY.PEEK[])');
  expect(whole?.literals[0]?.includes(0)).toBe(false);
  const [decoded] = await ask('FETCH 1 (BINARY.PEEK[2] BINARY.SIZE[2])');
  expect(decoded?.text).toBe(`* 1 FETCH (BINARY[2] ~{${BYTES.length}} BINARY.SIZE[2] ${BYTES.length})`);
  expect(decoded?.literals[0]?.toString('latin1')).toBe(BYTES);
  imap.wire.destroy();

  const pop = await Wire.open(server.port('pop3'));
  for (const command of ['', 'USER anna@example.test\r\n', `PASS ${PASSWORD}\r\n`, 'RETR 1\r\n']) {
    pop.send(command);
    expect(await pop.line()).toMatch(/^\+OK/);
  }
  const lines: string[] = [];
  for (let line = await pop.line(); line !== '.'; line = await pop.line()) lines.push(line.replace(/^\./, ''));
  expect(`${lines.join('\r\n')}\r\n`).toBe(whole?.literals[0]?.toString('latin1'));
  pop.destroy();
  await server.stop();
});

test('what is forwarded goes by DATA or BDAT like any other message, in lines and without a NUL', async () => {
  for (const extensions of [['8BITMIME'], [], ['8BITMIME', 'CHUNKING', 'BINARYMIME', 'PIPELINING']]) {
    await using lab = await outboundLab({
      'other.test': { MX: [[1, 'mx.other.test']] },
      'mx.other.test': { A: ['127.0.0.2'] },
    });
    await using peer = await lab.peer(2, { extensions });
    await lab.smtp.store.directory.addAlias('out@example.test', ['one@other.test']);
    const from = await SmtpWire.open(lab.smtp.mx);
    await from.command('EHLO peer.example');
    await begin(from, 'out@example.test');
    expect(await hand(from, message())).toMatch(/^250 /);
    from.wire.destroy();
    await until(() => peer.messages.length > 0);
    const { mail = '', content = '' } = peer.messages[0] ?? {};
    expect(mail).not.toContain('BINARYMIME');
    expect(content).not.toMatch(/\0|\r(?!\n)|(?<!\r)\n/);
    const [, encoded = ''] = /image\/png\r\nContent-Transfer-Encoding: base64\r\n\r\n([^-]*)--b--/.exec(content) ?? [];
    expect(Buffer.from(encoded, 'base64').toString('latin1')).toBe(BYTES);
  }
});
