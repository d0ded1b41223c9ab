// SMTP smuggling (CVE-2023-51764, 51765, 51766 and their siblings): a message that hides a second one behind something that
// some server takes for the end of the data. In: nobody's end but CR LF . CR LF is one, on any listener, by DATA or by
// BDAT. Out: what our client sends has one end, even for a server that takes all of them for one.
import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type OutboundLab, outboundLab, until } from '#test/support/outbound.ts';
import { PASSWORD, type SmtpServers, startSmtp } from '#test/support/smtp-server.ts';
import { SmtpWire } from '#test/support/wire.ts';

/** A line end of each kind, a dot, and a line end of each kind: what some server took for the end. */
const LINE_ENDS = ['\n', '\r', '\r\n', '\n\r', '\r\r\n', '\0\r\n', '\r\0\n', '\r\n\0'];
const ENDS = LINE_ENDS.flatMap((before) => LINE_ENDS.map((after) => `${before}.${after}`)).filter(
  (variant) => !variant.includes('\r\n.\r\n'),
);
/** And what none did yet. */
const VARIANTS = [
  ...ENDS,
  ...['\n\n.\r\n', '\r\n.\0\r\n', '\x0b.\x0b', '\x85.\x85', '\r\n .\r\n', '\r\n.\t\r\n', '\r\n. \r\n', '\r\n.\x1a\r\n'],
];

/** What hides in the first message: the dialogue of a second. */
const HIDDEN = 'MAIL FROM:<ceo@example.test>\r\nRCPT TO:<bert@example.test>\r\nDATA\r\nSubject: smuggled\r\n\r\nx';
let made = 0;
const contentOf = (variant: string) =>
  `From: anna@example.test\r\nMessage-ID: <${++made}@example.test>\r\nSubject: first\r\n\r\nx${variant}${HIDDEN}\r\n`;

let smtp: SmtpServers;
let lab: OutboundLab;
let sink: LenientSink;

beforeAll(async () => {
  // Trusted, since nobody else may be refused so often in one session.
  smtp = await startSmtp({ trusted: () => true, limits: { idleCommands: 1_000, anonymousCommands: 1_000 } });
  lab = await outboundLab({ 'other.test': { MX: [[10, 'mx.other.test']] }, 'mx.other.test': { A: ['127.0.0.2'] } });
  sink = await LenientSink.listen(lab.port);
});

afterAll(async () => {
  await smtp[Symbol.asyncDispose]();
  await lab[Symbol.asyncDispose]();
  sink.close();
});

type Listener = 'mx' | 'lmtp' | 'submission';

async function open(servers: SmtpServers, listener: Listener): Promise<SmtpWire> {
  const client = await SmtpWire.open(servers[listener]);
  await client.command(`${listener === 'lmtp' ? 'LHLO' : 'EHLO'} peer.example`);
  if (listener === 'submission') {
    await client.command(`AUTH PLAIN ${Buffer.from(`\0anna@example.test\0${PASSWORD}`).toString('base64')}`);
  }
  return client;
}

/** Hands a content over; what was said to it. The session has to be where it was before: nothing more was said. */
async function hand(client: SmtpWire, how: 'DATA' | 'BDAT', recipient: string, content: string): Promise<number> {
  expect((await client.command('MAIL FROM:<anna@example.test>')).code).toBe(250);
  expect((await client.command(`RCPT TO:<${recipient}>`)).code).toBe(250);
  const bytes = Buffer.from(content, 'latin1');
  if (how === 'DATA') {
    expect((await client.command('DATA')).code).toBe(354);
    client.wire.send(bytes);
    client.wire.send('.\r\n');
  } else {
    client.wire.send(`BDAT ${bytes.length} LAST\r\n`);
    client.wire.send(bytes);
  }
  const { code } = await client.reply();
  expect(await client.command('NOOP')).toMatchObject({ code: 250, lines: ['2.0.0 OK'] });
  return code;
}

describe.each(['DATA', 'BDAT'] as const)('by %s', (how) => {
  test.each(['mx', 'lmtp', 'submission'] as const)(
    '%s reads one message, or refuses it',
    async (listener) => {
      const client = await open(smtp, listener);
      const bert = (await smtp.inbox(smtp.bert)).length;
      for (const variant of VARIANTS) {
        const before = (await smtp.inbox(smtp.anna)).length;
        const code = await hand(client, how, 'anna@example.test', contentOf(variant));
        const arrived = (await smtp.inbox(smtp.anna)).slice(before);
        // MX refuses bare CR, LF and NUL; the others repair them, and what hid is text.
        const plain = !/\0|(?<!\r)\n|\r(?!\n)/.test(variant);
        expect([variant, code]).toEqual([variant, listener === 'mx' && !plain ? 550 : 250]);
        expect([variant, arrived.length]).toEqual([variant, code === 250 ? 1 : 0]);
        if (code !== 250) continue;
        expect(arrived[0]).toContain('\r\nMAIL FROM:<ceo@example.test>\r\n'.slice(plain ? 2 : 0));
        expect(arrived[0]?.replaceAll('\r\n', '')).not.toMatch(/[\r\n\0]/);
      }
      expect(await smtp.inbox(smtp.bert)).toHaveLength(bert);
      client.wire.destroy();
    },
    60_000,
  );

  test('our client sends one message, whatever its reader takes for an end', async () => {
    const client = await open(lab.smtp, 'submission');
    const before = sink.messages.length;
    const mails = sink.mails.length;
    for (const [n, variant] of ENDS.entries()) {
      expect(await hand(client, how, `${how}-${n}@other.test`, contentOf(variant))).toBe(250);
    }
    await until(
      async () => (await lab.smtp.store.queue.totals()).messages === 0,
      () => `${sink.messages.length - before} of ${ENDS.length} messages`,
    );
    expect(sink.messages.length - before).toBe(ENDS.length);
    expect(new Set(sink.mails.slice(mails))).toEqual(new Set(['MAIL FROM:<anna@example.test>']));
    for (const message of sink.messages.slice(before)) expect(message).toContain('Subject: smuggled');
    client.wire.destroy();
  });
});

/** A server that takes everything for the end of the data that any server ever did. */
class LenientSink {
  readonly mails: string[] = [];
  readonly messages: string[] = [];
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  private constructor() {
    this.#server = createServer((socket) => this.#serve(socket));
  }

  static async listen(port: number): Promise<LenientSink> {
    const made = new LenientSink();
    made.#server.listen(port, '127.0.0.2');
    await once(made.#server, 'listening');
    return made;
  }

  close(): void {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
  }

  #serve(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on('error', () => socket.destroy());
    socket.write('220 lenient\r\n');
    let pending = '';
    let inside = false;
    socket.on('data', (chunk) => {
      pending += chunk.toString('latin1');
      for (;;) {
        // NUL counts for nothing, and CR or LF alone end a line.
        pending = pending.replaceAll('\0', '');
        const end = inside ? /(?:^|[\r\n])\.[\r\n]\n?/.exec(pending) : /\r?\n|\r(?!$)/.exec(pending);
        if (end === null) return;
        const piece = pending.slice(0, end.index);
        pending = pending.slice(end.index + end[0].length);
        if (inside) {
          inside = false;
          this.messages.push(piece);
          socket.write('250 kept\r\n');
          continue;
        }
        if (/^MAIL/i.test(piece)) this.mails.push(piece.replace(/> .*$/, '>'));
        inside = /^DATA/i.test(piece);
        socket.write(inside ? '354 go on\r\n' : '250 OK\r\n');
      }
    });
  }
}
