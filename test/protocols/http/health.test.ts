// The operator's listener over real sockets.
import { once } from 'node:events';
import { type AddressInfo, connect, createServer } from 'node:net';
import { text } from 'node:stream/consumers';
import { pino } from 'pino';
import { expect, test } from 'vitest';
import { createHealthServer } from '#protocols/http/health.ts';
import { createPublicServer } from '#protocols/http/public.ts';
import type { ProtocolServer } from '#protocols/ports.ts';

const log = pino({ level: 'silent' });

async function serve(protocol: ProtocolServer): Promise<{ port: number } & AsyncDisposable> {
  const server = createServer((socket) => protocol.accept(socket, false));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    async [Symbol.asyncDispose]() {
      server.close();
      await protocol.close();
    },
  };
}

function health(check: () => Promise<unknown>): ProtocolServer {
  return createHealthServer({ check, metrics: async () => 'posthuis_connections 3\n', log });
}

test('/healthz is 200 while the store answers, 503 when it does not, and tells no cause', async () => {
  let healthy = true;
  const check = async () => {
    if (!healthy) throw new Error('disk on fire');
  };
  await using server = await serve(health(check));
  const url = `http://127.0.0.1:${server.port}/healthz`;
  expect((await fetch(url)).status).toBe(200);
  healthy = false;
  const response = await fetch(url);
  expect(response.status).toBe(503);
  expect(await response.text()).not.toContain('fire');
});

test('/healthz is 503 when the store hangs', async () => {
  await using server = await serve(health(() => new Promise(() => undefined)));
  expect((await fetch(`http://127.0.0.1:${server.port}/healthz`)).status).toBe(503);
});

test('/metrics is the Prometheus text, other paths are 404, other methods 405', async () => {
  await using server = await serve(health(async () => undefined));
  const base = `http://127.0.0.1:${server.port}`;
  const metrics = await fetch(`${base}/metrics?x=1`);
  expect(metrics.headers.get('content-type')).toContain('version=0.0.4');
  expect(await metrics.text()).toBe('posthuis_connections 3\n');
  expect((await fetch(`${base}/`)).status).toBe(404);
  expect((await fetch(`${base}/healthz`, { method: 'POST', body: 'x' })).status).toBe(405);
  const head = await fetch(`${base}/metrics`, { method: 'HEAD' });
  expect(head.status).toBe(200);
  expect(await head.text()).toBe('');
});

test('a header that is too long and a line that is no HTTP are refused', async () => {
  await using server = await serve(health(async () => undefined));
  const long = connect(server.port, '127.0.0.1');
  long.write(`GET / HTTP/1.1\r\nHost: x\r\nX: ${'y'.repeat(20_000)}\r\n\r\n`);
  expect(await text(long)).toMatch(/^HTTP\/1\.1 431 /);
  const other = connect(server.port, '127.0.0.1');
  other.write('EHLO here\r\n');
  expect(await text(other)).toMatch(/^HTTP\/1\.1 400 /);
});

test('closing ends idle connections', async () => {
  const protocol = health(async () => undefined);
  const server = await serve(protocol);
  const socket = connect(server.port, '127.0.0.1');
  await once(socket, 'connect');
  await expect.poll(() => protocol.connections).toBe(1);
  await server[Symbol.asyncDispose]();
  expect(await text(socket)).toBe('');
  expect(protocol.connections).toBe(0);
});

test('the https listener says 503 to every other path until the web side is there', async () => {
  await using server = await serve(createPublicServer({ policy: async () => null, log }));
  const response = await fetch(`http://127.0.0.1:${server.port}/Microsoft-Server-ActiveSync`);
  expect(response.status).toBe(503);
  expect(response.headers.get('retry-after')).toBe('3600');
});
