// A message that goes in chunks (BDAT), to a server of our own that says what it likes, and to our own MX.
import { expect, test } from 'vitest';
import { ChunkFaults, chunksOf } from '#protocols/smtp/client/chunks.ts';
import type { OutgoingEnvelope, OutgoingRecipient } from '#protocols/smtp/client/envelope.ts';
import { CHUNK_FAULTS, CHUNK_OCTETS } from '#protocols/smtp/client/limits.ts';
import { Session, SessionFailure } from '#protocols/smtp/client/session.ts';
import { transact } from '#protocols/smtp/client/transaction.ts';
import { outboundLab } from '#test/support/outbound.ts';
import { between, pick, seeded } from '#test/support/random.ts';
import { type SmtpPeer, smtpPeer } from '#test/support/smtp-peer.ts';
import { startSmtp } from '#test/support/smtp-server.ts';

const CHUNKING = ['PIPELINING', 'CHUNKING', '8BITMIME', 'BINARYMIME'];
const TEXT = 'Subject: hello\r\n\r\n.a dot\nand no end';
const SENT = 'Subject: hello\r\n\r\n.a dot\r\nand no end\r\n';
const LARGE = `Subject: large\r\n\r\n${`${'x'.repeat(98)}\r\n`.repeat(10_000)}`;
/** How long a reply is awaited: as long as a busy machine takes, and not too long to wait for the silent one. */
const LIMITS = { commandMs: 3_000, endMs: 3_000 };

const open = (port: number, chunkFaults = new ChunkFaults()) =>
  Session.open({
    ...{ address: '127.0.0.1', port, hostname: 'peer.test', limits: LIMITS, chunkFaults },
    tls: { use: 'never', options: {}, accept: () => null },
  });

const to = (...addresses: string[]): OutgoingRecipient[] =>
  addresses.map((address) => ({ address, notify: null, original: '' }));

/** One message; what each recipient was told. */
async function send(session: Session, text = TEXT, recipients = to('you@peer.test')): Promise<number[]> {
  const envelope: OutgoingEnvelope = {
    ...{ sender: 'anna@example.test', size: text.length, utf8: false, eightBit: false, requireTls: false },
    ...{ envelopeId: '', returnFull: null },
  };
  async function* content() {
    for (let at = 0; at < text.length; at += 60_000) yield Buffer.from(text.slice(at, at + 60_000), 'latin1');
  }
  const { replies } = await transact(session, { envelope, recipients, content });
  return replies.map(({ code }) => code);
}

/** The same in a session of its own, which may break off. */
async function attempt(peer: SmtpPeer, faults: ChunkFaults, text = TEXT): Promise<string> {
  const session = await open(peer.port, faults);
  try {
    return String(await send(session, text));
  } catch (error) {
    if (error instanceof SessionFailure) return `${error.kind} ${error.reply.code}`;
    throw error;
  } finally {
    await session.quit();
  }
}

test('a small message goes together with its recipients where the server pipelines, and after them where not', async () => {
  for (const [extensions, seen] of [
    [CHUNKING, ['EHLO', 'MAIL', 'RCPT', 'RCPT', 'BDAT']],
    [['CHUNKING'], ['EHLO', 'MAIL']],
  ] as const) {
    let atMail: string[] = [];
    await using peer = await smtpPeer({
      extensions,
      act(command, { commands }) {
        if (command.startsWith('MAIL')) setImmediate(() => (atMail = commands.map((line) => line.slice(0, 4))));
        return undefined;
      },
    });
    const session = await open(peer.port);
    expect(await send(session, TEXT, to('a@peer.test', 'b@peer.test'))).toEqual([250, 250]);
    expect(await send(session)).toEqual([250]);
    await session.quit();
    expect(atMail.slice(0, seen.length)).toEqual(seen);
    expect(peer.messages).toMatchObject([{ content: SENT, chunks: [SENT.length] }, { content: SENT }]);
    expect(peer.commands.filter((line) => /^(?:DATA|RSET)/.test(line))).toEqual([]);
    expect(peer.messages[0]?.mail).toBe('MAIL FROM:<anna@example.test>');
  }
});

test.each([[CHUNKING], [['CHUNKING']]])(
  'a large message waits for its recipients and goes in pieces: %j',
  async (extensions) => {
    let recipients = 0;
    await using peer = await smtpPeer({
      extensions,
      act: (command, { commands }) => {
        if (command.startsWith('RCPT')) recipients = commands.length;
        return undefined;
      },
    });
    const session = await open(peer.port);
    expect(await send(session, LARGE)).toEqual([250]);
    const [message] = peer.messages;
    expect(message?.content).toBe(LARGE);
    expect(message?.chunks.length).toBeGreaterThan(2);
    expect(Math.max(...(message?.chunks ?? []))).toBeLessThan(CHUNK_OCTETS * 2);
    expect(peer.commands[recipients]).toMatch(/^BDAT \d+$/);
    expect(peer.commands.at(-1)).toMatch(/^BDAT \d+ LAST$/);
    expect(await send(session, LARGE)).toEqual([250]);
    await session.quit();
  },
);

test.each([
  ['small', TEXT],
  ['large', LARGE],
])('each recipient has its own result, and when all are refused the session goes on: %s', async (_name, text) => {
  await using peer = await smtpPeer({
    extensions: CHUNKING,
    act: (command) => (command.includes('<bad') ? '550 5.1.1 Nobody' : undefined),
  });
  const session = await open(peer.port);
  expect(await send(session, text, to('bad@peer.test', 'good@peer.test'))).toEqual([550, 250]);
  expect(await send(session, text, to('bad1@peer.test', 'bad2@peer.test'))).toEqual([550, 550]);
  expect(peer.commands.at(-1)).toBe('RSET');
  expect(await send(session, text)).toEqual([250]);
  expect(peer.messages.map(({ recipients }) => recipients.length)).toEqual([1, 1]);
  expect(peer.sessions.length).toBe(1);
  await session.quit();
});

test('MAIL that is refused with the message behind it leaves the session as it was', async () => {
  await using peer = await smtpPeer({
    extensions: CHUNKING,
    act: (command, { commands }) => {
      if (commands.some((line) => line.startsWith('QUIT'))) return undefined;
      const first = commands.filter((line) => line.startsWith('MAIL')).length === 1;
      if (!first) return undefined;
      if (command.startsWith('MAIL')) return '450 4.7.1 Later';
      return command.startsWith('RCPT') ? '503 5.5.1 MAIL first' : undefined;
    },
  });
  const session = await open(peer.port);
  expect(await send(session)).toEqual([450]);
  expect(await send(session)).toEqual([250]);
  await session.quit();
});

test('after a chunk that is refused nothing more is sent, and the session goes on', async () => {
  let refused = 0;
  await using peer = await smtpPeer({
    extensions: CHUNKING,
    act: (command) => (command === 'CHUNK' && refused++ === 0 ? '552 5.3.4 Too large' : undefined),
  });
  const session = await open(peer.port);
  expect(await send(session, LARGE)).toEqual([552]);
  expect(peer.commands.at(-1)).toBe('RSET');
  expect(peer.commands.join()).not.toContain('LAST');
  expect(await send(session)).toEqual([250]);
  await session.quit();
});

test.each(['small', 'large'])(
  'what is refused at its last chunk is refused, and no reason to distrust chunks: %s',
  async (size) => {
    await using peer = await smtpPeer({
      extensions: CHUNKING,
      act: (command) => (command === 'DOT' ? '554 5.7.1 Not this' : undefined),
    });
    const faults = new ChunkFaults();
    for (let n = 0; n < 2; n++) expect(await attempt(peer, faults, size === 'small' ? TEXT : LARGE)).toBe('554');
    expect(peer.commands).not.toContain('DATA');
  },
);

test.each([
  ['does not know BDAT', '500 5.5.1 What is that?'],
  ['does not like BDAT', '503 5.5.1 DATA first'],
  ['breaks off at BDAT', { cut: true }],
  ['does not answer what it got', { silent: true }],
] as const)('a server that %s gets nothing more in that session, and DATA from then on', async (_name, act) => {
  await using peer = await smtpPeer({
    extensions: CHUNKING,
    act: (command, { commands }) => {
      const at = typeof act === 'object' && 'silent' in act ? /^(?:CHUNK|DOT)$/ : /^BDAT/;
      return at.test(command) && !commands.includes('DATA') ? act : undefined;
    },
  });
  for (const text of [TEXT, LARGE]) {
    const faults = new ChunkFaults();
    expect(await attempt(peer, faults, text)).toBe('lost 451');
    expect(await attempt(peer, faults, text)).toBe('250');
    expect(peer.messages.at(-1)?.chunks).toEqual([]);
  }
});

test('a connection that is cut between the last chunk and its reply is lost: nobody was told', async () => {
  await using peer = await smtpPeer({
    extensions: CHUNKING,
    act: (command) => (command === 'DOT' ? { cut: true } : undefined),
  });
  expect(await attempt(peer, new ChunkFaults())).toBe('lost 451');
});

test('only so many servers are remembered', () => {
  const faults = new ChunkFaults();
  for (let n = 0; n <= CHUNK_FAULTS; n++) faults.note(`${n}`);
  expect([faults.has('0'), faults.has('1'), faults.has(`${CHUNK_FAULTS}`)]).toEqual([false, true, true]);
});

test('every mixture of line ends comes out in lines, the same at any cut, in chunks of any size', async () => {
  const random = seeded(3_030);
  const all = async (texts: readonly string[], octets: number) => {
    async function* content() {
      for (const text of texts) yield Buffer.from(text, 'latin1');
    }
    const chunks = await Array.fromAsync(chunksOf(content(), octets));
    expect(chunks.map(({ last }) => last).lastIndexOf(false)).toBe(chunks.length - 2);
    for (const { pieces, octets: told } of chunks) expect(Buffer.concat(pieces).length).toBe(told);
    return Buffer.concat(chunks.flatMap(({ pieces }) => pieces)).toString('latin1');
  };
  for (let n = 0; n < 3_000; n++) {
    const length = between(random, 0, 30);
    const text = Array.from({ length }, () => pick(random, ['\r', '\n', '\r\n', '.', '..', 'a', '\0'])).join('');
    const cut = between(random, 0, text.length);
    const sent = await all([text], Infinity);
    expect(await all([text.slice(0, cut), text.slice(cut)], between(random, 1, 9))).toBe(sent);
    const lines = text.replace(/\r\n|\r|\n/g, '\r\n');
    expect(sent).toBe(lines === '' || lines.endsWith('\r\n') ? lines : `${lines}\r\n`);
  }
});

test('our own MX takes it, and it lies there as by DATA', async () => {
  await using smtp = await startSmtp();
  const faults = new ChunkFaults();
  const stored: string[] = [];
  for (const text of [SENT, LARGE]) {
    for (let n = 0; n < 2; n++) {
      const session = await open(smtp.mx, faults);
      expect(await send(session, `X: ${n}\r\n${text}`, to('anna@example.test'))).toEqual([250]);
      await session.quit();
      stored.push((await smtp.inbox(smtp.anna)).at(-1)?.replace(/^[\s\S]*?\r\nX: \d\r\n/, '') ?? '');
      faults.note(`127.0.0.1 ${smtp.mx}`);
    }
  }
  expect(stored).toEqual([SENT, SENT, LARGE, LARGE]);
});

test('from the queue: a destination that breaks on BDAT has the message at the second attempt, by DATA', async () => {
  await using lab = await outboundLab({
    'other.test': { MX: [[1, 'mx.other.test']] },
    'mx.other.test': { A: ['127.0.0.2'] },
  });
  await using peer = await lab.peer(2, {
    extensions: CHUNKING,
    act: (command) => (command.startsWith('BDAT') ? '502 5.5.1 Not here' : undefined),
  });
  await lab.submit({ to: 'you@other.test' });
  await lab.settled(1);
  expect(lab.outcomes).toEqual(['waiting']);
  lab.pass(400_000);
  await lab.settled(2);
  expect(lab.outcomes).toEqual(['waiting', 'sent']);
  expect(peer.messages.length).toBe(1);
  expect(peer.commands).toContain('DATA');
  peer.options = { ...peer.options, act: () => undefined };
  await lab.submit({ to: 'you@other.test' });
  await lab.settled(3);
  expect(peer.messages[1]?.chunks).toEqual([]);
});
