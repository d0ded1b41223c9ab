// The MUSTs of RFC 5802, RFC 7677 (SCRAM-SHA-256) and RFC 9266 (tls-exporter) as IMAP carries them, each by its section.
import { expect, test } from 'vitest';
import { PASSWORD, startImap } from '#test/support/imap-server.ts';
import { bindingOf, ScramClient } from '#test/support/scram-client.ts';
import type { ImapWire } from '#test/support/wire.ts';

const base64 = (text: string) => Buffer.from(text).toString('base64');
const plain = (text: string) => Buffer.from(text.slice(2), 'base64').toString('utf8');

/** The server's first message. */
async function challenged(client: ImapWire, mechanism: string, scram: ScramClient): Promise<string> {
  client.wire.send(`a AUTHENTICATE ${mechanism} ${base64(scram.first())}\r\n`);
  return plain((await client.response()).text);
}

test('RFC 5802 5.1: the nonce begins with the client\u2019s, and goes on with one of the server, new each time', async () => {
  await using imap = await startImap();
  const nonces = new Set<string>();
  for (let times = 0; times < 3; times++) {
    const scram = new ScramClient({ user: 'anna', password: PASSWORD, nonce: 'fyko' });
    const [, nonce = ''] =
      /^r=(fyko[^,]+),s=[^,]+,i=\d+$/.exec(await challenged(await imap.connect(), 'SCRAM-SHA-256', scram)) ?? [];
    nonces.add(nonce);
  }
  expect(nonces.size).toBe(3);
});

test('RFC 7677 4: at least 4,096 iterations', async () => {
  await using imap = await startImap();
  const scram = new ScramClient({ user: 'anna', password: PASSWORD });
  const count = /i=(\d+)$/.exec(await challenged(await imap.connect(), 'SCRAM-SHA-256', scram))?.[1];
  expect(Number(count)).toBeGreaterThanOrEqual(4_096);
});

test('RFC 5802 6: a client that says it could bind, where the server can, is refused', async () => {
  await using imap = await startImap();
  const client = await imap.connect({ secure: true });
  expect((await client.command(`AUTHENTICATE SCRAM-SHA-256 ${base64('y,,n=anna,r=abc')}`)).status).toBe('BAD');
});

test('RFC 9266 4: tls-exporter binds to this connection under TLS 1.3', async () => {
  await using imap = await startImap();
  (await imap.login()).wire.destroy();
  const client = await imap.connect({ secure: true });
  const binding = bindingOf(client.wire.socket, 'tls-exporter');
  const scram = new ScramClient({ user: 'anna', password: PASSWORD, header: 'p=tls-exporter,,', binding });
  client.wire.send(`${base64(scram.final(await challenged(client, 'SCRAM-SHA-256-PLUS', scram)))}\r\n`);
  expect(scram.verifies(plain((await client.response()).text))).toBe(true);
  client.wire.send('\r\n');
  expect((await client.result('a')).status).toBe('OK');
});
