// The listeners: ports, refusals in each protocol's words, implicit TLS and its limits.
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { connect as connectTls } from 'node:tls';
import { pino } from 'pino';
import { describe, expect, test } from 'vitest';
import { LISTENERS, type ListenerName } from '#config/schema.ts';
import type { Source } from '#protocols/net/proxy.ts';
import type { ProtocolServer } from '#protocols/ports.ts';
import { Admission, type AdmissionLimits, createAdmissionShared, DEFAULT_ADMISSION } from '#src/admission.ts';
import { loadCertificates } from '#src/certificates/provider.ts';
import { ensureSelfSigned } from '#src/certificates/self-signed.ts';
import { type Listeners, type ListenTable, openListeners, reservePorts } from '#src/listeners.ts';
import { networkMatcher } from '#src/peers.ts';
import { temporaryFolder } from '#test/support/folder.ts';

/** A listen table with only these listeners, each on a free port unless given. */
function table(ports: Partial<Record<ListenerName, number>>): ListenTable {
  return Object.fromEntries(
    LISTENERS.map((name) => [name, ports[name] === undefined ? [] : [{ host: '127.0.0.1', port: ports[name] }]]),
  ) as unknown as ListenTable;
}

/** A protocol that says hello, and whether it is secure, to everyone. */
class Greeter implements ProtocolServer {
  readonly sockets = new Set<Socket>();
  readonly sources: (Source | undefined)[] = [];
  accept(socket: Socket, secure: boolean, source?: Source): void {
    this.sources.push(source);
    this.sockets.add(socket);
    socket.on('error', () => socket.destroy());
    socket.once('close', () => this.sockets.delete(socket));
    socket.on('end', () => socket.end());
    socket.resume();
    socket.write(secure ? 'hello, safely\r\n' : 'hello\r\n');
  }
  async close(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
  }
  get connections(): number {
    return this.sockets.size;
  }
}

interface Opened extends AsyncDisposable {
  readonly listeners: Listeners;
  readonly greeter: Greeter;
  readonly refusals: string[];
  port(name: ListenerName): number;
}

async function open(
  ports: Partial<Record<ListenerName, number>>,
  options: {
    limits?: Partial<AdmissionLimits>;
    trust?: string[];
    proxies?: string[];
    reusePort?: boolean;
    handshakeMs?: number;
    lines?: string[];
  } = {},
): Promise<Opened> {
  const folder = await temporaryFolder();
  const log = pino({ level: options.lines ? 'warn' : 'silent' }, { write: (line) => void options.lines?.push(line) });
  const path = await ensureSelfSigned(folder.path, 'mail.example.test');
  const tls = await loadCertificates([{ certificate: path, key: path }], { log });
  const greeter = new Greeter();
  const refusals: string[] = [];
  const listeners = await openListeners({
    listen: table(ports),
    reusePort: options.reusePort ?? false,
    servers: Object.fromEntries(LISTENERS.map((name) => [name, greeter])),
    hostname: 'mail.example.test',
    tls,
    admission: new Admission(createAdmissionShared(), { ...DEFAULT_ADMISSION, ...options.limits }),
    trusted: networkMatcher(options.trust ?? []),
    proxied: networkMatcher(options.proxies ?? []),
    sessions: { keep: (record) => void options.lines?.push(...record.lines) },
    refused: (listener, reason) => refusals.push(`${listener} ${reason}`),
    log,
    ...(options.handshakeMs !== undefined && { handshakeMs: options.handshakeMs }),
  });
  return {
    listeners,
    greeter,
    refusals,
    port: (name) => listeners.addresses.find(({ listener }) => listener === name)?.port ?? 0,
    async [Symbol.asyncDispose]() {
      listeners.close();
      await greeter.close();
      tls[Symbol.dispose]();
      await folder[Symbol.asyncDispose]();
    },
  };
}

async function greeting(socket: Socket): Promise<string> {
  const [chunk] = await once(socket, 'data');
  return String(chunk);
}

test('each listener is open on the address that is reported, plain or with TLS from the first byte', async () => {
  await using opened = await open({ imap: 0, imaps: 0 });
  const plain = connect(opened.port('imap'), '127.0.0.1');
  expect(await greeting(plain)).toBe('hello\r\n');
  const secure = connectTls({ host: '127.0.0.1', port: opened.port('imaps'), rejectUnauthorized: false });
  expect(await greeting(secure)).toBe('hello, safely\r\n');
  expect(opened.listeners.addresses.map(({ listener, host }) => `${listener} ${host}`)).toEqual([
    'imap 127.0.0.1',
    'imaps 127.0.0.1',
  ]);
  plain.destroy();
  secure.destroy();
});

test('after close nobody is accepted and the port is free, while an open connection goes on', async () => {
  await using opened = await open({ imap: 0 });
  const port = opened.port('imap');
  const socket = connect(port, '127.0.0.1');
  await greeting(socket);
  opened.listeners.close();
  await expect(once(connect(port, '127.0.0.1'), 'connect')).rejects.toThrow('ECONNREFUSED');
  await using again = await open({ imap: port });
  expect(again.port('imap')).toBe(port);
  expect(socket.readyState).toBe('open');
  socket.destroy();
});

test('a port that is taken is named with its listener, and nothing stays open', async () => {
  await using opened = await open({ imap: 0 });
  const taken = opened.port('imap');
  await expect(open({ smtp: 0, pop3: taken })).rejects.toThrow(
    `pop3 can't listen on 127.0.0.1:${taken}: another program`,
  );
  await expect(reservePorts(table({ pop3: taken }))).rejects.toThrow(`127.0.0.1:${taken}`);
});

test('a port shared by the threads of one server is not shared with a second server', async () => {
  await using first = await open({ imap: 0 }, { reusePort: true });
  await expect(reservePorts(table({ imap: first.port('imap') }))).rejects.toThrow('another program listens there');
});

test('port 0 becomes one free port that several threads can listen on together', async () => {
  const reserved = await reservePorts(table({ imap: 0 }));
  const port = reserved.listen.imap[0]?.port ?? 0;
  expect(port).toBeGreaterThan(0);
  await using one = await open({ imap: port }, { reusePort: true });
  await using two = await open({ imap: port }, { reusePort: true });
  reserved.release();
  const sockets = Array.from({ length: 40 }, () => connect(port, '127.0.0.1'));
  expect(await Promise.all(sockets.map(greeting))).toEqual(Array(40).fill('hello\r\n'));
  expect(one.greeter.connections).toBeGreaterThan(0);
  expect(two.greeter.connections).toBeGreaterThan(0);
  for (const socket of sockets) socket.destroy();
});

test('one connection too many is refused in the words of its protocol', async () => {
  const ports = { smtp: 0, submission: 0, imap: 0, pop3: 0, http: 0 };
  await using opened = await open(ports, { limits: { perAddress: 0, perAddressMx: 0 } });
  const said = async (name: ListenerName) => await text(connect(opened.port(name), '127.0.0.1'));
  expect(await said('smtp')).toMatch(/^421 4\.7\.0 mail\.example\.test Too many connections from your address.*\r\n$/);
  expect(await said('submission')).toMatch(/^421 4\.7\.0 /);
  expect(await said('imap')).toMatch(/^\* BYE \[UNAVAILABLE\] Too many/);
  expect(await said('pop3')).toMatch(/^-ERR \[SYS\/TEMP\] Too many/);
  expect(await said('http')).toMatch(/^HTTP\/1\.1 503 /);
  expect(opened.greeter.connections).toBe(0);
  expect(opened.refusals).toContain('imap too-many-from-you');
});

test('a trusted network is exempt from the limits', async () => {
  await using opened = await open({ imap: 0 }, { limits: { perAddress: 0 }, trust: ['127.0.0.0/8'] });
  const socket = connect(opened.port('imap'), '127.0.0.1');
  expect(await greeting(socket)).toBe('hello\r\n');
  socket.destroy();
});

test('the place of a closed connection is free again', async () => {
  await using opened = await open({ imap: 0 }, { limits: { perAddress: 1 } });
  for (let i = 0; i < 3; i++) {
    const socket = connect(opened.port('imap'), '127.0.0.1');
    expect(await greeting(socket)).toBe('hello\r\n');
    socket.destroy();
    await expect.poll(() => opened.greeter.connections).toBe(0);
  }
});

test('a handshake that never ends is cut, and one that is no TLS at all closes', async () => {
  await using opened = await open({ imaps: 0 }, { handshakeMs: 3_000 }); // a loaded machine needs some for the good one
  const silent = connect(opened.port('imaps'), '127.0.0.1');
  const talking = connect(opened.port('imaps'), '127.0.0.1');
  talking.write('a1 LOGIN anna secret\r\n');
  silent.resume();
  talking.resume();
  for (const socket of [silent, talking]) socket.on('error', () => socket.destroy());
  await Promise.all([once(silent, 'close'), once(talking, 'close')]);
  expect(opened.greeter.connections).toBe(0);
  const good = connectTls({ host: '127.0.0.1', port: opened.port('imaps'), rejectUnauthorized: false });
  expect(await greeting(good)).toBe('hello, safely\r\n');
  good.destroy();
});

describe('who mixes up the ports (F200)', () => {
  test('and begins with TLS on the submission port is served', async () => {
    await using opened = await open({ submission: 0 });
    const secure = connectTls({ host: '127.0.0.1', port: opened.port('submission'), rejectUnauthorized: false });
    expect(await greeting(secure)).toBe('hello, safely\r\n');
    const plain = connect(opened.port('submission'), '127.0.0.1');
    expect(await greeting(plain)).toBe('hello\r\n');
    for (const socket of [secure, plain]) socket.destroy();
  });

  test('and begins with TLS on the MX port is not', async () => {
    await using opened = await open({ smtp: 0 });
    const secure = connectTls({ host: '127.0.0.1', port: opened.port('smtp'), rejectUnauthorized: false });
    await expect(once(secure, 'secureConnect')).rejects.toThrow();
    secure.destroy();
  });

  test.each<[ListenerName, string, RegExp]>([
    ['submissions', 'EHLO office.example\r\n', /^421 4\.7\.0 mail\.example\.test This port begins with TLS/],
    ['imaps', 'a1 CAPABILITY\r\n', /^\* BYE \[UNAVAILABLE\] This port begins with TLS/],
    ['pop3s', 'CAPA\r\n', /^-ERR \[SYS\/TEMP\] This port begins with TLS/],
  ])('and speaks plain text on %s is told so, and the log says it', async (listener, command, said) => {
    const lines: string[] = [];
    await using opened = await open({ [listener]: 0 }, { lines });
    const socket = connect(opened.port(listener), '127.0.0.1');
    socket.write(command);
    expect(await text(socket)).toMatch(said);
    expect(lines.join()).toContain('a client speaks plain text on a port that begins with TLS');
    expect(opened.greeter.connections).toBe(0);
  });

  test('and waits for a greeting where TLS comes first is told so when the time is up', async () => {
    const lines: string[] = [];
    await using opened = await open({ submissions: 0 }, { lines, handshakeMs: 30 });
    expect(await text(connect(opened.port('submissions'), '127.0.0.1'))).toMatch(/^421 4\.7\.0 .* begins with TLS/);
    expect(lines.join()).toContain('a client waits for a greeting');
  });
});

describe('a proxy', () => {
  const V2 = Buffer.from('0d0a0d0a000d0a515549540a', 'hex');
  const v2 = (command: number, family: number, block: Buffer) => {
    const head = Buffer.from([0x20 | command, family, block.length >> 8, block.length & 255]);
    return Buffer.concat([V2, head, block]);
  };
  const ipv4 = Buffer.from('c000020afe0000010d3d0019', 'hex');
  const ipv6 = Buffer.concat([
    Buffer.from('20010db8000000000000000000000005', 'hex'),
    Buffer.alloc(16),
    ipv4.subarray(8),
  ]);
  const tlv = Buffer.from('0400020000', 'hex');

  test.each<[string, string | Buffer, object]>([
    ['version 1', 'PROXY TCP4 192.0.2.10 198.51.100.1 3389 25\r\n', { address: '192.0.2.10', port: 3389 }],
    ['version 1, IPv6', 'PROXY TCP6 2001:db8::5 2001:db8::1 3389 25\r\n', { address: '2001:db8::5', port: 3389 }],
    ['version 1, unknown', 'PROXY UNKNOWN whatever\r\n', { address: '127.0.0.1' }],
    ['version 2', v2(1, 0x11, ipv4), { address: '192.0.2.10', port: 3389 }],
    ['version 2 with more', v2(1, 0x11, Buffer.concat([ipv4, tlv])), { address: '192.0.2.10', port: 3389 }],
    ['version 2, IPv6', v2(1, 0x21, ipv6), { address: '2001:db8::5', port: 3389 }],
    ['version 2, for itself', v2(0, 0, Buffer.alloc(0)), { address: '127.0.0.1' }],
    ['none', '', { address: '127.0.0.1' }],
  ])('of %s says for whom it speaks, in one piece or in many', async (_name, header, source) => {
    await using opened = await open({ imap: 0, imaps: 0 }, { proxies: ['127.0.0.0/8'] });
    const bytes = Buffer.from(header as string, 'latin1');
    const whole = connect(opened.port('imap'), '127.0.0.1');
    whole.write(bytes);
    expect(await greeting(whole)).toBe('hello\r\n');
    const slow = connect({ port: opened.port('imap'), host: '127.0.0.1', noDelay: true });
    for (let at = 0; at < bytes.length; at += 7) {
      slow.write(bytes.subarray(at, at + 7));
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(await greeting(slow)).toBe('hello\r\n');
    const raw = connect(opened.port('imaps'), '127.0.0.1');
    raw.write(bytes);
    const secure = connectTls({ socket: raw, rejectUnauthorized: false });
    expect(await greeting(secure)).toBe('hello, safely\r\n');
    expect(opened.greeter.sources).toEqual([1, 2, 3].map(() => expect.objectContaining(source)));
    for (const socket of [whole, slow, secure]) socket.destroy();
  });

  test.each([
    'PROXY TCP4 192.0.2.10 198.51.100.1 3389\r\n',
    'PROXY TCP4 2001:db8::5 2001:db8::1 3389 25\r\n',
    'PROXY TCP4 192.0.2.10 198.51.100.1 99999 25\r\n',
    `PROXY ${'x'.repeat(120)}`,
    v2(1, 0x11, ipv4.subarray(0, 8)).toString('latin1'),
    v2(2, 0x11, ipv4).toString('latin1'),
  ])('of a malformed header is cut: %j', async (header) => {
    const lines: string[] = [];
    await using opened = await open({ imap: 0 }, { proxies: ['127.0.0.1'], lines });
    const socket = connect(opened.port('imap'), '127.0.0.1');
    socket.write(Buffer.from(header, 'latin1'));
    expect(await text(socket).catch(() => '')).toBe('');
    expect(lines.join()).toContain('malformed PROXY header');
  });

  test('is only listened to if it is one of ours, and the limits are those of who is behind it', async () => {
    const header = 'PROXY TCP4 192.0.2.10 198.51.100.1 3389 25\r\n';
    await using stranger = await open({ imap: 0 }, { proxies: ['192.0.2.0/24'] });
    const socket = connect(stranger.port('imap'), '127.0.0.1');
    socket.write(header);
    await greeting(socket);
    expect(stranger.greeter.sources).toEqual([expect.objectContaining({ address: '127.0.0.1' })]);
    socket.destroy();
    await using ours = await open({ imap: 0 }, { proxies: ['127.0.0.1'], limits: { perAddress: 1 } });
    const say = async (address: string) => {
      const one = connect(ours.port('imap'), '127.0.0.1');
      one.write(header.replace('192.0.2.10', address));
      return greeting(one);
    };
    expect(await say('192.0.2.10')).toBe('hello\r\n');
    expect(await say('192.0.2.10')).toMatch(/^\* BYE/);
    expect(await say('192.0.2.11')).toBe('hello\r\n');
  });
});
