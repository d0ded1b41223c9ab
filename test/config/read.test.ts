// The settings: defaults, file, environment; every fault names its place, its key and what was expected.

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { KEYS, keyName, variableName } from '#config/keys.ts';
import { ConfigError, type ReadOptions, readConfig } from '#config/read.ts';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'posthuis-config-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

function read(toml: string, environment: Record<string, string> = {}, options: ReadOptions = {}) {
  const file = join(folder, 'posthuis.toml');
  writeFileSync(file, toml);
  return readConfig({ file, environment, workingDirectory: '/somewhere', ...options }).config;
}

function problems(toml: string, environment: Record<string, string> = {}): readonly string[] {
  try {
    read(toml, environment);
  } catch (error) {
    if (error instanceof ConfigError) return error.problems.map((problem) => problem.replaceAll(folder, 'DIR'));
    throw error;
  }
  return [];
}

/** What an empty variable makes of a key: an empty list of one that is a list. */
function whenEmpty(key: (typeof KEYS)[number]): unknown {
  return key.parse(key.fromText(''));
}

const defaults = () => readConfig({ search: false, environment: {}, workingDirectory: folder }).config;

describe('the example file', () => {
  const example = readFileSync(join(import.meta.dirname, '../../config/posthuis.example.toml'), 'utf8');

  it('equals the defaults', () => {
    expect(read(example)).toEqual(defaults());
  });

  it('names every key, and what it shows in comments is right too', () => {
    for (const key of KEYS) expect(example).toMatch(new RegExp(`^(# )?(\\[*)(${key.name}|${keyName(key)})\\b`, 'm'));
    const publicServer = example
      .replaceAll(/^# (hostname = |\[\[tls|certificate = |key = )/gm, '$1')
      .replaceAll(/^(smtp|submission|submissions|imap|imaps|pop3|pop3s|http) = \[\].*$/gm, '')
      .replace(/((?:^# {3}\w+ = .*\n)+)(\[listen\]\n)/m, (_all, lines: string, head: string) =>
        [head, lines.replaceAll(/^# {3}/gm, '')].join(''),
      );
    const config = read(publicServer);
    expect(config.listen.imap).toEqual([
      { host: '0.0.0.0', port: 143 },
      { host: '::', port: 143 },
    ]);
    expect(config.tls.certificates).toHaveLength(1);
  });
});

describe('a setting', () => {
  it('has the documented default when nothing sets it', () => {
    const config = defaults();
    expect(config.data).toBe(join(folder, 'data'));
    expect(config.limits).toEqual({ messageSize: 50 * 1024 * 1024, trustedNetworks: ['127.0.0.0/8', '::1'] });
    expect(config.storage).toEqual({ retentionDays: 14, handles: 200 });
    expect(config.search).toEqual({ index: true, indexAfter: 15 });
    expect(config.threads).toBeGreaterThanOrEqual(1);
    expect(config.threads).toBeLessThanOrEqual(4);
    expect(Object.values(config.listen).flat()).toEqual([]);
  });

  it('comes from the file, with relative paths from its folder', () => {
    const config = read(`
      hostname = "Mail.Example.Test"
      data = "../mail"
      threads = 3
      [listen]
      imap = ["127.0.0.1:0", "[::1]:1143", "localhost:143"]
      [[tls.certificates]]
      certificate = "cert.pem"
      key = "/keys/key.pem"
      [auth]
      plaintext = true
      [imap]
      literals = "minus"
      disable = ["compress=deflate", "IDLE"]
      [limits]
      message_size = 1048576
      trusted_networks = []
      [storage]
      retention_days = 0
      handles = 7
      [search]
      index = false
      index_after = 60
      [log]
      level = "silent"
    `);
    expect(config).toMatchObject({
      hostname: 'mail.example.test',
      data: join(folder, '../mail'),
      threads: 3,
      tls: { certificates: [{ certificate: join(folder, 'cert.pem'), key: '/keys/key.pem' }] },
      auth: { plaintext: true },
      imap: { literals: 'minus', disable: ['COMPRESS=DEFLATE', 'IDLE'] },
      limits: { messageSize: 1_048_576, trustedNetworks: [] },
      storage: { retentionDays: 0, handles: 7 },
      search: { index: false, indexAfter: 60 },
      log: { level: 'silent' },
    });
    expect(config.listen.imap).toEqual([
      { host: '127.0.0.1', port: 0 },
      { host: '::1', port: 1143 },
      { host: 'localhost', port: 143 },
    ]);
  });

  it('is overridden by its environment variable, lists by comma', () => {
    const config = read('hostname = "a.test"\n[listen]\nimap = ["0.0.0.0:143"]\n[auth]\nplaintext = false', {
      POSTHUIS_HOSTNAME: 'b.test',
      POSTHUIS_THREADS: '2',
      POSTHUIS_LISTEN_IMAP: '127.0.0.1:0, [::1]:0',
      POSTHUIS_LISTEN_POP3: '',
      POSTHUIS_LIMITS_TRUSTED_NETWORKS: '10.0.0.0/8,fd00::/8,192.0.2.1',
      POSTHUIS_LIMITS_MESSAGE_SIZE: '1.5 mb',
      POSTHUIS_AUTH_PLAINTEXT: 'true',
      POSTHUIS_STORAGE_RETENTION_DAYS: '30',
      POSTHUIS_TLS_CERTIFICATES: 'a.pem:a.key,/b.pem:/b.key',
      PATH: '/bin',
    });
    expect(config.hostname).toBe('b.test');
    expect(config.threads).toBe(2);
    expect(config.listen.imap).toHaveLength(2);
    expect(config.limits).toEqual({
      messageSize: 1.5 * 1024 * 1024,
      trustedNetworks: ['10.0.0.0/8', 'fd00::/8', '192.0.2.1'],
    });
    expect(config.auth.plaintext).toBe(true);
    expect(config.storage.retentionDays).toBe(30);
    expect(config.tls.certificates[0]).toEqual({ certificate: join(folder, 'a.pem'), key: join(folder, 'a.key') });
    expect(config.tls.certificates[1]).toEqual({ certificate: '/b.pem', key: '/b.key' });
  });

  it('has a variable of its own', () => {
    expect(KEYS.map(variableName)).toContain('POSTHUIS_LIMITS_TRUSTED_NETWORKS');
    expect(new Set(KEYS.map(variableName)).size).toBe(KEYS.length);
  });

  it('takes the data directory of --data before all else, from the working directory', () => {
    expect(read('data = "x"', { POSTHUIS_DATA: 'y' }, { data: 'z' }).data).toBe('/somewhere/z');
  });

  it('takes the file of POSTHUIS_CONFIG, else ./posthuis.toml', () => {
    writeFileSync(join(folder, 'posthuis.toml'), 'threads = 5');
    writeFileSync(join(folder, 'other.toml'), 'threads = 6');
    const from = (environment: Record<string, string>) => readConfig({ environment, workingDirectory: folder });
    expect(from({}).config.threads).toBe(5);
    expect(from({ POSTHUIS_CONFIG: 'other.toml' })).toMatchObject({
      config: { threads: 6 },
      file: join(folder, 'other.toml'),
    });
  });

  it.each([
    ['1', 1024, undefined],
    ['1KB', 1024, 1024],
    ['2 GB', 1024, undefined],
    ['1.9GB', 1024, Math.round(1.9 * 1024 ** 3)],
  ])('reads the size %s', (size, _least, bytes) => {
    if (bytes === undefined) expect(problems(`[limits]\nmessage_size = "${size}"`)).toHaveLength(1);
    else expect(read(`[limits]\nmessage_size = "${size}"`).limits.messageSize).toBe(bytes);
  });
});

describe('a fault', () => {
  const got = /, got .*$/;

  it.each([
    [
      '[oauth]\nissuer = "http://mail.example"',
      'DIR/posthuis.toml: oauth.issuer: expected the URL by which an issuer calls itself, or ""',
    ],
    ['[oauth]\naudience = "x"', 'DIR/posthuis.toml: oauth.issuer: expected the issuer that oauth.audience is about'],
    [
      '[oauth]\nissuer = "https://i.example"\njwks = "keys.json"',
      'DIR/posthuis.toml: oauth.audience: expected what this server is called in the tokens of the issuer',
    ],
    [
      '[oauth]\nissuer = "https://i.example"\naudience = "x"',
      'DIR/posthuis.toml: oauth.jwks: expected either this or oauth.introspection',
    ],
    ['hostname = "no spaces here"', 'DIR/posthuis.toml: hostname: expected a host name such as "mail.example.org"'],
    ['data = 3', 'DIR/posthuis.toml: data: expected a directory'],
    ['threads = -1', 'DIR/posthuis.toml: threads: expected a whole number from 0 to 64'],
    ['threads = 1.5', 'DIR/posthuis.toml: threads: expected a whole number from 0 to 64'],
    ['listen = 3', 'DIR/posthuis.toml: listen: expected a section [listen]'],
    ['[listen]\nimap = "127.0.0.1:143"', 'DIR/posthuis.toml: listen.imap: expected a list of "address:port"'],
    ['[listen]\nimap = ["143"]', /listen\.imap: expected "address:port"/],
    ['[listen]\nimap = ["127.0.0.1:65536"]', /listen\.imap: expected "address:port"/],
    ['[listen]\nimap = ["::1:143"]', /listen\.imap: expected "address:port"/],
    ['[listen]\nimap = [143]', /listen\.imap: expected a list/],
    ['[[tls.certificates]]\ncertificate = "a"', /tls\.certificates: expected \[\[tls\.certificates\]\] tables/],
    ['[imap]\nliterals = "both"', 'DIR/posthuis.toml: imap.literals: expected "plus" or "minus"'],
    [
      '[imap]\ndisable = ["IMAP4rev1"]',
      'DIR/posthuis.toml: imap.disable: expected a list of IMAP capabilities such as "COMPRESS=DEFLATE", without IMAP4rev1',
    ],
    ['[auth]\nplaintext = "yes"', 'DIR/posthuis.toml: auth.plaintext: expected true or false'],
    ['[limits]\nmessage_size = "50 potatoes"', /limits\.message_size: expected a size such as "50MB"/],
    ['[limits]\nmessage_size = "0"', /from 1KB to under 2GB/],
    ['[limits]\ntrusted_networks = ["10.0.0.0/33"]', /limits\.trusted_networks: expected networks such as/],
    ['[limits]\ntrusted_networks = ["office"]', /limits\.trusted_networks: expected networks such as/],
    ['[storage]\nretention_days = -1', /storage\.retention_days: expected a whole number from 0/],
    ['[log]\nlevel = "loud"', /log\.level: expected one of "trace", "debug"/],
  ])('in `%s` names file, key and expectation', (toml, expected) => {
    const found = problems(toml);
    expect(found).toHaveLength(1);
    if (typeof expected === 'string') expect(found[0]?.replace(got, '')).toBe(expected);
    else expect(found[0]).toMatch(expected);
    expect(found[0]).toMatch(got);
  });

  it.each(KEYS.map(keyName))('in %s names file, key and expectation, and in its variable the variable', (name) => {
    const key = KEYS.find((one) => keyName(one) === name);
    if (key === undefined) throw new Error(name);
    const head = key.section === '' ? '' : `[${key.section}]\n`;
    const [found = '', ...more] = problems(`${head}${key.name} = 1979-05-27T07:32:00Z`);
    expect(found).toMatch(/^DIR\/posthuis\.toml: \S+: expected .+/);
    expect(found.slice('DIR/posthuis.toml: '.length)).toMatch(new RegExp(`^${name.replace('.', '\\.')}: expected `));
    expect(more).toEqual([]);
  });

  it.each(KEYS.filter((key) => Array.isArray(whenEmpty(key))).map((key) => [keyName(key), key] as const))(
    'in an item of the list %s is told of its variable too',
    (name, key) => {
      const [found = ''] = problems('', { [variableName(key)]: 'fine?,\u0000,=' });
      expect(found.startsWith(`${variableName(key)}: ${name}: expected `), found).toBe(true);
    },
  );

  it('is also an unknown key, section or variable', () => {
    expect(problems('hostnme = "a"')[0]).toMatch(/^DIR\/posthuis.toml: hostnme: unknown key; expected one of hostname/);
    expect(problems('[listn]\nimap = []')[0]).toMatch(/listn: unknown key/);
    expect(problems('[listen]\nimapz = []')[0]).toMatch(/listen\.imapz: unknown key; expected one of smtp, submission/);
    expect(problems('', { POSTHUIS_LISTEN_IMAPZ: '' })[0]).toMatch(/^POSTHUIS_LISTEN_IMAPZ: unknown variable/);
    expect(problems('', { POSTHUIS_PORT_25_TCP: 'tcp://10.0.0.1:25', POSTHUIS_SERVICE_HOST: '10.0.0.1' })).toEqual([]);
  });

  it('in a variable names the variable', () => {
    expect(problems('threads = 1', { POSTHUIS_THREADS: 'many' })).toEqual([
      'POSTHUIS_THREADS: threads: expected a whole number from 0 to 64, got "many"',
    ]);
  });

  it('is reported together with the others', () => {
    const found = problems('hostname = 1\nthreads = "x"\ncolour = "red"', { POSTHUIS_LOG_LEVEL: 'loud' });
    expect(found).toHaveLength(4);
  });

  it('in the TOML names line and column', () => {
    expect(problems('threads = 1\nhostname = ')[0]).toMatch(/^DIR\/posthuis\.toml:2:\d+: expected TOML: /);
  });

  it('is a file that is not there, when it was asked for', () => {
    expect(() => readConfig({ file: join(folder, 'none.toml'), environment: {} })).toThrow(
      /none\.toml: expected a file/,
    );
  });

  it('is plaintext logins on an address that others can reach', () => {
    expect(problems('[auth]\nplaintext = true\n[listen]\nimap = ["127.0.0.1:143", "0.0.0.0:143"]')).toEqual([
      expect.stringMatching(/auth\.plaintext: expected false while listen\.imap listens on 0\.0\.0\.0:143/),
    ]);
    expect(problems('[auth]\nplaintext = true\n[listen]\nimap = ["127.9.9.9:143", "[::1]:143"]')).toEqual([]);
  });

  it('is the same address and port twice, free ports apart', () => {
    expect(problems('[listen]\nimap = ["127.0.0.1:143"]\nimaps = ["127.0.0.1:143"]')).toEqual([
      expect.stringMatching(
        /listen\.imaps: expected a port of its own, got 127\.0\.0\.1:143, used by listen\.imap too/,
      ),
    ]);
    expect(problems('[listen]\nimap = ["127.0.0.1:0"]\nimaps = ["127.0.0.1:0"]')).toEqual([]);
  });
});
