// Hostile input for SMTP: command lines, the content of DATA and whole sessions over sockets, from fixed seeds. Each part
// compares with a plain model or holds to rules that have no exception, and proves itself on a planted fault.
import { afterAll, describe, expect, test } from 'vitest';
import { decodeInitialResponse } from '#protocols/sasl/mechanism.ts';
import { createMechanism } from '#protocols/sasl/mechanisms.ts';
import { DataReader } from '#protocols/smtp/data.ts';
import { decodeLine, parseHello, parseMail, parseMailbox, parseRcpt, splitVerb } from '#protocols/smtp/grammar.ts';
import { PATH_OCTETS } from '#protocols/smtp/limits.ts';
import { between, pick, type Random, seeded } from '#test/support/random.ts';
import { startSmtp } from '#test/support/smtp-server.ts';
import { SmtpWire } from '#test/support/wire.ts';

const ALL = { auth: true, dsn: true, requireTls: true };
const LINES = 120_000;
const STREAMS = 80_000;
const RESPONSES = 10_000;
const SESSIONS = 500;
const COMMANDS = 30;

const counts = { lines: 0, addresses: 0, streams: 0, faults: 0, responses: 0, commands: 0, messages: 0 };

afterAll(() => {
  const inputs = counts.lines + counts.streams + counts.responses + counts.commands;
  console.log(`SMTP fuzz: ${inputs} inputs ${JSON.stringify(counts)}`);
});

// ------------------------------------------------------------------------------------------------------ command lines

const ATOMS = [
  ...[
    'MAIL FROM:',
    'RCPT TO:',
    'EHLO ',
    'HELO ',
    'AUTH ',
    'DATA',
    'RSET',
    'NOOP',
    'QUIT',
    'VRFY ',
    'STARTTLS',
    'BDAT ',
  ],
  ...['<', '>', '"', '\\', '@', ':', ',', ';', '.', ' ', '  ', '\t', '=', '+', '%', '!', '[', ']', '(', ')', '-', '_'],
  ...['anna', 'example.test', 'a@example.test', '<anna@example.test>', '<>', 'postmaster', '[127.0.0.1]', '[IPv6:::1]'],
  ...[
    'SIZE=',
    ' SIZE=1000',
    ' BODY=8BITMIME',
    ' SMTPUTF8',
    ' AUTH=<>',
    ' FOO=BAR',
    ' NOTIFY=NEVER',
    ' NOTIFY=SUCCESS,DELAY',
    ' ORCPT=rfc822;a+40b',
    ' ENVID=x+3Dy',
    ' RET=HDRS',
    ' REQUIRETLS',
    '9'.repeat(20),
  ],
  ...['MAIL FROM:<"', '"@example.test>', '"a b"@example.test', '\0', '\r', '\n', '\x7f', '\x85', '\u2028', '\u00ad'],
  ...['ä', '日本', '😀', '\xff', 'x'.repeat(70), 'a.'.repeat(200)],
];

const LOCALS = [
  'anna',
  'a.b',
  '"a b"',
  '"a\\"b"',
  '"anna"',
  'a+b',
  'ä',
  '"\\@"',
  'a@b',
  '.',
  '""',
  'x'.repeat(300),
  'a%b',
];
const DOMAINS = [
  'example.test',
  'bücher.test',
  '[127.0.0.1]',
  '[IPv6:::1]',
  '-x.test',
  'a_b.test',
  'x',
  '',
  'a..b',
  '[x]',
];
const PARAMETERS = [
  '',
  ' SIZE=1000',
  ' SMTPUTF8',
  ' BODY=8BITMIME SMTPUTF8',
  ' AUTH=<>',
  ' SIZE=x',
  ' FOO',
  '  ',
  ' =',
  'x',
];

/** Nearly an address. */
function randomPath(random: Random): string {
  const route = random() < 0.05 ? '@relay.test:' : '';
  const path = `${route}${pick(random, LOCALS)}@${pick(random, DOMAINS)}`;
  return random() < 0.9 ? `<${path}>` : path;
}

function randomText(random: Random): string {
  if (random() < 0.3) return Array.from({ length: between(random, 0, 9) }, () => pick(random, ATOMS)).join('');
  return `${pick(random, ['MAIL FROM:', 'RCPT TO:', 'rcpt to: '])}${randomPath(random)}${pick(random, PARAMETERS)}`;
}

function randomLine(random: Random): Buffer {
  const text = randomText(random);
  const bytes = Buffer.from(text, random() < 0.9 ? 'utf8' : 'latin1');
  for (let flips = random() < 0.2 ? between(random, 1, 3) : 0; flips > 0 && bytes.length > 0; flips--) {
    bytes[between(random, 0, bytes.length - 1)] = between(random, 0, 255);
  }
  return random() < 0.9 ? Buffer.concat([bytes, Buffer.from('\r')]) : bytes;
}

type Mailbox = (text: string) => string | null;

/** The rule that was broken on one line, or null. */
function checkLine(bytes: Buffer, mailbox: Mailbox): string | null {
  const line = decodeLine(bytes, false);
  if (line === null) return null;
  if (/[\r\0]/.test(line)) return 'a line with CR or NUL';
  const { verb, rest } = splitVerb(line);
  if (verb !== '' && !/^[A-Z][A-Z0-9]*$/.test(verb)) return 'a verb that is no word';
  const hello = parseHello(rest);
  if (typeof hello === 'string' && /[\p{Cc}\s]/u.test(hello)) return 'a name with blanks or controls';
  for (const parsed of [parseMail(rest, ALL), parseRcpt(rest, true, ALL)]) {
    if ('code' in parsed) {
      if (!/^5\d\d$/.test(String(parsed.code)) || !parsed.enhanced.startsWith('5.')) return 'a refusal that is none';
      continue;
    }
    const { address } = parsed;
    if (address === '' || address === 'postmaster') continue;
    counts.addresses++;
    if (/\p{Cc}/u.test(address)) return 'an address with controls';
    if (Buffer.byteLength(address) > PATH_OCTETS) return 'an address without end';
    if (mailbox(address) !== address) return 'an address that reads otherwise when read again';
  }
  return null;
}

function fuzzLines(count: number, mailbox: Mailbox): string | null {
  const random = seeded(5_321);
  for (let i = 0; i < count; i++) {
    const bytes = randomLine(random);
    counts.lines++;
    const broken = checkLine(bytes, mailbox);
    if (broken !== null) return `${broken}: ${JSON.stringify(bytes.toString('latin1'))}`;
  }
  return null;
}

describe('command lines', () => {
  test(`${LINES} are parsed or refused, and what is accepted is plain`, () => {
    expect(fuzzLines(LINES, parseMailbox)).toBeNull();
  });

  test('a planted fault (an address that loses its quotes) is found', () => {
    const planted: Mailbox = (text) => parseMailbox(text)?.replaceAll('"', '') ?? null;
    expect(fuzzLines(LINES, planted)).toMatch(/reads otherwise/);
  });

  test(`${RESPONSES} SASL responses end in a step, and no NUL gets through`, () => {
    const random = seeded(4_616);
    const pieces = ['\0', 'anna', 'bert', 'geheim', 'ä', '\xff\xfe', '', 'x'.repeat(400), 'y'.repeat(1_100)];
    for (let i = 0; i < RESPONSES; i++) {
      counts.responses++;
      const raw = Buffer.from(
        Array.from({ length: between(random, 0, 6) }, () => pick(random, pieces)).join(''),
        'latin1',
      );
      const text = random() < 0.8 ? raw.toString('base64') : raw.toString('latin1');
      const decoded = decodeInitialResponse(random() < 0.9 ? text : text.slice(1));
      if (typeof decoded === 'string') continue;
      const mechanism = createMechanism(pick(random, ['PLAIN', 'LOGIN']));
      for (let step = 0; step < 3; step++) {
        const next = mechanism?.next(decoded);
        if (next?.kind === 'password') expect(`${next.login}${next.password}`).not.toContain('\0');
        if (next?.kind !== 'challenge') break;
      }
    }
  });
});

// ---------------------------------------------------------------------------------------------------- content of DATA

const PIECES = [
  ...['\r\n', '\r\n', '\r\n', '\r', '\n', '.', '.', '..', '\0', 'a', 'text', '\r\n.', '.\r\n', '\r\n.\r\n'],
  ...['x'.repeat(50), '\xe4\xff', '\xc3\xa4'],
];
const LINE_OCTETS = 60;

interface Outcome {
  readonly content: string;
  readonly fault: string | null;
  /** Where the stream goes on after the end, or -1. */
  readonly end: number;
}

/** Reads a stream whole, or in random pieces. */
function run(reader: DataReader, stream: Buffer, random: Random | null): Outcome {
  let content = '';
  for (let at = 0; at < stream.length; ) {
    const chunk = stream.subarray(at, random === null ? stream.length : at + between(random, 1, 12));
    const next = reader.read(chunk, 0);
    content += Buffer.from(reader.content).toString('latin1');
    if (reader.ended) return { content, fault: reader.fault, end: at + next };
    at += chunk.length;
  }
  return { content, fault: reader.fault, end: -1 };
}

/** The rules in the plainest words: where the data ends, and what it is if nothing is wrong with it. */
function model(stream: string): { end: number; content: string; plain: boolean } {
  const found = `\r\n${stream}`.indexOf('\r\n.\r\n');
  const lines = (found < 0 ? stream : stream.slice(0, found)).split('\r\n');
  return {
    end: found < 0 ? -1 : found + 3,
    content: lines.map((line) => (line.startsWith('.') ? line.slice(1) : line)).join('\r\n'),
    plain: lines.every((line) => !/[\r\n\0]/.test(line) && line.length <= LINE_OCTETS),
  };
}

type MakeReader = (repair: boolean) => DataReader;

function checkStream(text: string, make: MakeReader, random: Random): string | null {
  const stream = Buffer.from(text, 'latin1');
  const expected = model(text);
  for (const repair of [false, true]) {
    const whole = run(make(repair), stream, null);
    const pieces = run(make(repair), stream, random);
    if (JSON.stringify(whole) !== JSON.stringify(pieces)) return 'it matters how the stream is cut';
    if (whole.end !== expected.end) return `the data ends at ${whole.end}, not at ${expected.end}`;
    if (whole.end < 0) continue; // what was held back is known only at the end
    if (whole.fault !== null) counts.faults++;
    if (expected.plain && (whole.content !== expected.content || whole.fault !== null)) return 'the content is another';
    if (!repair && !expected.plain && whole.fault === null) return 'a fault went unseen';
    const broken = repair ? checkRepair(whole.content, text.slice(0, whole.end)) : null;
    if (broken !== null) return broken;
  }
  return null;
}

function checkRepair(content: string, text: string): string | null {
  const letters = (value: string) => value.replace(/[\r\n\0.]/g, '');
  if (/[\r\n\0]/.test(content.replaceAll('\r\n', ''))) return 'a repair left a bare CR or LF, or a NUL';
  if (content.split('\r\n').some((line) => line.length > LINE_OCTETS + 3)) return 'a repair left a long line';
  return letters(content) === letters(text) ? null : 'a repair lost something';
}

function fuzzStreams(count: number, make: MakeReader): string | null {
  const random = seeded(51_764);
  for (let i = 0; i < count; i++) {
    const pieces = Array.from({ length: between(random, 0, 25) }, () => pick(random, PIECES));
    const text = `${pieces.join('')}${pick(random, ['\r\n.\r\n', ''])}`;
    counts.streams++;
    const broken = checkStream(text, make, random);
    if (broken !== null) return `${broken}: ${JSON.stringify(text)}`;
  }
  return null;
}

describe('the content of DATA', () => {
  test(`${STREAMS} streams end where the model says, are what it says, and are repaired without a loss`, () => {
    expect(fuzzStreams(STREAMS, (repair) => new DataReader({ repair, lineOctets: LINE_OCTETS }))).toBeNull();
  });

  test('a planted fault (LF . CR LF ends the data) is found', () => {
    class Planted extends DataReader {
      override read(chunk: Uint8Array, from: number): number {
        const next = super.read(chunk, from);
        const at = Buffer.from(chunk).indexOf('\n.\r\n');
        if (at < 0 || this.ended) return next;
        this.ended = true;
        return at + 4;
      }
    }
    expect(fuzzStreams(STREAMS, (repair) => new Planted({ repair, lineOctets: LINE_OCTETS }))).not.toBeNull();
  });
});

// ----------------------------------------------------------------------------------------------------- whole sessions

const BEGIN = 'EHLO peer.example\r\nMAIL FROM:<a@peer.example>\r\nRCPT TO:<anna@example.test>\r\n';
const MESSAGE = `${BEGIN}DATA\r\nSubject: fuzz\r\n\r\n..\r\n.\r\n`;
const CHUNKED = `${BEGIN}BDAT 9\r\nSubject: BDAT 7 LAST\r\nx\r\n\r\n.\n`;
const BINARY = CHUNKED.replace('>\r\nRCPT', '> BODY=BINARYMIME\r\nRCPT');
const SCRIPT = [
  ...[CHUNKED, BINARY, 'BDAT 3\r\n', 'BDAT 0 LAST\r\n', 'BDAT 12 LAST\r\n', 'BDAT x\r\n'],
  ...[BEGIN, `${BEGIN}DATA\r\n`, MESSAGE, MESSAGE, `RSET\r\n${MESSAGE}`],
  ...['EHLO peer.example\r\n', 'HELO x\r\n', 'MAIL FROM:<a@peer.example>\r\n', 'RCPT TO:<anna@example.test>\r\n'],
  ...[
    'DATA\r\n',
    'MAIL FROM:<> SIZE=10\r\n',
    'RCPT TO:<nobody@example.test>\r\n',
    'RSET\r\n',
    'NOOP\r\n',
    'VRFY x\r\n',
  ],
  ...['AUTH PLAIN\r\n', 'AUTH LOGIN YQ==\r\n', 'Subject: fuzz\r\n\r\nx\r\n.\r\n', '.\r\n', 'AGFubmEAYg==\r\n', '*\r\n'],
  ...['NOOP\n', 'NO\rOP\r\n', '\0\r\n', '\r\n', 'x'.repeat(5_000), '\r\n'],
];

/** Says random things, well-formed ones among them, in random pieces; all that was answered. */
async function babble(port: number, random: Random): Promise<string> {
  const { socket } = (await SmtpWire.open(port)).wire;
  const received: Buffer[] = [];
  socket.removeAllListeners('data');
  socket.on('data', (chunk: Buffer) => received.push(chunk));
  const closed = new Promise((resolve) => socket.once('close', resolve));
  if (random() < 0.5) socket.write(BEGIN);
  for (let i = 0; i < COMMANDS; i++) {
    counts.commands++;
    const scripted = random() < 0.8;
    const bytes = scripted ? Buffer.from(pick(random, SCRIPT)) : Buffer.concat([randomLine(random), Buffer.from('\n')]);
    const cut = between(random, 0, bytes.length);
    socket.write(bytes.subarray(0, cut));
    if (random() < 0.1) await new Promise((resolve) => setImmediate(resolve));
    socket.write(bytes.subarray(cut));
  }
  if (random() < 0.1) socket.destroy();
  else socket.end('\r\n.\r\nQUIT\r\n');
  await closed;
  return Buffer.concat(received).toString('latin1');
}

describe('sessions over sockets', () => {
  test('get well-formed replies, and a message lies there for each 250 to DATA and no other', async () => {
    const limits = {
      errors: 1_000,
      spoiledSessions: 1_000,
      messageBurst: 100_000,
      idleCommands: 1_000,
      anonymousCommands: 1_000,
      handshakeMs: 20,
    };
    await using smtp = await startSmtp({ limits });
    const random = seeded(2_920);
    let promised = 0;
    const session = async () => {
      const text = await babble(pick(random, [smtp.mx, smtp.submission]), random);
      for (const line of text.split('\r\n').slice(0, -1)) {
        if (!/^[2345]\d\d[ -]/.test(line)) throw new Error(`not a reply: ${JSON.stringify(line)}`);
        if (line === '250 2.6.0 Message accepted') promised++;
      }
    };
    for (let i = 0; i < SESSIONS; i += 10) await Promise.all(Array.from({ length: 10 }, session));
    counts.messages = promised;
    await expect.poll(() => smtp.servers.mx.connections + smtp.servers.submission.connections).toBe(0);
    const arrived = (await smtp.inbox(smtp.anna)).length;
    expect(promised).toBeGreaterThan(100);
    // Who hung up has not heard his 250.
    expect(arrived).toBeGreaterThanOrEqual(promised);
    expect(arrived).toBeLessThanOrEqual(promised + SESSIONS);
  });
});
