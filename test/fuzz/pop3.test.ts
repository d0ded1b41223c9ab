// Hostile input for POP3 from fixed seeds: whole sessions over sockets against the real store, compared byte for byte with
// a model of the protocol, and messages in their multi-line form. Each part proves itself on a planted fault.
import { once } from 'node:events';
import { connect } from 'node:net';
import { setImmediate } from 'node:timers/promises';
import { afterAll, describe, expect, test } from 'vitest';
import { ReplyWriter } from '#protocols/net/reply-writer.ts';
import { MessageWriter, TopCutter } from '#protocols/pop3/octets.ts';
import { createPop3Server } from '#protocols/pop3/server.ts';
import type { MailStore } from '#protocols/ports.ts';
import type { MailAccount, UidSet } from '#storage/ports.ts';
import { changedContents } from '#test/support/contents.ts';
import { type MailServer, startMailServer } from '#test/support/mail-server.ts';
import { override, overrideMail } from '#test/support/override.ts';
import { between, pick, type Random, seeded } from '#test/support/random.ts';
import { MESSAGES, Model, PASSWORD, type Reply } from './pop3-model.ts';

/** Of a trusted peer, and of one that is cut off after too many errors. */
const SESSIONS = { trusted: 2_200, untrusted: 1_200 };
const LINES = 80;
const OCTETS = 60_000;

const counts = { sessions: 0, lines: 0, logins: 0, messages: 0, quits: 0, cut: 0, forms: 0 };

afterAll(() => {
  console.log(`POP3 fuzz: ${counts.lines + counts.forms} inputs ${JSON.stringify(counts)}`);
});

// ------------------------------------------------------------------------------------------------------------- sessions

const base64 = (text: string) => Buffer.from(text, 'latin1').toString('base64');

const VERBS = [
  'STAT',
  'LIST',
  'UIDL',
  'RETR',
  'TOP',
  'DELE',
  'RSET',
  'NOOP',
  'CAPA',
  'USER',
  'PASS',
  'AUTH',
  'UTF8',
  'QUIT',
];
const ARGUMENTS = [
  ...['1', '2', '3', '4', '5', '6', '0', '-1', '7', '99999999999', '4294967297', '1e1', '0x1', '01', '1.0', '١'],
  ...['1 0', '2 1', '3 2', '5 1000000', '1  1', ' 1', '1 ', '1\t', '1 1 1', '', ' ', '\0', '1\0', '\r', '\xff', 'anna'],
  ...['PLAIN', 'LOGIN', 'plain', 'SCRAM-SHA-1', 'PLAIN =', 'PLAIN *', `PLAIN ${base64(`\0anna\0${PASSWORD}`)}`],
  ...[`PLAIN ${base64('\0anna\0no')}`, `LOGIN ${base64('anna')}`, PASSWORD, 'x'.repeat(300), 'x'.repeat(2_000)],
];
const WHOLE = [
  ...['USER anna', `PASS ${PASSWORD}`, 'USER anna', `PASS ${PASSWORD}`, 'RETR 2', 'TOP 4 1', 'DELE 3', 'RSET', ''],
  ...['*', '=', base64('anna'), base64(PASSWORD), base64(`\0anna\0${PASSWORD}`), '+OK', '.', '..', '\x16\x03\x01'],
  ...['GET / HTTP/1.1', 'a1 LOGIN anna x', 'EHLO x', 'x'.repeat(12_400), 'y'.repeat(30_000)],
];

function randomLine(random: Random): Buffer {
  const kind = random();
  let text: string;
  if (kind < 0.3) text = pick(random, WHOLE);
  else if (kind < 0.9) text = `${pick(random, VERBS)} ${pick(random, ARGUMENTS)}`;
  else text = pick(random, VERBS);
  if (random() < 0.2) text = text.toLowerCase();
  // Time is spent where most can happen: few sessions end early.
  if (/^quit\s*$/i.test(text.split(' ')[0] ?? '') && random() < 0.9) text = 'STAT';
  if (text.length > 2_000 && random() < 0.8) text = 'NOOP';
  const bytes = Buffer.from(text, 'latin1');
  for (let flips = random() < 0.1 ? between(random, 1, 3) : 0; flips > 0 && bytes.length > 0; flips--) {
    const byte = between(random, 0, 255);
    bytes[between(random, 0, bytes.length - 1)] = byte === 10 ? 11 : byte;
  }
  return bytes;
}

interface Plan {
  readonly bytes: Buffer;
  readonly replies: readonly Reply[];
  readonly model: Model;
}

/** A session: what is sent, and what the model answers. */
function plan(random: Random, ids: readonly string[], trusted: boolean): Plan {
  const model = new Model(ids, trusted);
  const pieces: Buffer[] = [];
  const replies: Reply[] = [model.greeting()];
  const lines: Buffer[] = [];
  // Most sessions begin with a login, so that the maildrop is reached.
  if (random() < 0.85) lines.push(Buffer.from('USER anna'), Buffer.from(`PASS ${PASSWORD}`));
  for (let i = 0; i < LINES; i++) lines.push(randomLine(random));
  for (const line of lines) {
    const end = random() < 0.9 ? '\r\n' : '\n';
    pieces.push(line, Buffer.from(end));
    // The model takes no line after the end; they are sent all the same.
    const bare = end === '\n' && line.at(-1) === 13 ? line.subarray(0, -1) : line;
    if (model.closed) continue;
    replies.push(...model.answer(bare));
    counts.lines++;
  }
  return { bytes: Buffer.concat(pieces), replies, model };
}

/** Sends in random pieces, reads to the end; everything that came. */
async function talk(port: number, bytes: Buffer, random: Random, cut: boolean): Promise<string> {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true });
  const chunks: Buffer[] = [];
  socket.on('data', (chunk: Buffer) => chunks.push(chunk));
  // Closed while we were still sending: what was answered before has come all the same, or has not.
  socket.on('error', () => undefined);
  const closed = once(socket, 'close').catch(() => undefined);
  await once(socket, 'connect');
  const until = cut ? between(random, 0, bytes.length) : bytes.length;
  for (let at = 0; at < until && socket.writable; ) {
    const length = random() < 0.3 ? between(random, 1, 40) : between(random, 200, 3_000);
    socket.write(bytes.subarray(at, Math.min(until, at + length)));
    at += length;
    if (random() < 0.2) await setImmediate();
  }
  if (cut) socket.destroy();
  else socket.end();
  await closed;
  return Buffer.concat(chunks).toString('latin1');
}

/** The first difference, or null. `partial`: less than everything is right too. */
function compare(wire: string, replies: readonly Reply[], partial: boolean): string | null {
  let at = 0;
  for (const [index, reply] of replies.entries()) {
    const rest = wire.slice(at);
    const match = typeof reply === 'string' ? (rest.startsWith(reply) ? reply : undefined) : reply.exec(rest)?.[0];
    if (match === undefined) {
      if (partial && (rest.length < 200 || (typeof reply === 'string' && reply.startsWith(rest)))) return null;
      return `reply ${index}: ${JSON.stringify(rest.slice(0, 120))} instead of ${String(reply).slice(0, 120)}`;
    }
    at += match.length;
  }
  return at === wire.length ? null : `more than the model says: ${JSON.stringify(wire.slice(at, at + 120))}`;
}

/** The store, with moves noted instead of made, and perhaps a fault. */
function watched(store: MailStore, moves: number[][], fault: (bytes: Uint8Array) => Uint8Array): MailStore {
  const change = (account: MailAccount): Partial<MailAccount> => ({
    async move(_from, uids: UidSet) {
      moves.push(uids.flatMap(([first, last]) => Array.from({ length: last - first + 1 }, (_, i) => first + i)));
      return { uidvalidity: 1, source: [], target: [], modseq: 1 };
    },
    ...changedContents(account, (content) => ({
      ...content,
      look: (start, end, reader) => content.look(start, end, (pieces) => reader(pieces.map((piece) => fault(piece)))),
      async *read() {
        for await (const piece of content.read()) yield fault(piece);
      },
    })),
  });
  return overrideMail(store, change);
}

async function serve(moves: number[][], { trusted, fault }: Run): Promise<MailServer> {
  const server = await startMailServer({
    create: createPop3Server,
    trusted: trusted ? ['127.0.0.0/8'] : [],
    wrapStore: (store) => watched(store, moves, fault),
    // The real one takes its time with wrong passwords.
    wrapAuthenticator: (real) =>
      override(real, {
        async password(login, password) {
          if (login !== 'anna' || password !== PASSWORD) return { ok: false, reason: 'rejected' };
          counts.logins++;
          return { ok: true, principal: { account: server.anna, login } };
        },
      }),
  });
  for (const message of MESSAGES) await server.deliver(message);
  return server;
}

interface Run {
  readonly count: number;
  readonly trusted: boolean;
  /** What happens to the pieces of a message. */
  readonly fault: (bytes: Uint8Array) => Uint8Array;
}

/** The first session that the server answers otherwise than the model, or null. */
async function fuzzSessions(run: Run): Promise<string | null> {
  const moves: number[][] = [];
  await using server = await serve(moves, run);
  const inbox = await server.mail.mailboxByPath('INBOX');
  const ids = MESSAGES.map((_, index) => `${inbox?.uidvalidity}.`.concat(String(index)));
  const items: number[] = [];
  for await (const rows of server.mail.placements(inbox?.id ?? 0, [[1, 100]]))
    items.push(...rows.map((row) => row.item));
  for (const [index, item] of items.entries()) ids[index] = `${inbox?.uidvalidity}.${item}`;
  for (let number = 0; number < run.count; number++) {
    const random = seeded(1_939_000 + number);
    const { bytes, replies, model } = plan(random, ids, run.trusted);
    const cut = random() < 0.05;
    const wire = await talk(server.port, bytes, random, cut);
    while (server.protocol.connections > 0) await setImmediate();
    counts.sessions++;
    counts.cut += cut ? 1 : 0;
    counts.messages += model.sent;
    // A server that closes while input is on its way resets the connection, and its last words may be lost.
    const difference = compare(wire, replies, cut || model.closed);
    if (difference !== null) return `session ${number}: ${difference}`;
    const moved = moves.splice(0);
    if (model.quit) counts.quits++;
    const wanted = model.quit && model.marked.length > 0 ? [model.marked] : [];
    if (!cut && JSON.stringify(moved) !== JSON.stringify(wanted)) {
      return `session ${number}: moved ${JSON.stringify(moved)} instead of ${JSON.stringify(wanted)}`;
    }
  }
  return null;
}

describe('sessions', () => {
  for (const [peer, count] of Object.entries(SESSIONS)) {
    test(`${count} sessions of ${peer} peers are answered as the model says`, async () => {
      const trusted = peer === 'trusted';
      expect(await fuzzSessions({ count, trusted, fault: (bytes) => bytes })).toBeNull();
    });
  }

  test('a planted fault (a message that loses a byte) is found', async () => {
    const fault = (bytes: Uint8Array) => bytes.subarray(0, -1);
    const found = await fuzzSessions({ count: SESSIONS.trusted, trusted: true, fault });
    expect(found).toMatch(/^session \d+: reply .*(\d+ octets|top of message)/);
  });
});

// -------------------------------------------------------------------------------------------------------- multi-line form

const PIECES = [
  '\r\n',
  '\r\n',
  '\r\n',
  '\n',
  '\r',
  '.',
  '.',
  '..',
  'a',
  'text',
  '\r\n.',
  '\n.',
  '\r\n.\r\n',
  'x'.repeat(90),
];

interface Form {
  readonly message: string;
  readonly lines: number | null;
  readonly wire: string;
}

function form(random: Random): Form {
  const message = Array.from({ length: between(random, 0, 14) }, () => pick(random, PIECES)).join('');
  const lines = random() < 0.5 ? between(random, 0, 4) : null;
  const chunks: Buffer[] = [];
  const out = new ReplyWriter((chunk) => chunks.push(Buffer.from(chunk)));
  const writer = new MessageWriter(out);
  const cutter = lines === null ? null : new TopCutter(lines);
  const bytes = Buffer.from(message, 'latin1');
  for (let at = 0; at < bytes.length && cutter?.done !== true; ) {
    const piece = bytes.subarray(at, at + between(random, 1, 9));
    writer.write(cutter === null ? piece : cutter.cut(piece));
    at += piece.length;
  }
  writer.end();
  out.flush();
  counts.forms++;
  return { message, lines, wire: Buffer.concat(chunks).toString('latin1') };
}

/** What a form should be, made line by line. */
function wanted({ message, lines }: Form): string {
  const all = message.match(/[^\n]*\n|[^\n]+$/g) ?? [];
  const empty = all.findIndex((line) => /^\r*\n$/.test(line));
  const taken = lines === null || empty < 0 ? all : all.slice(0, empty + 1 + lines);
  const text = taken.map((line) => (line.startsWith('.') ? `.${line}` : line)).join('');
  return text === '' || text.endsWith('\r\n') ? `${text}.\r\n` : `${text}\r\n.\r\n`;
}

function fuzzForms(count: number, change: (wire: string) => string): string | null {
  const random = seeded(2_449);
  for (let i = 0; i < count; i++) {
    const made = form(random);
    if (change(made.wire) !== wanted(made)) return JSON.stringify(made);
  }
  return null;
}

describe('the multi-line form', () => {
  test(`${OCTETS} messages in pieces come out as line by line`, () => {
    expect(fuzzForms(OCTETS, (wire) => wire)).toBeNull();
  });

  test('a planted fault (a dot after a bare LF that is not doubled) is found', () => {
    expect(fuzzForms(OCTETS, (wire) => wire.replace(/([^\r]\n)\.\./, '$1.'))).not.toBeNull();
  });
});
