// What we rely on inside the pinned smtp-server: each override is still called, and still keeps out what it is there to
// keep out. When the package is raised and one of these fails, the override has lost its purpose or its hook.
import { once } from 'node:events';
import { createServer } from 'node:net';
import { expect, test, vi } from 'vitest';
import { Connection } from '#protocols/smtp/connection.ts';
import { Input } from '#protocols/smtp/input.ts';
import { SMTPConnection, SMTPServer, SMTPStream } from '#protocols/smtp/package.ts';
import { SmtpServer } from '#protocols/smtp/server.ts';
import { startSmtp } from '#test/support/smtp-server.ts';
import { SmtpWire } from '#test/support/wire.ts';

test.each([
  [Connection, SMTPConnection, ['init', 'close', '_createParser', '_onClose', '_onError', '_onTimeout']],
  [Input, SMTPStream, ['_write', '_flushData']],
  [SmtpServer, SMTPServer, ['updateSecureContext', '_resolveSNI']],
])('%o overrides what its parent has', (ours, theirs, names) => {
  for (const name of names) {
    expect([name, Object.hasOwn(ours.prototype, name), Object.hasOwn(theirs.prototype, name)]).toEqual([
      name,
      true,
      true,
    ]);
  }
});

test('what is called but not overridden is still there', () => {
  for (const name of ['upgrade', '_setListeners', '_armTimeout', '_whenWritable']) {
    expect([name, Object.hasOwn(SMTPConnection.prototype, name)]).toEqual([name, true]);
  }
});

test('init: the greeting needs no timer and no look-up of names', async () => {
  await using smtp = await startSmtp();
  vi.useFakeTimers({ toFake: ['setTimeout'] });
  try {
    (await SmtpWire.open(smtp.mx)).wire.destroy();
  } finally {
    vi.useRealTimers();
  }
});

test('_createParser: not one command of smtp-server is within reach, and no line becomes one at the end', async () => {
  const theirs = vi.spyOn(SMTPConnection.prototype, '_onCommand');
  await using smtp = await startSmtp();
  const client = await SmtpWire.open(smtp.mx);
  for (const verb of ['WIZ', 'SHELL', 'KILL', 'XCLIENT', 'XFORWARD', 'LHLO']) {
    expect((await client.command(verb)).code).toBe(500);
  }
  client.wire.socket.end('QUIT'); // cut, no line
  await client.wire.closed();
  expect(theirs).not.toHaveBeenCalled();
  theirs.mockRestore();
});

test('updateSecureContext: the public test key of smtp-server is nowhere', async () => {
  const theirs = vi.spyOn(SMTPServer.prototype, 'updateSecureContext');
  await using smtp = await startSmtp();
  const client = await SmtpWire.open(smtp.mx);
  await client.startTls();
  expect(theirs).not.toHaveBeenCalled();
  theirs.mockRestore();
});

test('_onError: a lost connection is no event that ends the process', async () => {
  await using smtp = await startSmtp();
  for (let i = 0; i < 5; i++) {
    const client = await SmtpWire.open(smtp.mx);
    await client.command('EHLO peer.example');
    await client.command('MAIL FROM:<a@peer.example>'); // inside a transaction smtp-server reports it as an error
    client.wire.socket.resetAndDestroy();
  }
  await expect.poll(() => smtp.servers.mx.connections).toBe(0);
});

test('a socket that is gone before it is taken is no connection', async () => {
  await using smtp = await startSmtp();
  const listening = createServer((socket) => {
    socket.destroy();
    smtp.servers.mx.accept(socket, false);
  });
  listening.listen(0, '127.0.0.1');
  await once(listening, 'listening');
  const address = listening.address();
  await expect(SmtpWire.open(typeof address === 'object' ? (address?.port ?? 0) : 0)).rejects.toThrow();
  expect(smtp.servers.mx.connections).toBe(0);
  listening.close();
});

test('a fault of the program while it reads ends the connection, not the process', async () => {
  await using smtp = await startSmtp();
  const client = await SmtpWire.open(smtp.mx);
  const faulty = vi.spyOn(Connection.prototype, 'answer').mockRejectedValueOnce(new Error('a fault'));
  client.wire.send('NOOP\r\n');
  await client.wire.closed();
  faulty.mockRestore();
  expect((await (await SmtpWire.open(smtp.mx)).command('NOOP')).code).toBe(250);
});
