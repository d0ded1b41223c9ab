// Our SMTP client against a server of our own that says what it likes, and against our own MX.
import { expect, test } from 'vitest';
import type { OutgoingEnvelope, OutgoingRecipient } from '#protocols/smtp/client/envelope.ts';
import { Session, type SessionOptions } from '#protocols/smtp/client/session.ts';
import { transact } from '#protocols/smtp/client/transaction.ts';
import { makeCertificate } from '#test/support/certificate.ts';
import { type PeerOptions, type SmtpPeer, smtpPeer } from '#test/support/smtp-peer.ts';
import { startSmtp } from '#test/support/smtp-server.ts';

const FULL = ['PIPELINING', 'SIZE 1000', '8BITMIME', 'SMTPUTF8', 'DSN', 'ENHANCEDSTATUSCODES'];
const TEXT = 'Subject: hello\r\n\r\n.a dot\r\n';

const ENVELOPE: OutgoingEnvelope = {
  ...{ sender: 'anna@example.test', size: 100, utf8: false, eightBit: false, requireTls: false },
  ...{ envelopeId: '', returnFull: null },
};

function options(port: number, more: Partial<SessionOptions> = {}): SessionOptions {
  const tls = { use: 'may' as const, options: { rejectUnauthorized: false }, accept: () => null };
  return { address: '127.0.0.1', port, hostname: 'mail.example.test', tls, ...more };
}

const to = (...addresses: string[]): OutgoingRecipient[] =>
  addresses.map((address) => ({ address, notify: null, original: '' }));

async function* pieces(...texts: string[]): AsyncGenerator<Uint8Array> {
  for (const text of texts) yield Buffer.from(text, 'latin1');
}

/** One message over one session; what each recipient was told. */
async function send(peer: SmtpPeer, recipients = to('you@peer.test'), envelope = ENVELOPE): Promise<string[]> {
  const session = await Session.open(options(peer.port));
  const { replies } = await transact(session, { envelope, recipients, content: () => pieces(TEXT) });
  await session.quit();
  return replies.map(({ code, enhanced }) => `${code} ${enhanced}`);
}

test('a message goes with its dots doubled, and each recipient is told', async () => {
  await using peer = await smtpPeer({ extensions: FULL });
  expect(await send(peer, to('a@peer.test', 'b@peer.test'))).toEqual(['250 2.0.0', '250 2.0.0']);
  expect(peer.messages).toEqual([
    {
      mail: 'MAIL FROM:<anna@example.test> SIZE=100',
      recipients: ['RCPT TO:<a@peer.test>', 'RCPT TO:<b@peer.test>'],
      content: TEXT,
      raw: TEXT.replace('\r\n.a', '\r\n..a'),
      chunks: [],
      secure: false,
    },
  ]);
  expect(peer.commands.at(-1)).toBe('QUIT');
});

test('commands go ahead of their replies where the server takes that, and one by one where not', async () => {
  const waits: string[][] = [];
  for (const extensions of [FULL, []]) {
    let atDot: string[] = [];
    await using peer = await smtpPeer({
      extensions,
      act(command, { commands }) {
        // All that has come when MAIL is looked at.
        if (command.startsWith('MAIL')) setImmediate(() => (atDot = commands.map((line) => line.slice(0, 4))));
        return undefined;
      },
    });
    expect(await send(peer, to('a@peer.test', 'b@peer.test'))).toEqual(['250 2.0.0', '250 2.0.0']);
    waits.push(atDot);
  }
  expect(waits).toEqual([
    ['EHLO', 'MAIL', 'RCPT', 'RCPT', 'DATA'],
    ['EHLO', 'MAIL'],
  ]);
});

test.each([
  ['pipelined', ['PIPELINING']],
  ['in turn', []],
])('each recipient has its own result: %s', async (_name, extensions) => {
  await using peer = await smtpPeer({
    extensions,
    act: (command) => {
      if (command.includes('<b@')) return '550 5.1.1 Nobody';
      return command.includes('<c@') ? '452 4.5.3 Too many' : undefined;
    },
  });
  const told = await send(peer, to('a@peer.test', 'b@peer.test', 'c@peer.test'));
  expect(told).toEqual(['250 2.0.0', '550 5.1.1', '452 4.5.3']);
  expect(peer.messages[0]?.recipients).toEqual(['RCPT TO:<a@peer.test>']);
});

test.each([
  ['pipelined', ['PIPELINING']],
  ['in turn', []],
])('when everybody is refused nothing is sent, and the session goes on: %s', async (_name, extensions) => {
  await using peer = await smtpPeer({
    extensions,
    act: (command) => (command.includes('<bad') ? '550 5.1.1 Nobody' : undefined),
  });
  const session = await Session.open(options(peer.port));
  const send = async (...addresses: string[]) => {
    const message = { envelope: ENVELOPE, recipients: to(...addresses), content: () => pieces(TEXT) };
    return (await transact(session, message)).replies.map(({ code }) => code);
  };
  expect(await send('bad1@peer.test', 'bad2@peer.test')).toEqual([550, 550]);
  expect(session.usable).toBe(true);
  expect(await send('good@peer.test')).toEqual([250]);
  expect(peer.messages.length).toBe(1);
  expect(peer.sessions.length).toBe(1);
  await session.quit();
});

test('a server that says 354 after refusing everybody gets an empty message, and nobody is told that it was kept', async () => {
  await using peer = await smtpPeer({
    extensions: ['PIPELINING'],
    act: (command) => (command === 'DATA' ? '354 Go on' : command.startsWith('RCPT') ? '550 5.1.1 No' : undefined),
  });
  expect(await send(peer)).toEqual(['550 5.1.1']);
  expect(peer.messages.map(({ content }) => content)).toEqual(['']);
});

test.each([
  ['MAIL', '451 4.7.1 Greylisted', '451 4.7.1'],
  ['MAIL', '550 5.7.1 Go away', '550 5.7.1'],
  ['DATA', '554 5.5.1 No', '554 5.5.1'],
  ['DATA', '250 What?', '451 4.5.0'],
  ['DOT', '552 5.3.4 Too large', '552 5.3.4'],
  ['DOT', '451 Later', '451 4.0.0'],
  ['DOT', '354 Again?', '451 4.5.0'],
  ['MAIL', '550 2.0.0 A contradiction', '550 5.0.0'],
])('what is said to %s counts for all recipients: %s', async (at, says, told) => {
  for (const extensions of [['PIPELINING'], []]) {
    await using peer = await smtpPeer({ extensions, act: (command) => (command.startsWith(at) ? says : undefined) });
    expect(await send(peer, to('a@peer.test', 'b@peer.test'))).toEqual([told, told]);
  }
});

test('a server without EHLO is greeted with HELO', async () => {
  await using peer = await smtpPeer({ extensions: null });
  expect(await send(peer)).toEqual(['250 2.0.0']);
  expect(peer.commands.slice(0, 3)).toEqual([
    'EHLO mail.example.test',
    'HELO mail.example.test',
    'MAIL FROM:<anna@example.test>',
  ]);
});

test('several messages go over one session', async () => {
  await using peer = await smtpPeer({ extensions: FULL });
  const session = await Session.open(options(peer.port));
  for (let n = 0; n < 3; n++) {
    await transact(session, { envelope: ENVELOPE, recipients: to('you@peer.test'), content: () => pieces(TEXT) });
    expect(session.usable).toBe(true);
  }
  await session.quit();
  expect(peer.messages.length).toBe(3);
  expect(peer.sessions.length).toBe(1);
});

test('what a server can not take is not sent: too large, 8 bit, UTF-8, REQUIRETLS', async () => {
  await using peer = await smtpPeer({ extensions: ['SIZE 99'] });
  const told = (more: Partial<OutgoingEnvelope>, recipients = to('you@peer.test')) =>
    send(peer, recipients, { ...ENVELOPE, size: 50, ...more });
  expect(await told({ size: 100 })).toEqual(['552 5.3.4']);
  expect(await told({ eightBit: true })).toEqual(['550 5.6.3']);
  expect(await told({ utf8: true })).toEqual(['550 5.6.7']);
  expect(await told({ sender: 'ärger@example.test' })).toEqual(['550 5.6.7']);
  expect(await told({ requireTls: true })).toEqual(['550 5.7.30']);
  expect(peer.messages).toEqual([]);
  // One recipient that it can't take is no reason to refuse the other; a domain is always written in ASCII.
  expect(await told({}, to('ärger@peer.test', 'you@ärger.test'))).toEqual(['553 5.6.7', '250 2.0.0']);
  expect(peer.messages[0]?.recipients).toEqual(['RCPT TO:<you@xn--rger-koa.test>']);
});

test('what it can take is asked for as its extensions say', async () => {
  await using peer = await smtpPeer({ extensions: FULL });
  const envelope = { ...ENVELOPE, eightBit: true, envelopeId: 'QQ+3D1', returnFull: false };
  const recipients = [
    { address: 'ärger@peer.test', notify: 6, original: 'rfc822;x@y.test' },
    { address: 'you@peer.test', notify: 0, original: '' },
  ];
  await send(peer, recipients, envelope);
  const [message] = peer.messages;
  const [first = '', second] = message?.recipients ?? [];
  expect(message?.mail).toBe('MAIL FROM:<anna@example.test> SIZE=100 BODY=8BITMIME SMTPUTF8 RET=HDRS ENVID=QQ+3D1');
  expect(Buffer.from(first, 'latin1').toString()).toBe(
    'RCPT TO:<ärger@peer.test> NOTIFY=FAILURE,DELAY ORCPT=rfc822;x@y.test',
  );
  expect(second).toBe('RCPT TO:<you@peer.test> NOTIFY=NEVER');
});

test('a session that breaks off is told apart from a refusal, wherever it breaks', async () => {
  for (const at of ['EHLO', 'MAIL', 'RCPT', 'DATA', 'DOT']) {
    const act: PeerOptions['act'] = (command) => (command.startsWith(at) ? { cut: true } : undefined);
    await using peer = await smtpPeer({ act });
    await expect(send(peer), at).rejects.toMatchObject({ kind: 'lost', reply: { code: 451, enhanced: '4.4.2' } });
  }
});

test.each([
  ['lines of a reply', '250-more\r\n'],
  ['one line', 'x'],
  ['nothing but line ends', '\r\n'],
  ['zeros', '\0'],
])('a server that sends gigabytes is left, wherever it begins: %s', async (_, flood) => {
  for (const point of ['CONNECT', 'EHLO', 'MAIL', 'RCPT', 'DATA', 'DOT']) {
    await using peer = await smtpPeer({ act: (command) => (command.startsWith(point) ? { flood } : undefined) });
    await expect(send(peer), point).rejects.toMatchObject({ kind: 'lost', reply: { code: 451, enhanced: '4.4.2' } });
    await expect.poll(() => peer.open).toBe(0);
    // What the sockets of both sides hold, and not much more.
    expect(peer.flooded, point).toBeLessThan(32 * 1024 ** 2);
  }
});

test('421 ends the session at any point, and says why', async () => {
  for (const at of ['CONNECT', 'EHLO', 'MAIL', 'RCPT', 'DOT']) {
    await using peer = await smtpPeer({
      extensions: FULL,
      act: (command) => (command.startsWith(at) ? '421 4.7.0 Too many of you' : undefined),
    });
    await expect(send(peer), at).rejects.toMatchObject({ kind: 'reply', reply: { code: 421, enhanced: '4.7.0' } });
  }
});

test('a server that does not want to talk to us is a temporary failure of that server', async () => {
  await using peer = await smtpPeer({ act: (command) => (command === 'CONNECT' ? '554 5.7.1 Not you' : undefined) });
  await expect(send(peer)).rejects.toMatchObject({ kind: 'reply', reply: { code: 451, enhanced: '4.7.1' } });
});

test('silence, at any point, ends within its time', async () => {
  const limits = { greetingMs: 50, commandMs: 50, dataMs: 50, endMs: 50, quitMs: 50 };
  for (const at of ['CONNECT', 'EHLO', 'MAIL', 'RCPT', 'DATA', 'DOT']) {
    await using peer = await smtpPeer({ act: (command) => (command.startsWith(at) ? { silent: true } : undefined) });
    const attempt = async () => {
      const session = await Session.open(options(peer.port, { limits }));
      await transact(session, { envelope: ENVELOPE, recipients: to('you@peer.test'), content: () => pieces(TEXT) });
    };
    await expect(attempt(), at).rejects.toMatchObject({ kind: 'lost' });
  }
});

test.each([
  ['a line without end', `220 ${'x'.repeat(2_000_000)}`],
  ['a reply without end', '220-again\r\n'.repeat(1_000)],
  ['another protocol', 'HTTP/1.1 400 Bad Request\r\n'],
  ['binary', '\0\x01\x02\xff\r\n'],
])('a server that sends %s is given up', async (_name, text) => {
  await using peer = await smtpPeer({ act: (command) => (command === 'CONNECT' ? `${text}\n` : undefined) });
  await expect(Session.open(options(peer.port))).rejects.toMatchObject({ kind: 'lost' });
});

test('an address where nobody listens is a failure to connect', async () => {
  const peer = await smtpPeer();
  const { port } = peer;
  await peer[Symbol.asyncDispose]();
  await expect(Session.open(options(port))).rejects.toMatchObject({
    ...{ kind: 'connect', reply: { code: 451, enhanced: '4.4.1' } },
  });
});

test('TLS is used where it is offered, and everything before it is forgotten', async () => {
  const { certificate: cert, key } = await makeCertificate(['peer.test']);
  await using peer = await smtpPeer({ extensions: ['STARTTLS', ...FULL], tls: { cert, key } });
  const session = await Session.open(options(peer.port));
  expect(session.tls?.version).toBe('TLSv1.3');
  expect(session.extensions.has('STARTTLS')).toBe(false);
  await transact(session, { envelope: ENVELOPE, recipients: to('you@peer.test'), content: () => pieces(TEXT) });
  expect(peer.messages.map(({ secure }) => secure)).toEqual([true]);
  expect(peer.commands.slice(0, 3)).toEqual(['EHLO mail.example.test', 'STARTTLS', 'EHLO mail.example.test']);
  await session.quit();
});

test('TLS that fails, is refused or is attacked is told apart', async () => {
  const { certificate: cert, key } = await makeCertificate(['peer.test']);
  const old = { cert, key, maxVersion: 'TLSv1.2' } as const;
  const attempt = async (peer: PeerOptions, tls: Partial<SessionOptions['tls']> = {}) => {
    await using server = await smtpPeer(peer);
    const usual = options(server.port);
    await Session.open({ ...usual, tls: { ...usual.tls, ...tls } });
  };
  const failure = { kind: 'tls', reply: { code: 454, enhanced: '4.7.5' } };
  const without = { kind: 'tls', reply: { code: 454, enhanced: '4.7.4' } };
  const extensions = ['STARTTLS'];
  await expect(attempt({ extensions: [] }, { use: 'must' })).rejects.toMatchObject(without);
  await expect(attempt({ extensions, tls: old }, { options: { minVersion: 'TLSv1.3' } })).rejects.toMatchObject(
    failure,
  );
  await expect(attempt({ extensions, tls: { cert, key } }, { accept: () => 'wrong' })).rejects.toMatchObject({
    ...{ kind: 'tls', reply: { text: 'wrong' } },
  });
  const act = (says: string): PeerOptions => ({ extensions, act: (line) => (line === 'STARTTLS' ? says : undefined) });
  await expect(attempt(act('454 Not now'))).rejects.toMatchObject(without);
  await expect(attempt(act('220 Go on\r\n250 injected\r\n'))).rejects.toMatchObject(failure);
});

test('the transcript has the dialogue, and neither content nor secrets', async () => {
  await using peer = await smtpPeer({ extensions: ['PIPELINING'] });
  const session = await Session.open(options(peer.port));
  session.send('AUTH PLAIN c2VjcmV0');
  await session.reply();
  await transact(session, { envelope: ENVELOPE, recipients: to('you@peer.test'), content: () => pieces(TEXT) });
  await session.quit();
  expect(session.transcript.text.split('\n')).toEqual([
    `-- connected to 127.0.0.1 port ${peer.port}`,
    ...['S: 220 peer.test ready', 'C: EHLO mail.example.test', 'S: 250-peer.test', 'S: 250 PIPELINING'],
    ...['C: AUTH PLAIN ***', 'S: 250 2.0.0 OK', 'C: MAIL FROM:<anna@example.test>', 'C: RCPT TO:<you@peer.test>'],
    ...['C: DATA', 'S: 250 2.1.0 OK', 'S: 250 2.1.5 OK', 'S: 354 Go on', '-- the message, 27 bytes'],
    ...['S: 250 2.0.0 Kept', 'C: QUIT', 'S: 221 2.0.0 Bye', ''],
  ]);
});

test('a thousand recipients and a large message go to our own MX', async () => {
  await using smtp = await startSmtp({ trusted: () => true }); // both have the same name
  const session = await Session.open(options(smtp.mx));
  const crowd = to('anna@example.test', ...Array.from({ length: 150 }, (_, n) => `bert+${n}@example.test`));
  const big = 'x'.repeat(1_000).concat('\r\n').repeat(2_000);
  const { replies } = await transact(session, {
    envelope: { ...ENVELOPE, sender: 'you@other.test', size: big.length },
    recipients: crowd,
    content: () => pieces('Subject: big\r\n\r\n', big),
  });
  expect(new Set(replies.map(({ code }) => code))).toEqual(new Set([250]));
  await session.quit();
  const [message = ''] = await smtp.inbox(smtp.anna);
  expect(message.endsWith(big)).toBe(true);
});
