// The command line: what is wrong usage (2), what is refused (1), and where each is told.

import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { COMMANDS } from '#src/commands/table.ts';
import { temporaryFolder } from '#test/support/folder.ts';
import { posthuis, ROOT } from '#test/support/program.ts';

describe('wrong usage', () => {
  it.each([
    ['no command', [], 'posthuis: which command?'],
    ['an unknown command', ['fly'], 'posthuis: "fly" is no command'],
    ['help for what is no command', ['help', 'fly'], 'posthuis: "fly" is no command'],
    ['half a command', ['account'], 'posthuis: which of these: account add, account list'],
    ['an unknown option', ['--fly', 'version'], "posthuis: Unknown option '--fly'"],
    ['an option of another command', ['domain', 'add', 'x.test', '--json'], 'posthuis: domain add takes no --json'],
    ['an option without its value', ['version', '--data'], "posthuis: Option '--data <value>' argument missing"],
    ['a missing word', ['domain', 'add'], 'posthuis: DOMAIN is missing'],
    ['a word too many', ['version', 'now'], 'posthuis: what is "now"?'],
    ['an alias without a target', ['alias', 'add', 'a@x.test'], 'posthuis: TARGET is missing'],
    ['a size that is none', ['account', 'quota', 'a@x.test', 'big'], 'posthuis: SIZE: expected a size such as "50MB"'],
    ['a format that is none', ['export', 'a@x.test', 'b', '--format', 'pst'], 'posthuis: FORMAT: expected one of mbox'],
  ])('is %s: exit status 2, told on standard error', async (_what, words, message) => {
    await using folder = await temporaryFolder();
    const ran = await posthuis(words, { cwd: folder.path });
    expect(ran.stderr.split('\n')[0]).toContain(message);
    expect(ran).toMatchObject({ status: 2, stdout: '' });
    expect(existsSync(join(folder.path, 'data'))).toBe(false);
  });
});

describe('help', () => {
  it('names every command', async () => {
    const { status, stdout, stderr } = await posthuis(['--help']);
    for (const name of Object.keys(COMMANDS)) expect(stdout).toContain(`  ${name}`);
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  });

  it('of one command names its words and options', async () => {
    for (const words of [
      ['account', 'add', '--help'],
      ['help', 'account', 'add'],
      ['-h', 'account', 'add'],
    ]) {
      const { status, stdout } = await posthuis(words);
      expect(stdout).toContain('usage: posthuis account add ADDRESS [--password-stdin] [--shared] [--quota SIZE]');
      expect(status).toBe(0);
    }
  });
});

describe('--json', () => {
  it('is taken by every command that lists or shows something', () => {
    const listing = Object.keys(COMMANDS).filter((name) =>
      /( (list|show|devices|settings)|^(check|sessions|verify))$/.test(name),
    );
    expect(listing.length).toBeGreaterThan(12);
    expect(listing.filter((name) => COMMANDS[name]?.options.includes('json') !== true)).toEqual([]);
  });

  it('on an empty data directory is an empty list, and what was made', async () => {
    await using folder = await temporaryFolder();
    for (const words of ['domain list', 'account list', 'alias list', 'group list', 'queue list', 'route list']) {
      const ran = await posthuis([...words.split(' '), '--json'], { cwd: folder.path });
      expect(ran).toEqual({ status: 0, stdout: '[]\n', stderr: '' });
    }
    expect(existsSync(join(folder.path, 'data', 'directory.db'))).toBe(true);
  });
});

describe('the program', () => {
  it('tells its version', async () => {
    const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { version: string };
    const expected = { status: 0, stdout: `posthuis ${version}\n`, stderr: '' };
    expect(await posthuis(['version'])).toEqual(expected);
    expect(await posthuis(['--version'])).toEqual(expected);
  });

  it('is the same by src/main.ts', async () => {
    const run = (...words: string[]) => spawnSync(process.execPath, ['src/main.ts', ...words], { cwd: ROOT });
    expect(run('version').stdout.toString()).toBe((await posthuis(['version'])).stdout);
    expect(run('fly').status).toBe(2);
  });

  it('takes options before and after the command', async () => {
    await using folder = await temporaryFolder();
    const data = join(folder.path, 'data');
    expect((await posthuis(['--data', data, 'domain', 'add', 'x.test'])).status).toBe(0);
    const { stdout } = await posthuis(['domain', '--json', 'list', '--data', data]);
    expect(JSON.parse(stdout)).toEqual([{ name: 'x.test', default: true }]);
  });

  it('finds its data directory by --data, the environment and the configuration file', async () => {
    await using folder = await temporaryFolder();
    const config = join(folder.path, 'mail.toml');
    writeFileSync(config, 'data = "from-file"');
    const made = (name: string) => existsSync(join(folder.path, name, 'directory.db'));
    expect((await posthuis(['--config', config, 'domain', 'list'])).status).toBe(0);
    expect(made('from-file')).toBe(true);
    await posthuis(['--config', config, 'domain', 'list'], { env: { POSTHUIS_DATA: 'from-variable' } });
    expect(made('from-variable')).toBe(true);
    await posthuis(['domain', 'list', '--data', 'from-option'], { cwd: folder.path });
    expect(made('from-option')).toBe(true);
  });

  it('refuses a wrong configuration with every fault on a line', async () => {
    await using folder = await temporaryFolder();
    writeFileSync(join(folder.path, 'posthuis.toml'), 'hostnme = "x"\n[log]\nlevel = "loud"\n');
    const ran = await posthuis(['domain', 'list'], { cwd: folder.path, env: { POSTHUIS_THREADS: 'all' } });
    const lines = ran.stderr.trimEnd().split('\n');
    expect(ran).toMatchObject({ status: 1, stdout: '' });
    expect(lines).toHaveLength(3);
    for (const line of lines) expect(line).toMatch(/^posthuis: .*: expected|: unknown key; expected/);
    expect((await posthuis(['domain', 'list', '--config', 'none.toml'])).status).toBe(1);
  });
});
