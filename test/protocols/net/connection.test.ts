// The line connection over real sockets: lines, counted bytes, back-pressure both ways, STARTTLS, time-outs.
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { createSecureContext, connect as tlsConnect } from 'node:tls';
import { generate } from 'selfsigned';
import { afterEach, expect, test } from 'vitest';
import { Connection, Disconnected, type Event, peerOf, TOO_LONG } from '#protocols/net/connection.ts';
import { INPUT_HIGH_BYTES, OUTPUT_CHUNK_BYTES, OUTPUT_HIGH_BYTES, OUTPUT_SPARES } from '#protocols/net/limits.ts';
import { OutputBuffers } from '#protocols/net/output-buffers.ts';
import { ReplyWriter } from '#protocols/net/reply-writer.ts';
import type { TlsProvider } from '#protocols/ports.ts';

const open: { server: Server; sockets: Socket[] }[] = [];

afterEach(async () => {
  for (const { server, sockets } of open.splice(0)) {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  }
});

/** A connection on the server's side and the client's socket. */
async function pair(buffers?: OutputBuffers): Promise<{ connection: Connection; client: Socket }> {
  const server = createServer();
  const sockets: Socket[] = [];
  open.push({ server, sockets });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const client = connect((server.address() as AddressInfo).port, '127.0.0.1');
  const [socket] = (await once(server, 'connection')) as [Socket];
  sockets.push(socket, client);
  const peer = peerOf(socket, () => false);
  if (peer === undefined) throw new Error('no peer');
  return { connection: new Connection(socket, peer, false, buffers), client };
}

/** The next line, waiting for it. */
async function line(connection: Connection, max = 100): Promise<string | typeof TOO_LONG | Event> {
  for (;;) {
    const taken = connection.takeLine(max);
    if (taken !== null) return taken === TOO_LONG ? TOO_LONG : taken.toString('latin1');
    const event = await connection.more();
    if (event !== 'data') return event;
  }
}

async function tlsProvider(): Promise<TlsProvider> {
  const pem = await generate([{ name: 'commonName', value: 'localhost' }], { keySize: 2048 });
  const secureContext = createSecureContext({ key: pem.private, cert: pem.cert });
  return { options: () => ({ secureContext }) };
}

test('lines end with CRLF or a bare LF, and split or merged packets make no difference', async () => {
  const { connection, client } = await pair();
  client.write('a NOOP\r\nb NO');
  expect(await line(connection)).toBe('a NOOP');
  expect(connection.hasLine).toBe(false);
  const next = line(connection);
  client.write('OP\nc\r');
  expect(await next).toBe('b NOOP');
  client.write('\n\r\n');
  expect(await line(connection)).toBe('c');
  expect(await line(connection)).toBe('');
});

test('a line sent byte by byte is put together', async () => {
  const { connection, client } = await pair();
  const text = 'x'.repeat(90);
  const next = line(connection);
  for (const character of `${text}\r\n`) {
    client.write(character);
    await new Promise((resolve) => setImmediate(resolve));
  }
  expect(await next).toBe(text);
});

test('a line that is too long is skipped to its end and the next one is read', async () => {
  const { connection, client } = await pair();
  client.write(`${'x'.repeat(101)}\r\nshort\r\n`);
  expect(await line(connection)).toBe(TOO_LONG);
  expect(await line(connection)).toBe('short');
  client.write('y'.repeat(50_000));
  const next = line(connection);
  setTimeout(() => client.write(`${'y'.repeat(50_000)}\r\nagain\r\n`), 20);
  expect(await next).toBe(TOO_LONG);
  expect(await line(connection)).toBe('again');
});

test('a line without an end is cut off after a megabyte', async () => {
  const { connection, client } = await pair();
  client.on('error', () => {});
  client.write('z'.repeat(3_000_000));
  expect(await line(connection)).toBe('end');
  expect(connection.closed).toBe(true);
});

test('counted bytes are followed by lines', async () => {
  const { connection, client } = await pair();
  client.write('{10}\r\n01234');
  expect(await line(connection)).toBe('{10}');
  let body = connection.takeBytes(10)?.toString() ?? '';
  client.write('56789\r\nnext\r\n');
  while (body.length < 10) {
    await connection.more();
    body += connection.takeBytes(10 - body.length)?.toString() ?? '';
  }
  expect(body).toBe('0123456789');
  expect(await line(connection)).toBe('');
  expect(await line(connection)).toBe('next');
});

test('a peer that sends and is not read is stopped, and goes on when it is', async () => {
  const { connection, client } = await pair();
  const total = 8_000_000;
  client.write(Buffer.alloc(total, 'a'));
  await new Promise((resolve) => setTimeout(resolve, 100));
  expect(connection.available).toBeLessThan(INPUT_HIGH_BYTES + 128 * 1024);
  let got = 0;
  while (got < total) {
    const bytes = connection.takeBytes(total);
    if (bytes === null) expect(await connection.more()).toBe('data');
    else got += bytes.length;
  }
  expect(got).toBe(total);
});

test('a peer that does not read makes the writer wait, and gets everything in the end', async () => {
  const { connection, client } = await pair();
  client.pause();
  const piece = Buffer.alloc(32 * 1024, 'b');
  let written = 0;
  while (!connection.congested) {
    connection.out.bytes(piece);
    written += piece.length;
    expect(written).toBeLessThan(64 * 1024 * 1024);
  }
  const drained = connection.drain();
  let settled = false;
  void drained.then(() => {
    settled = true;
  });
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect(settled).toBe(false);
  let got = 0;
  client.on('data', (chunk: Buffer) => {
    got += chunk.length;
  });
  client.resume();
  await drained;
  connection.close();
  await once(client, 'end');
  expect(got).toBe(written);
  expect(OUTPUT_HIGH_BYTES).toBeLessThan(written);
});

test('waiting to write to a peer that goes away is rejected', async () => {
  const { connection, client } = await pair();
  client.pause();
  while (!connection.congested) connection.out.bytes(Buffer.alloc(64 * 1024));
  const drained = connection.drain();
  client.destroy();
  await expect(drained).rejects.toBeInstanceOf(Disconnected);
  await expect(connection.drain()).rejects.toBeInstanceOf(Disconnected);
  expect(connection.signal.aborted).toBe(true);
});

test('a peer that finishes sending still gets the answers to what it sent', async () => {
  const { connection, client } = await pair();
  client.end('one\r\ntwo\r\n');
  let answers = '';
  client.on('data', (chunk) => {
    answers += chunk;
  });
  for (let next = await line(connection); next !== 'end'; next = await line(connection)) {
    connection.out.text(`got ${String(next)}\r\n`);
  }
  connection.close();
  await once(client, 'close');
  expect(answers).toBe('got one\r\ngot two\r\n');
});

test('an idle connection times out, an interrupted wait says so', async () => {
  const { connection, client } = await pair();
  const patience = 2_000;
  connection.idle(patience, true);
  const first = line(connection);
  connection.interrupt();
  expect(await first).toBe('interrupt');
  const second = line(connection);
  // Late, and yet with as much to spare for a machine that is busy.
  setTimeout(() => client.write('still here\r\n'), patience / 2);
  expect(await second).toBe('still here');
  expect(await line(connection)).toBe('timeout');
});

test('a deadline is not moved by input', async () => {
  const { connection, client } = await pair();
  connection.idle(80, false);
  const drip = setInterval(() => client.write('.'), 10);
  expect(await line(connection)).toBe('timeout');
  clearInterval(drip);
});

test('onClose is called once, also when the connection is already gone', async () => {
  const { connection, client } = await pair();
  let calls = 0;
  const closed = new Promise<void>((resolve) =>
    connection.onClose(() => {
      calls++;
      resolve();
    }),
  );
  client.resetAndDestroy();
  await closed;
  connection.destroy();
  connection.onClose(() => calls++);
  expect(calls).toBe(2);
});

test('STARTTLS throws away what was pipelined in plaintext', async () => {
  const { connection, client } = await pair();
  const provider = await tlsProvider();
  client.write('STARTTLS\r\nINJECTED\r\n');
  expect(await line(connection)).toBe('STARTTLS');
  connection.out.text('go\r\n');
  const secured = connection.startTls(provider);
  const [answer] = (await once(client, 'data')) as [Buffer];
  expect(answer.toString()).toBe('go\r\n');
  const secure = tlsConnect({ socket: client, rejectUnauthorized: false });
  await once(secure, 'secureConnect');
  expect(await secured).toBe(true);
  expect(connection.secure).toBe(true);
  expect(connection.tls?.version).toMatch(/^TLSv1/);
  secure.write('protected\r\n');
  expect(await line(connection)).toBe('protected');
  connection.out.text('answer\r\n');
  connection.close();
  const [reply] = (await once(secure, 'data')) as [Buffer];
  expect(reply.toString()).toBe('answer\r\n');
});

test('a handshake that fails closes the connection', async () => {
  const { connection, client } = await pair();
  const provider = await tlsProvider();
  client.on('error', () => {});
  client.resume();
  const secured = connection.startTls(provider);
  client.write('this is no ClientHello\r\n');
  expect(await secured).toBe(false);
  expect(connection.closed).toBe(true);
});

test('an IPv4 address mapped into IPv6 is shown as IPv4', () => {
  const socket = { remoteAddress: '::ffff:192.0.2.1', remotePort: 5 } as Socket;
  expect(peerOf(socket, (address) => address === '192.0.2.1')).toEqual({
    connection: expect.stringMatching(/^[\w-]{8}$/),
    address: '192.0.2.1',
    port: 5,
    trusted: true,
  });
  expect(peerOf({} as Socket, () => false)).toBeUndefined();
});

test('connections that share buffers, one of them slow and one with TLS, each send what was written to them', async () => {
  const buffers = new OutputBuffers();
  const [slow, fast, secured] = [await pair(buffers), await pair(buffers), await pair(buffers)];
  const upgrade = secured.connection.startTls(await tlsProvider());
  const tls = tlsConnect({ socket: secured.client, rejectUnauthorized: false });
  expect(await upgrade).toBe(true);
  const sides = [slow, fast, { connection: secured.connection, client: tls }];
  slow.client.pause();
  const piece = (side: number, round: number) => Buffer.alloc(50_000, 65 + ((side * 100 + round) % 61));
  const sending = sides.map(async ({ connection }, side) => {
    for (let round = 0; round < 100; round++) {
      const bytes = piece(side, round);
      connection.out.copy(bytes);
      bytes.fill(0);
      if (connection.congested) await connection.drain();
      else connection.flush();
    }
    connection.close();
  });
  const received = sides.map(({ client }) => {
    const got: Buffer[] = [];
    if (client !== slow.client) client.on('data', (bytes: Buffer) => got.push(bytes));
    return { got, ended: once(client, 'end') };
  });
  await Promise.all([sending[1], sending[2], received[1]?.ended, received[2]?.ended]);
  slow.client.on('data', (bytes: Buffer) => received[0]?.got.push(bytes)).resume();
  await Promise.all([sending[0], received[0]?.ended]);
  for (const [side, { got }] of received.entries()) {
    const wanted = Buffer.concat(Array.from({ length: 100 }, (_, round) => piece(side, round)));
    expect(Buffer.compare(Buffer.concat(got), wanted), `${side}`).toBe(0);
  }
});

test('of the buffers that are given back only so many are kept', () => {
  const buffers = new OutputBuffers();
  const many = Array.from({ length: OUTPUT_SPARES + 5 }, () => buffers.take());
  for (const buffer of many) buffers.give(buffer);
  const again = Array.from({ length: OUTPUT_SPARES + 5 }, () => buffers.take());
  expect(again.filter((buffer) => many.includes(buffer))).toHaveLength(OUTPUT_SPARES);
  const none = new OutputBuffers(0);
  const buffer = none.take();
  none.give(buffer);
  expect(none.take()).not.toBe(buffer);
});

test('a reply writer puts text, numbers and bytes together in order, in buffers of bounded size', () => {
  const chunks: Buffer[] = [];
  const out = new ReplyWriter((chunk) => chunks.push(chunk));
  let expected = '';
  const numbers = [0, 9, 10, 99, 100, 4_294_967_295, 2_147_483_646, 2_147_483_647, 9_007_199_254_740_991];
  for (let round = 0; round < 3_000; round++) {
    const number = numbers[round % numbers.length] ?? 0;
    const long = 'é'.repeat(round % 200);
    out.text('* ').number(number).text(long).bytes(Buffer.from('bytes')).text('\r\n');
    expected += `* ${number}${long}bytes\r\n`;
  }
  out
    .text('t'.repeat(3 * OUTPUT_CHUNK_BYTES))
    .utf8('€')
    .bytes(Buffer.alloc(40_000, 'q'))
    .text('end');
  expected += `${'t'.repeat(3 * OUTPUT_CHUNK_BYTES)}${Buffer.from('€').toString('latin1')}${'q'.repeat(40_000)}end`;
  out.flush();
  expect(out.pending).toBe(0);
  expect(Buffer.concat(chunks).toString('latin1')).toBe(expected);
  expect(Math.max(...chunks.map((chunk) => chunk.length))).toBeLessThanOrEqual(OUTPUT_CHUNK_BYTES);
});
