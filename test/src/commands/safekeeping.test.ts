// verify, backup and restore, with a running server and without one.

import { readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ImapFlow } from 'imapflow';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type TemporaryFolder, temporaryFolder } from '#test/support/folder.ts';
import { posthuis, RunningProgram } from '#test/support/program.ts';

let folder: TemporaryFolder;
beforeEach(async () => {
  folder = await temporaryFolder();
  await succeed('domain', 'add', 'x.test');
  for (const name of ['anna', 'bert']) await succeed('account', 'add', `${name}@x.test`, '--password-stdin');
  const from = 'From a@b Thu Jan  1 00:00:00 2015\n';
  const mbox = join(folder.path, 'in.mbox');
  // One small message, and one that is a file of its own.
  writeFileSync(mbox, `${from}Subject: one\n\nsmall\n\n${from}Subject: two\n\n${noise(200_000)}\n`);
  await succeed('import', 'anna@x.test', mbox);
});
afterEach(() => folder[Symbol.asyncDispose]());

/** Text that does not pack well. */
function noise(length: number): string {
  let x = 1;
  let text = '';
  while (text.length < length) {
    x = (x * 48_271) % 2_147_483_647;
    text += x.toString(36);
    if (x % 13 === 0) text += '\n';
  }
  return text;
}

const data = () => join(folder.path, 'data');
const run = (...words: string[]) => posthuis(['--data', data(), ...words], { input: 'long enough\n' });

async function succeed(...words: string[]): Promise<string> {
  const ran = await run(...words);
  expect(ran).toMatchObject({ status: 0, stderr: '' });
  return ran.stdout;
}

function server(): RunningProgram {
  const env = { POSTHUIS_LISTEN_IMAP: '127.0.0.1:0', POSTHUIS_THREADS: '1', POSTHUIS_AUTH_PLAINTEXT: 'true' };
  return new RunningProgram(['--data', data(), 'serve'], { env });
}

/** The subjects in the inbox, as a mail program sees them. */
async function subjects({ stdout }: RunningProgram): Promise<string[]> {
  const port = Number(/^imap .*:(\d+)$/m.exec(stdout)?.[1]);
  const auth = { user: 'anna@x.test', pass: 'long enough' };
  const client = new ImapFlow({ host: '127.0.0.1', port, secure: false, doSTARTTLS: false, auth, logger: false });
  await client.connect();
  await client.mailboxOpen('INBOX');
  const found: string[] = [];
  for await (const { envelope } of client.fetch('1:*', { envelope: true })) found.push(envelope?.subject ?? '');
  await client.logout();
  return found;
}

function blobsOfAnna(): string[] {
  return readdirSync(data(), { recursive: true, encoding: 'utf8' })
    .filter((name) => /\/blobs\/.*[0-9a-f]{64}$/.test(name))
    .map((name) => join(data(), name));
}

describe('verify', () => {
  it('finds nothing in a sound store, and names what is damaged, with a server and without', async () => {
    expect(await succeed('verify')).toBe('nothing found: all is well\n');
    const [blob = ''] = blobsOfAnna();
    rmSync(blob);
    const found = await run('verify');
    expect(found).toMatchObject({ status: 1, stderr: '' });
    expect(found.stdout).toMatch(/^anna@x\.test \(\w{16}\): missing-blob: .+\n$/);
    await using running = server();
    await running.until(/^imap /m);
    expect((await run('verify')).stdout).toBe(found.stdout);
    const json = await run('verify', '--json');
    expect(JSON.parse(json.stdout)).toMatchObject([{ address: 'anna@x.test', code: 'missing-blob' }]);
    expect(json.status).toBe(1);
  });
});

describe('backup and restore', () => {
  it('bring back one account, and everything, under a running server', async () => {
    await using running = server();
    await running.until(/^imap /m);
    const backup = join(folder.path, 'backup');
    expect(await succeed('backup', backup)).toBe(`2 accounts and the directory are in ${backup}\n`);
    expect(await run('backup', backup)).toMatchObject({
      status: 1,
      stdout: '',
      stderr: expect.stringMatching(/is not empty/),
    });

    await succeed('account', 'remove', 'anna@x.test');
    await succeed('restore', backup, 'anna@x.test');
    expect(await subjects(running)).toEqual(['one', 'two']);

    await succeed('account', 'remove', 'bert@x.test');
    await succeed('account', 'add', 'carla@x.test');
    const restored = await run('restore', backup);
    expect(restored).toMatchObject({ status: 0, stdout: '2 accounts and the directory restored\n' });
    expect(restored.stderr).toMatch(/^not in the backup, and set aside: .*\n$/);
    expect(JSON.parse(await succeed('account', 'list', '--json'))).toMatchObject([
      { address: 'anna@x.test', messages: 2 },
      { address: 'bert@x.test', messages: 0 },
    ]);
    expect(await subjects(running)).toEqual(['one', 'two']);
    expect(await succeed('verify')).toBe('nothing found: all is well\n');
  });

  it('move everything to another data directory, without a server', async () => {
    const backup = join(folder.path, 'backup');
    await succeed('backup', backup);
    const other = join(folder.path, 'other');
    expect(await posthuis(['restore', backup, '--data', other])).toMatchObject({ status: 0 });
    const listed = await posthuis(['account', 'list', '--json', '--data', other]);
    expect(JSON.parse(listed.stdout)).toMatchObject([{ messages: 2 }, { messages: 0 }]);
    expect(await posthuis(['verify', '--data', other])).toMatchObject({ status: 0 });
  });

  it('refuse a backup that is none, an account it does not have, and wrong words', async () => {
    const refused = async (...words: string[]) => {
      const { status, stderr } = await run(...words);
      return `${status} ${stderr.split('\n')[0]}`;
    };
    const backup = join(folder.path, 'backup');
    await succeed('backup', backup);
    expect(await refused('restore', join(folder.path, 'none'))).toMatch(/^1 posthuis: no whole backup/);
    expect(await refused('restore', backup, 'nobody@x.test')).toMatch(/^1 posthuis: .*nobody@x\.test/);
    expect(await refused('restore', backup, 'nobody')).toMatch(/^1 posthuis: "nobody" is not an address/);
    expect(await refused('restore')).toBe('2 posthuis: DIR is missing');
    expect(await refused('restore', 'a', 'b', 'c')).toBe('2 posthuis: what is "c"?');
    expect(await refused('backup')).toBe('2 posthuis: DIR is missing');
  });
});
