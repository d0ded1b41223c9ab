// posthuis sessions: of every thread of the running server.
import { afterEach, beforeEach, expect, it } from 'vitest';
import { type TemporaryFolder, temporaryFolder } from '#test/support/folder.ts';
import { Installation } from '#test/support/installation.ts';
import { SmtpWire } from '#test/support/wire.ts';

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
