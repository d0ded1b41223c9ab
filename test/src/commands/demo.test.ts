// demo: what a newcomer sees and types.

import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { temporaryFolder } from '#test/support/folder.ts';
import { posthuis, ROOT, RunningProgram } from '#test/support/program.ts';

/** The ports of the demo may be taken on this machine: free ones instead, as its own message says to choose others. */
const FREE = Object.fromEntries(
  ['SMTP', 'SUBMISSION', 'SUBMISSIONS', 'IMAP', 'IMAPS', 'POP3', 'POP3S', 'HTTP'].map((name) => [
    `POSTHUIS_LISTEN_${name}`,
    '127.0.0.1:0',
  ]),
);
const SEND = /^ {2}(node -e ".*")$/m;

describe('demo', () => {
  it('makes accounts once, shows how to connect, and takes the first message', async () => {
    await using folder = await temporaryFolder();
    const data = join(folder.path, 'data');
    {
      await using demo = new RunningProgram(['demo', '--data', data], { env: { ...FREE, POSTHUIS_THREADS: '1' } });
      const shown = await demo.until(SEND);
      for (const name of ['anna', 'bert']) {
        expect(shown).toMatch(new RegExp(`^ {2}${name}@example\\.test {2}password [a-z2-9-]{23}$`, 'm'));
      }
      for (const row of ['IMAP \\(incoming\\)', 'POP3 \\(incoming\\)', 'SMTP \\(outgoing\\)']) {
        for (const encryption of ['STARTTLS', 'SSL/TLS']) {
          expect(shown).toMatch(new RegExp(`^${row} +127\\.0\\.0\\.1 +\\d+ +${encryption} +anna@example\\.test`, 'm'));
        }
      }
      // Pasted as it stands.
      const sent = spawnSync('sh', ['-c', SEND.exec(shown)?.[1] ?? ''], { cwd: ROOT, encoding: 'utf8' });
      expect(sent).toMatchObject({ status: 0, stdout: expect.stringMatching(/^250 2\.\d\.\d /) });
      const listed = await posthuis(['account', 'list', '--json', '--data', data]);
      expect(JSON.parse(listed.stdout)).toMatchObject([
        { address: 'anna@example.test', messages: 1 },
        { address: 'bert@example.test', messages: 0 },
      ]);
      expect((await posthuis(['alias', 'list', '--data', data])).stdout).toContain('postmaster@example.test');
      expect(await demo.end('SIGINT')).toBe(0);
      expect(demo.stderr).toBe('');
    }
    await using again = new RunningProgram(['demo', '--data', data], { env: { ...FREE, POSTHUIS_THREADS: '1' } });
    const shown = await again.until(SEND);
    expect(shown).toContain('anna@example.test and bert@example.test exist, with the passwords they have.');
    expect(shown).toContain(`npm run -s posthuis -- --data ${data} account password anna@example.test`);
    expect(shown).not.toMatch(/password [a-z2-9]{5}-/);
  });

  it('names a port that is taken and how to choose another', async () => {
    await using folder = await temporaryFolder();
    await using first = new RunningProgram(['demo', '--data', join(folder.path, 'a')], { env: FREE });
    const port = /^IMAP.* (\d+) +STARTTLS/m.exec(await first.until(SEND))?.[1];
    const env = { ...FREE, POSTHUIS_LISTEN_IMAP: `127.0.0.1:${port}` };
    const second = await posthuis(['demo', '--data', join(folder.path, 'b')], { env });
    expect(second).toMatchObject({ status: 1, stdout: '' });
    expect(second.stderr).toMatch(
      new RegExp(`imap can't listen on 127\\.0\\.0\\.1:${port}: .*; to use another port: POSTHUIS_LISTEN_IMAP=127`),
    );
  });

  it('refuses data that is no demo', async () => {
    await using folder = await temporaryFolder();
    await posthuis(['domain', 'add', 'real.test', '--data', folder.path]);
    const ran = await posthuis(['demo', '--data', folder.path], { env: FREE });
    expect(ran).toMatchObject({ status: 1, stdout: '' });
    expect(ran.stderr).toMatch(/is no demo: it has other domains/);
  });
});
