// Bad input on the way in and on the way out, kind by kind: bounded, logged, and told with the right enhanced status code.
// Certificates that have expired or are for another name are in test/src/outbound and in test/clients/exchange.test.ts.
import { readFileSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { PASSWORD } from '#test/support/clients.ts';
import type { DnsServerOptions, Zone } from '#test/support/dns-server.ts';
import { type TemporaryFolder, temporaryFolder } from '#test/support/folder.ts';
import { Installation, type Running } from '#test/support/installation.ts';
import { outboundLab } from '#test/support/outbound.ts';
import { SmtpWire, Wire } from '#test/support/wire.ts';

/** What a server may grow by under any of it, MB: buffers and garbage, not what a peer sends. */
const GROWTH_MB = 150;

describe('a server that is sent', () => {
  let folder: TemporaryFolder;
  let program: Installation;
  let server: Running;

  beforeAll(async () => {
    folder = await temporaryFolder();
    // Trusted: nobody else comes so far with any of this.
    const settings = '[log]\nlevel = "info"\n[limits]\ntrusted_networks = ["127.0.0.0/8"]';
    program = new Installation({ folder: folder.path, listen: { smtp: 0, submission: 0 }, settings });
    await program.populate(['anna', 'bert'], PASSWORD);
    server = await program.serve();
  });

  afterEach(async () => {
    const client = await hello();
    expect(await client.command('RCPT TO:<bert@example.test>')).toMatchObject({ code: 250 });
    client.wire.destroy();
  });

  afterAll(async () => {
    expect(await server.stop()).toEqual({ status: 0, signal: null });
    await folder[Symbol.asyncDispose]();
  });

  async function hello(): Promise<SmtpWire> {
    const client = await SmtpWire.open(server.port('smtp'));
    await client.command('EHLO peer.test');
    await client.command('MAIL FROM:<p@peer.test>');
    return client;
  }

  const resident = () => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${server.pid}/status`, 'utf8'))?.[1]) / 1024;

  test.each([
    ['RCPT TO:<>', 501, '5.1.3'],
    ['RCPT TO:<anna>', 501, '5.1.3'],
    ['RCPT TO:<@example.test>', 501, '5.1.3'],
    ['RCPT TO:<anna@>', 501, '5.1.3'],
    ['RCPT TO:<anna@example..test>', 501, '5.1.3'],
    ['RCPT TO:<anna@-example.test>', 501, '5.1.3'],
    ['RCPT TO:<.anna@example.test>', 550, '5.1.1'],
    ['RCPT TO:<an na@example.test>', 501, '5.1.3'],
    ['RCPT TO:<anna@example.test', 501, '5.1.3'],
    ['RCPT TO:<"anna@example.test>', 501, '5.1.3'],
    ['RCPT TO:<an\x01na@example.test>', 501, '5.1.3'],
    [`RCPT TO:<${'a'.repeat(300)}@example.test>`, 550, '5.1.1'],
    [`RCPT TO:<anna@${'e'.repeat(300)}.test>`, 501, '5.1.3'],
    ['RCPT TO:<anna@[300.1.1.1]>', 501, '5.1.3'],
    ['RCPT TO:<añña@example.test>', 553, '5.6.7'],
    ['RCPT', 501, '5.5.4'],
    ['RCPT TO', 501, '5.5.4'],
  ])('%j says so with %d %s', async (command, code, enhanced) => {
    const client = await hello();
    const reply = await client.command(command);
    expect([reply.code, reply.lines[0]?.split(' ')[0]]).toEqual([code, enhanced]);
    expect((await client.command('NOOP')).code).toBe(250);
    client.wire.destroy();
  });

  test('100,000 recipients answers each, takes as many as it says, and does not grow', async () => {
    const before = resident();
    const client = await hello();
    const codes = new Map<string, number>();
    for (let from = 0; from < 100_000; from += 1_000) {
      client.wire.send(Array.from({ length: 1_000 }, (_, i) => `RCPT TO:<anna+${from + i}@example.test>\r\n`).join(''));
      for (let i = 0; i < 1_000; i++) {
        const { code, lines } = await client.reply();
        const said = `${code} ${lines[0]?.split(' ')[0]}`;
        codes.set(said, (codes.get(said) ?? 0) + 1);
      }
    }
    expect(codes).toEqual(
      new Map([
        ['250 2.1.5', 1_000],
        ['452 4.5.3', 99_000],
      ]),
    );
    expect(resident() - before).toBeLessThan(GROWTH_MB);
    client.wire.destroy();
  });

  test.each([
    ['too many fields', 'X-Bomb: x\r\n'.repeat(1_001), '552 5.3.4'],
    ['too large a header', `X-Bomb: ${`${'x'.repeat(900)}\r\n\t`.repeat(300)}x\r\n`, '552 5.3.4'],
    ['a field that does not end', `X-Bomb: ${'x'.repeat(70_000)}\r\n`, '550 5.6.0'],
    ['more hops than any mail has', 'Received: by x\r\n'.repeat(51), '554 5.4.6'],
    ['a header alone, of one colon after the other', `${':'.repeat(900)}\r\n`.repeat(250), '250 2.6.0'],
  ])('%s in a header answers at the end of the message', async (_what, header, said) => {
    const client = await hello();
    await client.command('RCPT TO:<anna@example.test>');
    await client.command('DATA');
    client.wire.send(`${header}Subject: x\r\n\r\nx\r\n.\r\n`);
    const { code, lines } = await client.reply();
    expect(`${code} ${lines[0]?.split(' ')[0]}`).toBe(said);
    client.wire.destroy();
  });

  test('gigabytes that are no command is gone after a little of it', async () => {
    const before = resident();
    const wire = await Wire.open(server.port('smtp'));
    const chunk = Buffer.alloc(1 << 20, 'x');
    let sent = 0;
    while (!wire.socket.destroyed && wire.socket.writable && sent < 1 << 30) {
      sent += chunk.length;
      if (!wire.socket.write(chunk))
        await Promise.race([new Promise((resolve) => wire.socket.once('drain', resolve)), wire.closed(), sleep(5_000)]);
    }
    expect(sent).toBeLessThan(1 << 28);
    expect(resident() - before).toBeLessThan(GROWTH_MB);
    wire.destroy();
  });
});

describe('mail to a domain whose DNS', () => {
  const usual: Record<string, Zone> = {
    'other.test': { MX: [[10, 'mx.other.test']] },
    'mx.other.test': { A: ['127.0.0.2'] },
  };

  /** What is said of it, after one attempt. */
  async function reply(zones: Record<string, Zone>, dns: DnsServerOptions = {}): Promise<string> {
    await using lab = await outboundLab(zones);
    lab.dns.options = dns;
    await using _peer = await lab.peer(2);
    await lab.submit({ to: 'you@other.test' });
    await lab.settled(1);
    const [waiting] = await lab.smtp.store.queue.list({}, 0, 1);
    return waiting?.recipients[0]?.reply ?? lab.outcomes.join();
  }

  test.each<[string, Record<string, Zone>, DnsServerOptions, string | RegExp]>([
    [
      'answers another question',
      usual,
      { mangle: (answer) => [flipped(answer, 0)] },
      /^451 4\.4\.3 .*other\.test MX: TIMEOUT/,
    ],
    ['answers rubbish', usual, { mangle: () => [Buffer.alloc(60, 0xff)] }, /^451 4\.4\.3 /],
    [
      'answers rubbish without end',
      usual,
      { mangle: () => Array<Buffer>(60).fill(Buffer.alloc(60, 0xff)) },
      /^451 4\.4\.3 /,
    ],
    ['is silent', usual, { mangle: () => [] }, /^451 4\.4\.3 .*TIMEOUT/],
    ['fails', { ...usual, 'other.test': { rcode: 'SERVFAIL' } }, {}, /^451 4\.4\.3 .*SERVFAIL/],
    ['refuses', { ...usual, 'other.test': { rcode: 'REFUSED' } }, {}, /^451 4\.4\.3 .*REFUSED/],
    [
      'goes round in a circle',
      { 'other.test': { CNAME: 'b.test' }, 'b.test': { CNAME: 'other.test' } },
      {},
      /^451 4\.4\.3 /,
    ],
    [
      'has a chain of aliases without end',
      {
        'other.test': { CNAME: 'a0.test' },
        ...Object.fromEntries(Array.from({ length: 40 }, (_, i) => [`a${i}.test`, { CNAME: `a${i + 1}.test` }])),
      },
      {},
      /^451 4\.4\.3 /,
    ],
  ])('%s waits, with 4.4.3', async (_what, zones, dns, said) => {
    expect(await reply(zones, dns)).toMatch(said);
  });

  test.each<[string, readonly (readonly [number, string])[]]>([
    ['an address', [[10, '192.0.2.1']]],
    ['no name', [[10, 'bad host!.test']]],
    ['a name without addresses', [[10, 'nowhere.test']]],
  ])('names %s as its mail host comes back', async (_what, MX) => {
    await using lab = await outboundLab({ 'other.test': { MX } });
    await lab.submit({ to: 'you@other.test' });
    await lab.settled(1);
    expect(lab.outcomes[0]).toBe('failed');
  });

  test('names two hundred mail hosts that do not answer is tried at some of them', async () => {
    const hosts = Array.from({ length: 200 }, (_, i) => `mx${i}.other.test`);
    const zones = Object.fromEntries(hosts.map((name, i) => [name, { A: [`127.0.1.${i + 1}`] }]));
    const MX = hosts.map((name, i): [number, string] => [i, name]);
    expect(await reply({ ...zones, 'other.test': { MX } })).toMatch(/^451 4\.4\.1 /);
  });
});

/** The same with one octet changed. */
function flipped(answer: Buffer, at: number): Buffer {
  const other = Buffer.from(answer);
  other[at] = (other[at] ?? 0) ^ 0xff;
  return other;
}

describe('a mail server that', () => {
  /** Says something for ever from a command on. */
  async function flood(
    port: number,
    from: 'CONNECT' | 'EHLO' | 'DOT',
    chunk: string,
  ): Promise<Server & { sent: number }> {
    const server = Object.assign(createServer(), { sent: 0 });
    const pour = (socket: Socket) => {
      for (;;) {
        if (socket.destroyed) return;
        server.sent += chunk.length;
        if (!socket.write(chunk)) return void socket.once('drain', () => pour(socket));
      }
    };
    server.on('connection', (socket) => {
      socket.on('error', () => socket.destroy());
      if (from === 'CONNECT') return pour(socket);
      socket.write('220 peer.test\r\n');
      let inside = false;
      let pending = '';
      socket.on('data', (bytes) => {
        pending += bytes.toString('latin1');
        // The content comes in as many pieces as it likes.
        if (inside ? !pending.endsWith('\r\n.\r\n') : !pending.endsWith('\r\n')) return;
        if (inside || (pending.startsWith('EHLO') && from === 'EHLO')) return pour(socket);
        inside = pending.startsWith('DATA');
        pending = '';
        socket.write(inside ? '354 go on\r\n' : '250 OK\r\n');
      });
    });
    await new Promise<void>((resolve) => server.listen(port, '127.0.0.2', resolve));
    return server;
  }

  test.each([
    ['CONNECT', 'x'.repeat(65_536)],
    ['CONNECT', '220-and on\r\n'.repeat(5_000)],
    ['EHLO', '250-AND-ON\r\n'.repeat(5_000)],
    ['DOT', '250-and on\r\n'.repeat(5_000)],
    ['DOT', '\0'.repeat(65_536)],
  ] as const)('says gigabytes from %s on is given up, and the mail waits', async (from, chunk) => {
    await using lab = await outboundLab({ 'other.test': { A: ['127.0.0.2'] } });
    const server = await flood(lab.port, from, chunk);
    await lab.submit({ to: 'you@other.test' });
    await lab.settled(1);
    server.close();
    const [waiting] = await lab.smtp.store.queue.list({}, 0, 1);
    expect(waiting?.recipients[0]).toMatchObject({ state: 'waiting', status: '4.4.2' });
    expect(server.sent).toBeLessThan(1 << 26);
    const [attempt] = await lab.smtp.store.queue.attempts(waiting?.id ?? 0);
    expect(attempt?.transcript.length).toBeLessThan(10_000);
  });
});
