// What other servers say to us, made up: nothing of it makes a reader throw what it should not, hang or grow.
import { expect, test } from 'vitest';
import { formatReply, ReplyReader } from '#protocols/smtp/client/reply.ts';
import { Session } from '#protocols/smtp/client/session.ts';
import { parseStsPolicy, stsId } from '#protocols/smtp/client/sts-policy.ts';
import { transact } from '#protocols/smtp/client/transaction.ts';
import { createSrs } from '#src/outbound/srs.ts';
import { between, pick, type Random, seeded } from '#test/support/random.ts';
import { smtpPeer } from '#test/support/smtp-peer.ts';

const PIECES = [
  '220',
  '250',
  '354',
  '421',
  '550',
  '-',
  ' ',
  '5.1.1',
  '2.0.0',
  '9.9.9',
  'x',
  '\0',
  '\x1b[1m',
  'ü',
  '\t',
];
const EXTENSIONS = [
  'PIPELINING',
  'CHUNKING',
  'SIZE',
  'SIZE 99999999999999999999',
  'DSN',
  'SMTPUTF8',
  '=',
  '',
  ' x',
  '8BITMIME',
];

const line = (random: Random, least = 0) =>
  Array.from({ length: between(random, least, 8) }, () => pick(random, PIECES)).join('');

test('a reply is read or refused, and what is kept of it is one bounded line', () => {
  const random = seeded(5_321);
  for (let n = 0; n < 50_000; n++) {
    const reader = new ReplyReader();
    try {
      for (let lines = 0; lines < 200 && !reader.take(line(random)); lines++);
    } catch (error) {
      expect(error).toBeInstanceOf(TypeError);
      continue;
    }
    const reply = reader.reply();
    expect(reply.enhanced).toMatch(/^[245]\.\d{1,3}\.\d{1,3}$/);
    expect(formatReply(reply)).not.toMatch(/\p{Cc}/u);
    expect(reply.text.length).toBeLessThanOrEqual(2_000);
  }
});

test('a session with a server that says anything ends in results or in a failure of the session', async () => {
  const random = seeded(20_261_122);
  const limits = { greetingMs: 200, commandMs: 200, dataMs: 200, endMs: 200, quitMs: 50 };
  const tls = { use: 'never' as const, options: {}, accept: () => null };
  for (let n = 0; n < 150; n++) {
    await using peer = await smtpPeer({
      extensions: Array.from({ length: between(random, 0, 5) }, () => pick(random, EXTENSIONS)),
      act: () => {
        if (random() < 0.75) return undefined;
        const text = `${pick(random, ['250 ', '250-', '354 ', '5', ''])}${line(random)}\r\n`.repeat(
          between(random, 1, 3),
        );
        return pick(random, [text, text, { cut: true } as const]);
      },
    });
    try {
      const session = await Session.open({ address: '127.0.0.1', port: peer.port, hostname: 'h', tls, limits });
      const recipients = ['a@b.test', 'c@d.test'].map((address) => ({ address, notify: 3, original: 'rfc822;x' }));
      const envelope = {
        ...{ sender: 'x@y.test', size: 3, utf8: false, eightBit: random() < 0.5, requireTls: false },
        ...{ envelopeId: 'id', returnFull: true },
      };
      async function* content() {
        yield Buffer.from('.\r\n');
      }
      const { replies } = await transact(session, { envelope, recipients, content });
      expect(replies.map(({ code }) => Math.floor(code / 100))).toEqual([
        expect.toSatisfy((kind) => [2, 4, 5].includes(kind)),
        expect.toSatisfy((kind) => [2, 4, 5].includes(kind)),
      ]);
      await session.quit();
    } catch (error) {
      // Only who refuses us at EHLO and HELO refuses for good.
      const most = peer.commands.some((command) => command.startsWith('MAIL')) ? 500 : 600;
      expect(error).toMatchObject({ name: 'SessionFailure', reply: { code: expect.toSatisfy((code) => code < most) } });
    }
  }
});

test('an MTA-STS policy is read or refused', () => {
  const random = seeded(8_461);
  const parts = [
    'version',
    'STSv1',
    ': ',
    'mode',
    'enforce',
    'none',
    'mx',
    '*.',
    'a.test',
    'max_age',
    '86400',
    '\r\n',
    '\n',
    '\0',
  ];
  for (let n = 0; n < 50_000; n++) {
    const text = Array.from({ length: between(random, 0, 25) }, () => pick(random, parts)).join('');
    const policy = parseStsPolicy(text);
    if (policy !== null) expect(policy.maxAgeSeconds).toBeLessThanOrEqual(31_557_600);
    expect(stsId(`v=STSv1;${text}`)?.length ?? 0).toBeLessThanOrEqual(32);
  }
  parseStsPolicy(`${' '.repeat(60_000)}x`);
  stsId(`v=STSv1;${'; '.repeat(30_000)}`);
});

test('a return address leads to the sender it was made for, and no other address leads anywhere', () => {
  const random = seeded(1_123);
  const srs = createSrs((purpose) => Buffer.from(purpose));
  const letters = [
    'a',
    'Z',
    '0',
    '=',
    '+',
    '-',
    '.',
    ' ',
    '"',
    '\\\\',
    '@',
    'é',
    'SRS0',
    'SRS1',
    'FWD0=',
    '%',
    '=ab',
    'x.test',
    '<',
    '>',
  ];
  const some = (most: number) => Array.from({ length: between(random, 1, most) }, () => pick(random, letters)).join('');
  for (let n = 0; n < 20_000; n++) {
    const local = `x${some(12)}`.slice(n % 2).replace(/["\\]/g, '') || 'x';
    const sender = `"${local}"@sender.test`;
    const made = srs.rewrite(sender, 'example.test', n * 10_000_000);
    const back = srs.original(made, n * 10_000_000);
    if (/^SRS[01][=+-]/i.test(local)) expect(back === null || /^"?SRS[01]/i.test(back.address)).toBe(true);
    else expect([back?.to, back?.address.replace(/"/g, '')]).toEqual(['sender', `${local}@sender.test`]);
    const toReader = srs.toReader(`"${local}"@example.test`, n * 10_000_000);
    expect(toReader).toMatch(/^[ -~]+$/);
    const filed = srs.original(pick(random, [toReader, toReader.toLowerCase()]), n * 10_000_000);
    const filedFor = filed?.address.replace(/"/g, '').toLowerCase();
    expect([filed?.to, filedFor]).toEqual(['reader', `${local}@example.test`.toLowerCase()]);
    expect(srs.original(`${some(20)}@example.test`, n * 10_000_000)).toBeNull();
  }
});
