// The listeners: ports, refusals in each protocol's words, implicit TLS and its limits.
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { connect as connectTls } from 'node:tls';
import { pino } from 'pino';
import { expect, test } from 'vitest';
import { LISTENERS, type ListenerName } from '#config/schema.ts';
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
  accept(socket: Socket, secure: boolean): void {
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
  options: { limits?: Partial<AdmissionLimits>; trust?: string[]; reusePort?: boolean; handshakeMs?: number } = {},
): Promise<Opened> {
  const folder = await temporaryFolder();
  const log = pino({ level: 'silent' });
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
  await using opened = await open({ imaps: 0 }, { handshakeMs: 50 });
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
