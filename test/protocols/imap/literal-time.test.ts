// The time that a message's literal may take to come: set while it is waited for, and only then.
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { expect, test, vi } from 'vitest';
import { CommandReader } from '#protocols/imap/grammar/command-reader.ts';
import { LITERAL_MS } from '#protocols/imap/limits.ts';
import { Connection, peerOf } from '#protocols/net/connection.ts';

const IDLE = 1_000_000;

test('a literal that is waited for has a time of its own to come in; one that came with its command sets none', async () => {
  await using stack = new AsyncDisposableStack();
  const server = createServer().listen(0, '127.0.0.1');
  stack.defer(() => void server.close());
  await once(server, 'listening');
  const client = connect((server.address() as AddressInfo).port, '127.0.0.1');
  stack.defer(() => void client.destroy());
  const [socket] = (await once(server, 'connection')) as [Socket];
  const peer = peerOf(socket, () => false);
  if (peer === undefined) throw new Error('no peer');
  const connection = new Connection(socket, peer, false);
  stack.defer(() => connection.destroy());
  const idle = vi.spyOn(connection, 'idle');
  const reader = new CommandReader(connection, { line: 100, command: 100 }, () => true);
  const taken: string[] = [];
  const literal = async () => {
    using _time = reader.literalTimeout(IDLE);
    await reader.receive((bytes) => void taken.push(bytes.toString('latin1')));
    await reader.rest(() => true);
  };

  client.write('a APPEND x {3+}\r\none\r\n');
  expect(await reader.next()).toMatchObject({ tag: 'a', verb: 'APPEND' });
  while (connection.available < 5) await connection.more();
  await literal();
  expect(idle.mock.calls).toEqual([]);

  client.write('b APPEND x {6}\r\n');
  expect(await reader.next()).toMatchObject({ tag: 'b' });
  const received = literal();
  await once(client, 'data');
  client.write('two');
  await vi.waitFor(() => expect(taken.join('')).toBe('onetwo'), { timeout: 30_000 });
  client.write('six\r\n');
  await received;
  expect(idle.mock.calls).toEqual([
    [LITERAL_MS, true],
    [IDLE, true],
  ]);
  expect(taken.join('')).toBe('onetwosix');
});
