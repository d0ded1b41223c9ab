// curl speaks smtps, imaps and pop3s in one go: what is sent is listed, read, appended to and deleted.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { client, list, message, PASSWORD, run, type Server, startServer, succeeded } from './tool.ts';

/** curl's exit status for a refused login. */
const NO_LOGIN = 67;

client('curl', () => {
  test('sends by smtps, reads by imaps and pop3s, appends and deletes', async () => {
    await using server = await startServer();
    const file = join(server.folder, 'message.eml');
    const text = message('sent by curl', 'over smtps\r\n.\r\n..\r\nthe end\r\n').replace(
      'peer@peer.test',
      'bert@example.test',
    );
    writeFileSync(file, text);

    const envelope = ['--mail-from', 'bert@example.test', '--mail-rcpt', 'anna@example.test', '-T', file];
    expect(
      await curl(server, 'bert', `smtps://localhost:${server.running.port('submissions')}`, ...envelope),
    ).toMatchObject({
      status: 0,
    });
    expect((await list(server, 'INBOX')).map(({ subject }) => subject)).toEqual(['sent by curl']);

    const imaps = `imaps://localhost:${server.running.port('imaps')}`;
    const listed = await curl(server, 'anna', `${imaps}/`);
    expect(listed).toMatchObject({ status: 0, output: expect.stringMatching(/\\Sent.*"?Sent"?\r\n/) });
    const read = await curl(server, 'anna', `${imaps}/INBOX;MAILINDEX=1`);
    expect(read.status).toBe(0);
    expect(read.output.endsWith(text)).toBe(true);
    succeeded(await curl(server, 'anna', `${imaps}/Archive`, '-T', file));
    const appended = await curl(server, 'anna', `${imaps}/Archive;UID=1`);
    expect(appended).toEqual({ status: 0, output: text });
    const flag = await curl(server, 'anna', `${imaps}/Archive`, '-X', 'STORE 1 +FLAGS (\\Flagged)');
    succeeded(flag);
    expect((await list(server, 'Archive')).map(({ flags }) => flags)).toEqual([expect.stringContaining('\\Flagged')]);

    const pop3s = `pop3s://localhost:${server.running.port('pop3s')}`;
    expect(await curl(server, 'anna', `${pop3s}/`)).toMatchObject({
      status: 0,
      output: expect.stringMatching(/^1 \d+\r\n$/),
    });
    const retrieved = await curl(server, 'anna', `${pop3s}/1`);
    expect(retrieved.status).toBe(0);
    expect(retrieved.output.endsWith(text)).toBe(true);
    succeeded(await curl(server, 'anna', `${pop3s}/1`, '-X', 'DELE', '-l'));
    expect(await list(server, 'INBOX')).toEqual([]);
    expect((await list(server, 'Trash')).map(({ subject }) => subject)).toEqual(['sent by curl']);
  });

  test('is told of a wrong password by each protocol', async () => {
    await using server = await startServer();
    for (const [scheme, port] of [
      ['imaps', 'imaps'],
      ['pop3s', 'pop3s'],
    ] as const) {
      const url = `${scheme}://localhost:${server.running.port(port)}/`;
      const outcome = await run('curl', ['-sS', '--cacert', server.certificate, '-u', 'anna@example.test:wrong', url], {
        home: server.folder,
        input: '',
      });
      expect(outcome, scheme).toMatchObject({ status: NO_LOGIN });
    }
  });
});

function curl(server: Server, user: string, url: string, ...args: string[]) {
  const login = `${user}@example.test:${PASSWORD}`;
  return run('curl', ['-sS', '--cacert', server.certificate, '-u', login, ...args, url], {
    home: server.folder,
    input: '',
  });
}
