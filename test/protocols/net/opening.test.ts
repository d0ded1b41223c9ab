// The first octets of a connection, looked at before anybody serves it.
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { expect, test } from 'vitest';
import { peek } from '#protocols/net/opening.ts';

test('what has come while the thread was busy counts, though the time is up; and it is read again', async () => {
  const server = createServer({ pauseOnConnect: true }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const client = connect((server.address() as AddressInfo).port, '127.0.0.1');
  const [[socket]] = await Promise.all([once(server, 'connection') as Promise<[Socket]>, once(client, 'connect')]);
  try {
    const peeked = peek(socket, 20, () => true);
    client.write('hello');
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 60);
    expect(String(await peeked)).toBe('hello');
    expect(String(socket.read())).toBe('hello');
    expect(await peek(socket, 20, () => true)).toBeNull();
  } finally {
    client.destroy();
    socket.destroy();
    server.close();
  }
});
