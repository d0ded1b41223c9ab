// domain, account and alias on a data directory that no server uses.

import { existsSync, statSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type TemporaryFolder, temporaryFolder } from '#test/support/folder.ts';
import { posthuis, type RunOptions } from '#test/support/program.ts';

let folder: TemporaryFolder;
beforeEach(async () => {
  folder = await temporaryFolder();
});
afterEach(() => folder[Symbol.asyncDispose]());

const data = () => join(folder.path, 'data');
const run = (words: string, options?: RunOptions) => posthuis(['--data', data(), ...words.split(' ')], options);
const list = async (what: string) => JSON.parse((await run(`${what} list --json`)).stdout) as unknown[];

async function succeeds(words: string, options?: RunOptions): Promise<string> {
  const ran = await run(words, options);
  expect(ran).toMatchObject({ status: 0, stderr: '' });
  return ran.stdout;
}

async function refuses(words: string, message: string | RegExp, options?: RunOptions): Promise<void> {
  const ran = await run(words, options);
  expect(ran.stderr).toMatch(message);
  expect(ran.stderr.trimEnd().split('\n')).toHaveLength(1);
  expect(ran).toMatchObject({ status: 1, stdout: '' });
}

describe('the first command on an empty data directory', () => {
  it('makes it, for its owner alone', async () => {
    expect(await succeeds('domain list')).toBe('DOMAIN  DEFAULT\n');
    expect(existsSync(join(data(), 'directory.db'))).toBe(true);
    expect(statSync(data()).mode & 0o777).toBe(0o700);
  });
});

describe('domain', () => {
  it('has a footer that is set, shown and taken away (F24)', async () => {
    const file = join(folder.path, 'footer.txt');
    await writeFile(file, 'Größe\r\nand more\r\n\r\n');
    await succeeds('domain add x.test');
    await succeeds(`domain footer X.test ${file} ${file}`);
    expect(JSON.parse(await succeeds('domain footer x.test --json'))).toEqual({
      text: 'Größe\nand more',
      html: 'Größe\nand more',
    });
    expect(await succeeds('domain footer x.test none')).toBe('nothing is added to what is sent from x.test\n');
    await writeFile(file, Buffer.from([0xff]));
    await refuses(`domain footer x.test ${file}`, /is not UTF-8/);
    await refuses(`domain footer x.test ${file}.gone`, /can't be read/);
    await refuses('domain footer y.test none', /y\.test/);
  });

  it('adds, lists and removes; the first is the default', async () => {
    await succeeds('domain add One.test');
    await succeeds('domain add two.test');
    expect(await list('domain')).toEqual([
      { name: 'one.test', default: true },
      { name: 'two.test', default: false },
    ]);
    await succeeds('domain remove two.test');
    expect(await list('domain')).toHaveLength(1);
  });

  it('refuses one that is there, one that is not, one that is none, and removing one in use', async () => {
    await succeeds('domain add x.test');
    await refuses('domain add X.TEST', /x\.test/);
    await refuses('domain add no..domain', '"no..domain" is not a domain name');
    await refuses('domain remove other.test', /other\.test/);
    await succeeds('account add anna@x.test');
    await refuses('domain remove x.test', /accounts or aliases in x\.test/);
  });
});

describe('account', () => {
  beforeEach(() => succeeds('domain add x.test'));

  it('adds with the password on standard input, lists, sets quota, removes', async () => {
    const shown = await succeeds('account add Anna@X.test --password-stdin --quota 2GB', {
      input: 'correct horse\r\n',
    });
    expect(shown).not.toContain('horse');
    expect(await list('account')).toEqual([
      {
        id: expect.stringMatching(/^[a-z0-9]{16}$/),
        address: 'anna@x.test',
        enabled: true,
        shared: false,
        quota: 2 * 1024 ** 3,
        bytes: 0,
        messages: 0,
      },
    ]);
    await succeeds('account quota anna@x.test none');
    await succeeds('account set anna@x.test imap-off COMPRESS=DEFLATE');
    expect(await list('account')).toMatchObject([{ quota: null }]);
    await succeeds('account remove anna@x.test');
    expect(await list('account')).toEqual([]);
  });

  it('makes a password up, shows it once, and again a new one', async () => {
    const password = /^password: ([a-z2-9]{5}(?:-[a-z2-9]{5}){3})$/m;
    const first = password.exec(await succeeds('account add anna@x.test'))?.[1];
    const second = password.exec(await succeeds('account password anna@x.test'))?.[1];
    expect(first).toBeDefined();
    expect(second).toBeDefined();
    expect(first).not.toBe(second);
  });

  it.each([
    ['short', '1234567\n', 'the password must have 8 characters or more'],
    ['absent', '', 'the password must have 8 characters or more'],
    ['on the second line', '\nlong enough\n', 'the password must have 8 characters or more'],
    ['with control characters', 'long\tenough\n', 'the password must not have control characters'],
    ['not UTF-8', Buffer.from('long\xffenough\n', 'latin1'), 'the password must be UTF-8'],
    ['endless', 'x'.repeat(100_000), 'the password must have 1024 bytes or fewer'],
  ])('refuses a password that is %s', async (_what, input, message) => {
    await refuses('account add anna@x.test --password-stdin', message, { input });
  });

  it('counts characters of a password, not bytes, and takes no spaces away', async () => {
    await refuses('account add anna@x.test --password-stdin', /8 characters/, { input: 'éééé\n' });
    await succeeds('account add anna@x.test --password-stdin', { input: 'éééééééé\n' });
    await succeeds('account password anna@x.test --password-stdin', { input: '  four  \n' });
  });

  it('refuses a domain that is not there, an address taken, an address that is none, an unknown account', async () => {
    await refuses(
      'account add anna@other.test',
      'other.test is not a domain of this server: posthuis domain add other.test',
    );
    await succeeds('account add anna@x.test');
    await refuses('account add ANNA@x.test', /anna@x\.test/);
    await refuses('account add anna', '"anna" is not an address');
    for (const words of ['password bert@x.test', 'remove bert@x.test', 'quota bert@x.test 1GB']) {
      await refuses(`account ${words}`, 'there is no account bert@x.test');
    }
  });
});

describe('account settings', () => {
  beforeEach(async () => {
    await succeeds('domain add x.test');
    await succeeds('account add anna@x.test');
  });

  it('are set, shown and taken back; some have several values', async () => {
    for (const words of [
      'send-as @X.test',
      'send-as info@x.test',
      'bcc archive@x.test',
      'messages-a-day 10',
      'messages-a-day 20',
    ]) {
      await succeeds(`account set anna@x.test ${words}`);
    }
    const shown = async () => JSON.parse((await run('account settings anna@x.test --json')).stdout) as unknown[];
    expect(await shown()).toEqual([
      { name: 'bcc', value: 'archive@x.test' },
      { name: 'messages-a-day', value: '20' },
      { name: 'send-as', value: '@x.test' },
      { name: 'send-as', value: 'info@x.test' },
    ]);
    await succeeds('account unset anna@x.test send-as @x.test');
    await succeeds('account unset anna@x.test messages-a-day');
    expect(await shown()).toHaveLength(2);
    expect(await succeeds('account unblock anna@x.test')).toBe(
      'anna@x.test may send as much as on a new day, and nothing of it is held\n',
    );
    await succeeds('account remove anna@x.test');
    await succeeds('account add anna@x.test');
    expect(await shown()).toEqual([]);
  });

  it('are refused where they are none, and nobody may send as somebody elsewhere', async () => {
    await refuses('account set anna@x.test send-as ceo@elsewhere.example', 'elsewhere.example is not a domain of ours');
    await refuses('account unset anna@x.test bcc', 'that is not set for anna@x.test');
    for (const words of ['colour red', 'messages-a-day many', 'save-sent perhaps', 'send-as anna', 'bcc @x.test']) {
      expect((await run(`account set anna@x.test ${words}`)).status).toBe(2);
    }
  });
});

describe('alias', () => {
  beforeEach(async () => {
    await succeeds('domain add x.test');
    await succeeds('account add anna@x.test');
  });

  it('adds, lists and removes', async () => {
    await succeeds('alias add Sales@x.test anna@x.test');
    await succeeds('alias add @x.test sales@x.test anna@x.test');
    expect(await list('alias')).toEqual([
      { address: '@x.test', targets: ['sales@x.test', 'anna@x.test'] },
      { address: 'sales@x.test', targets: ['anna@x.test'] },
    ]);
    expect(await succeeds('alias list')).toContain('sales@x.test  anna@x.test\n');
    await succeeds('alias remove @x.test');
    expect(await list('alias')).toHaveLength(1);
  });

  it('refuses one that is an account, a domain that is not there, an unknown one', async () => {
    await refuses('alias add anna@x.test anna@x.test', /anna@x\.test/);
    await refuses('alias add sales@other.test anna@x.test', /other\.test/);
    await refuses('alias remove nobody@x.test', /nobody@x\.test/);
  });
});

describe('dkim', () => {
  it('makes keys, shows their records, changes to others and removes them', async () => {
    await succeeds('domain add example.test');
    const made = await succeeds('dkim add example.test');
    expect(made).toMatch(/^; keys p\d{8} made; they sign from now on/);
    expect(made).toMatch(/^p\d{8}r\._domainkey\.example\.test\. IN TXT \( "v=DKIM1; k=rsa; p=[\w+/]+" "[\w+/=]+" \)$/m);
    expect(made).toMatch(/^p\d{8}e\._domainkey\.example\.test\. IN TXT \( "v=DKIM1; k=ed25519; p=[\w+/]{43}=" \)$/m);
    expect(await succeeds('dkim add example.test')).toMatch(/Once DNS has these records: posthuis dkim use/);
    const keys = JSON.parse((await run('dkim list example.test --json')).stdout) as { set: string; signs: boolean }[];
    const [old, next] = [...new Set(keys.map(({ set }) => set))].sort();
    expect(keys.filter(({ signs }) => signs).map(({ set }) => set)).toEqual([old, old]);
    await succeeds(`dkim use example.test ${next}`);
    await succeeds(`dkim remove example.test ${old}`);
    expect(await succeeds('dkim list example.test')).toMatch(new RegExp(`; ${next}, rsa-sha256, signs`));
    await refuses('dkim add other.test', 'no domain other.test');
    await refuses(`dkim use example.test ${old}`, `has no keys ${old}`);
  });
});
