// posthuis sessions: of every thread of the running server.
import { connect as tlsConnect } from 'node:tls';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { type TemporaryFolder, temporaryFolder } from '#test/support/folder.ts';
import { Installation } from '#test/support/installation.ts';
import { until } from '#test/support/outbound.ts';
import { SmtpWire, Wire } from '#test/support/wire.ts';

let folder: TemporaryFolder;
beforeEach(async () => {
  folder = await temporaryFolder();
});
afterEach(() => folder[Symbol.asyncDispose]());

it('shows the last dialogues of an address with what went wrong, and refuses where no server runs', async () => {
  const program = new Installation({ folder: folder.path, threads: 2, listen: { smtp: 0, submission: 0 } });
  await program.populate(['anna'], 'correct horse');
  expect(await program.run(['sessions', '127.0.0.1'])).toMatchObject({
    status: 1,
    stderr: 'posthuis: no server runs, so there are no sessions\n',
  });
  const server = await program.serve();
  try {
    for (let i = 0; i < 6; i++) {
      const client = await SmtpWire.open(server.port('smtp'));
      await client.command('EHLO office.example');
      await client.command(`AUTH PLAIN ${i}`);
      await client.command('QUIT');
      await client.wire.closed();
    }
    const { stdout } = await program.run(['sessions', '127.0.0.1']);
    expect(stdout.match(/smtp 127\.0\.0\.1, not encrypted/g)?.length).toBeGreaterThan(4); // five of each thread
    expect(stdout).toContain('  C: AUTH PLAIN ***\n  S: 502 5.5.1 AUTH is not available on this port');
    expect(stdout).toContain(
      '  => The program hands in mail on the port for other servers: set it to port 587 or 465.',
    );
    const json = JSON.parse((await program.run(['sessions', '127.0.0.1', '--json'])).stdout) as unknown[];
    expect(json[0]).toMatchObject({ listener: 'smtp', address: '127.0.0.1', login: null });
    expect((await program.run(['sessions', 'nobody@example.test'])).stdout).toBe(
      'no session of nobody@example.test since the server started\n',
    );
  } finally {
    await server.stop();
  }
});

it('explains the common mistakes of mail programs in plain words', async () => {
  const program = new Installation({
    ...{
      folder: folder.path,
      listen: { smtp: 0, submission: 0, submissions: 0 },
      plaintext: false,
      messageSize: '2KB',
    },
  });
  await program.populate(['anna'], 'correct horse');
  const server = await program.serve();
  const plain = (user: string, password = 'correct horse') => Buffer.from(`\0${user}\0${password}`).toString('base64');
  const explained = async (work: () => Promise<void>): Promise<string[]> => {
    const hints = async () => [...(await program.ok(['sessions', '127.0.0.1'])).matchAll(/^ {2}=> (.*)$/gm)];
    await work();
    const found = (await hints()).map(([, hint = '']) => hint);
    return found.slice(-1);
  };
  const loggedIn = async (user: string, ...lines: string[]) => {
    const client = await SmtpWire.open(server.port('submission'));
    await client.command('EHLO office');
    await client.startTls();
    await client.command('EHLO office');
    await client.command(`AUTH PLAIN ${plain(user)}`);
    for (const line of lines) await client.command(line);
    await client.command('QUIT');
    await client.wire.closed();
  };
  try {
    expect(
      await explained(async () => {
        const client = await SmtpWire.open(server.port('submission'));
        await client.command('EHLO office');
        await client.command(`AUTH PLAIN ${plain('anna@example.test')}`);
        await client.command('QUIT');
        await client.wire.closed();
      }),
    ).toEqual([expect.stringContaining('does not encrypt the connection')]);
    expect(
      await explained(async () => {
        const wire = await Wire.open(server.port('submissions'));
        wire.send('EHLO office\r\n');
        await wire.closed();
      }),
    ).toEqual([expect.stringContaining('on a port that begins with TLS')]);
    expect(
      await explained(async () => {
        // As a TLS library does it: it takes the greeting for an answer that makes no sense, and goes.
        const socket = tlsConnect({ host: '127.0.0.1', port: server.port('smtp'), rejectUnauthorized: false });
        await new Promise((resolve) => socket.once('error', resolve));
        socket.destroy();
        await until(async () => (await program.ok(['sessions', '127.0.0.1'])).includes('(a TLS handshake)'));
      }),
    ).toEqual([expect.stringContaining('begins with TLS on a port that begins without')]);
    expect(await explained(() => loggedIn('anna@example.test', 'MAIL FROM:<boss@example.test>'))).toEqual([
      expect.stringContaining('The From address does not belong to this login'),
    ]);
    expect(await explained(() => loggedIn('anna@example.test', 'MAIL FROM:<anna@example.test> SIZE=5000'))).toEqual([
      expect.stringContaining('The message is larger'),
    ]);
    expect(await explained(() => loggedIn('anna.other'))).toEqual([
      expect.stringContaining('the user name is the whole e-mail address'),
    ]);
  } finally {
    await server.stop();
  }
});
