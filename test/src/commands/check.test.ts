// check: what it finds, without changing anything.

import { randomBytes } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { makeCertificate } from '#test/support/certificate.ts';
import { type TemporaryFolder, temporaryFolder } from '#test/support/folder.ts';
import { posthuis } from '#test/support/program.ts';

let folder: TemporaryFolder;
beforeEach(async () => {
  folder = await temporaryFolder();
});
afterEach(() => folder[Symbol.asyncDispose]());

async function check(toml: string): Promise<{ status: number | null; lines: string[] }> {
  writeFileSync(join(folder.path, 'posthuis.toml'), toml);
  const { status, stdout, stderr } = await posthuis(['check', '--config', join(folder.path, 'posthuis.toml')]);
  expect(stderr).toBe('');
  return { status, lines: stdout.trimEnd().split('\n') };
}

const GOOD = 'hostname = "mail.example.test"\n[listen]\nimap = ["127.0.0.1:0"]\n';

describe('check', () => {
  it('finds nothing where all is well, and makes nothing', async () => {
    expect(await check(GOOD)).toEqual({ status: 0, lines: ['nothing found: all is well'] });
    expect(existsSync(join(folder.path, 'data'))).toBe(false);
  });

  it('tells what it finds as JSON too', async () => {
    writeFileSync(join(folder.path, 'posthuis.toml'), 'threads = -1\n');
    const { status, stdout } = await posthuis(['check', '--json'], { cwd: folder.path });
    expect(status).toBe(1);
    expect(JSON.parse(stdout)).toEqual([{ level: 'error', what: expect.stringMatching(/posthuis\.toml: threads: /) }]);
    writeFileSync(join(folder.path, 'posthuis.toml'), GOOD);
    expect((await posthuis(['check', '--json'], { cwd: folder.path })).stdout).toBe('[]\n');
  });

  it('finds every fault of the configuration', async () => {
    const { status, lines } = await check('hostnme = "x"\nthreads = -1\n');
    expect(status).toBe(1);
    expect(lines).toHaveLength(2);
    for (const line of lines)
      expect(line).toMatch(/^error: .*posthuis\.toml: (hostnme: unknown key|threads: expected)/);
  });

  it('warns of a short name, no listener, an open http and no certificate', async () => {
    expect(await check('hostname = "mail"')).toEqual({
      status: 0,
      lines: [
        'warning: hostname "mail" is not a full name such as mail.example.org',
        'warning: no listener is configured: serve would listen nowhere',
      ],
    });
    const { lines } = await check('hostname = "mail.example.test"\n[listen]\nhttp = ["0.0.0.0:0"]');
    expect(lines.join('\n')).toMatch(/listen\.http is open to the network.*\n.*no certificate is configured/);
  });

  it('finds certificates that are not there, are not for their key, or not for the hostname', async () => {
    const { certificate, key } = await makeCertificate(['other.example.test']);
    const stranger = await makeCertificate(['mail.example.test']);
    const put = (name: string, text: string) => {
      writeFileSync(join(folder.path, name), text);
      chmodSync(join(folder.path, name), 0o600);
    };
    put('cert.pem', certificate);
    put('key.pem', key);
    put('stranger.pem', stranger.key);
    const pair = (c: string, k: string) => `${GOOD}[[tls.certificates]]\ncertificate = "${c}"\nkey = "${k}"\n`;
    const named = await check(pair('cert.pem', 'key.pem'));
    expect(named).toEqual({
      status: 0,
      lines: ['warning: no certificate is for mail.example.test, only for other.example.test'],
    });
    expect(await check(pair('cert.pem', 'stranger.pem'))).toMatchObject({
      status: 1,
      lines: [expect.stringMatching(/^error: .*cert\.pem/)],
    });
    expect(await check(pair('none.pem', 'key.pem'))).toMatchObject({
      status: 1,
      lines: [expect.stringMatching(/^error: .*ENOENT/)],
    });
    chmodSync(join(folder.path, 'key.pem'), 0o644);
    expect((await check(pair('cert.pem', 'key.pem'))).lines[0]).toMatch(/key\.pem can be read by other users/);
  });

  it('finds a port that is taken', async () => {
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    const { port } = other.address() as { port: number };
    const { status, lines } = await check(GOOD.replace(':0', `:${port}`));
    other.close();
    expect({ status, lines }).toEqual({
      status: 1,
      lines: [expect.stringMatching(/^error: listen\.imap: .*EADDRINUSE/)],
    });
  });

  it('finds a data directory that is none, or is open to others', async () => {
    writeFileSync(join(folder.path, 'data'), '');
    expect(await check(GOOD)).toMatchObject({ status: 1, lines: [expect.stringMatching(/is not a directory/)] });
    mkdirSync(join(folder.path, 'open'), { mode: 0o755 });
    chmodSync(join(folder.path, 'open'), 0o755);
    expect(await check(`data = "open"\n${GOOD}`)).toMatchObject({
      status: 0,
      lines: [expect.stringMatching(/^warning: .*chmod 700/)],
    });
  });

  it('finds that nobody gets mail for postmaster and abuse', async () => {
    const run = (...words: string[]) => posthuis(['--data', join(folder.path, 'data'), ...words]);
    await run('domain', 'list');
    expect(await check(GOOD)).toMatchObject({
      status: 0,
      lines: [expect.stringMatching(/^warning: there is no domain yet/)],
    });
    await run('domain', 'add', 'x.test');
    const { status, lines } = await check(GOOD);
    expect(status).toBe(1);
    expect(lines).toEqual([
      ...['postmaster', 'abuse'].map((name) => expect.stringContaining(`error: nobody gets mail for ${name}@x.test`)),
      'warning: mail of x.test leaves unsigned: posthuis dkim add x.test',
    ]);
    await run('account', 'add', 'anna@x.test');
    for (const name of ['postmaster', 'abuse']) await run('alias', 'add', `${name}@x.test`, 'anna@x.test');
    await run('dkim', 'add', 'x.test');
    expect(await check(GOOD)).toEqual({ status: 0, lines: ['nothing found: all is well'] });
    // A restore without the key that secrets are sealed with.
    writeFileSync(join(folder.path, 'data', 'secret.key'), randomBytes(32));
    expect(await check(GOOD)).toEqual({
      ...{ status: 1, lines: [expect.stringMatching(/^error: mail of x\.test can't be signed, and waits/)] },
    });
  });
});
