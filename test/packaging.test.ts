// The image, the unit, the package and the documents name files, commands, ports and settings that exist.

import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { KEYS, keyName, variableName } from '#config/keys.ts';
import { readConfig } from '#config/read.ts';
import { COMMANDS } from '#src/commands/table.ts';
import { temporaryFolder } from '#test/support/folder.ts';

const root = resolve(import.meta.dirname, '..');
const read = (file: string) => readFileSync(join(root, file), 'utf8');
const manifest = JSON.parse(read('package.json')) as {
  bin: Record<string, string>;
  scripts: Record<string, string>;
  engines: { node: string };
  devDependencies: Record<string, string>;
};

describe('the package', () => {
  it('has its program and its scripts', () => {
    expect(manifest.bin).toEqual({ posthuis: 'src/posthuis.js' });
    for (const script of Object.values(manifest.scripts)) {
      for (const [, file = ''] of script.matchAll(/(?:^|&& )node (\S+)/g))
        expect(existsSync(join(root, file)), file).toBe(true);
    }
    expect(manifest.scripts).toMatchObject({ start: 'node src/posthuis.js demo', posthuis: 'node src/posthuis.js' });
  });

  it('brings the Node.js that it asks for', () => {
    const [, least] = /^>=(\d+)$/.exec(manifest.engines.node) ?? [];
    expect(manifest.devDependencies.node).toMatch(new RegExp(`^${least}\\.`));
    expect(read('src/posthuis.js')).toContain(`major < ${least}`);
  });
});

describe('the image', () => {
  const dockerfile = read('Dockerfile');

  it('copies files that are there, and every folder of the program', () => {
    const copied = [...dockerfile.matchAll(/^COPY (?!--)(.+) \S+$/gm)].flatMap(([, files = '']) => files.split(' '));
    for (const file of copied) expect(existsSync(join(root, file)), file).toBe(true);
    for (const folder of ['config', 'storage', 'protocols', 'src']) expect(copied).toContain(folder);
    for (const file of ['package.json', 'package-lock.json', '.npmrc']) expect(copied).toContain(file);
  });

  it('runs commands that a shell can read, on files that it has copied', () => {
    const lines = dockerfile.replaceAll(/\\\n/g, ' ').split('\n');
    const commands = lines.filter((line) => line.startsWith('RUN ')).map((line) => line.slice(4));
    expect(commands.length).toBeGreaterThan(1);
    for (const command of commands) {
      expect(spawnSync('sh', ['-n', '-c', command], { encoding: 'utf8' }), command).toMatchObject({ status: 0 });
      for (const [file] of command.matchAll(/\b(?:src|config|storage|protocols)\/[\w./-]+/g)) {
        expect(existsSync(join(root, file)), file).toBe(true);
      }
    }
  });

  it('is built on the Node.js of the package and does not run as root', () => {
    const bases = [...dockerfile.matchAll(/^FROM (\S+)/gm)].map(([, image]) => image);
    expect(new Set(bases)).toEqual(new Set([`node:${manifest.engines.node.slice(2)}-slim`]));
    const after = dockerfile.slice(dockerfile.indexOf('\nUSER node\n'));
    expect(after).not.toMatch(/^(RUN|COPY|USER root)/m);
    expect(after).toContain('ENTRYPOINT ["node", "src/posthuis.js"]\nCMD ["serve"]');
  });

  it('has settings that are right, and a health check that asks the listener it configures', () => {
    const settings = [...dockerfile.matchAll(/^ +(POSTHUIS_\w+)=(\S+?)(?: \\)?$/gm)].map(
      ([, name = '', value = '']) => [name, value],
    );
    const { config } = readConfig({ search: false, environment: Object.fromEntries(settings) });
    expect(config.data).toBe('/data');
    const [http] = config.listen.http;
    expect(dockerfile).toContain(`http://${http?.host}:${http?.port}/healthz`);
    const exposed = /^EXPOSE (.+)$/m.exec(dockerfile)?.[1]?.split(' ').map(Number) ?? [];
    const { http: _, ...mail } = config.listen;
    expect(exposed.sort()).toEqual(
      Object.values(mail)
        .flatMap((list) => list.map(({ port }) => port))
        .sort(),
    );
  });

  it('runs commands that exist', () => {
    for (const [, words = ''] of dockerfile.matchAll(/node src\/posthuis\.js ([a-z ]+?)(?: \\| \|\||$)/gm)) {
      expect(Object.keys(COMMANDS)).toContain(words.trim());
    }
  });
});

describe('the unit', () => {
  const unit = read('systemd/posthuis.service');
  const setting = (name: string) => [...unit.matchAll(new RegExp(`^${name}=(.*)$`, 'gm'))].map(([, value]) => value);

  it('starts the program with its own Node.js', () => {
    const [node, main, ...words] = (setting('ExecStart')[0] ?? '').split(' ');
    expect(node).toBe('/opt/posthuis/node_modules/.bin/node');
    expect(main).toBe('/opt/posthuis/src/posthuis.js');
    expect(words).toEqual(['--config', '/etc/posthuis/posthuis.toml', 'serve']);
    expect(unit).toContain('Documentation=file:///opt/posthuis/docs/operations.md');
    for (const path of ['node_modules/.bin/node', 'src/posthuis.js', 'docs/operations.md']) {
      expect(existsSync(join(root, path)), path).toBe(true);
    }
  });

  it('is shut in, but lets V8 compile and the ports be opened', () => {
    expect(setting('User')).toEqual(['posthuis']);
    expect(setting('CapabilityBoundingSet')).toEqual(['CAP_NET_BIND_SERVICE']);
    for (const name of ['NoNewPrivileges', 'ProtectHome', 'PrivateTmp', 'PrivateDevices'])
      expect(setting(name)).toEqual(['yes']);
    expect(setting('ProtectSystem')).toEqual(['strict']);
    expect(setting('MemoryDenyWriteExecute')).toEqual([]);
    expect(Number(setting('TimeoutStopSec')[0])).toBeGreaterThan(20);
  });

  it('and the command beside it agree on program, data and cache', () => {
    const script = read('systemd/posthuis');
    for (const assignment of ['POSTHUIS_DATA=/var/lib/posthuis', 'NODE_COMPILE_CACHE=/var/cache/posthuis']) {
      expect(setting('Environment')).toContain(assignment);
      expect(script).toContain(assignment);
    }
    const program = (setting('ExecStart')[0] ?? '').split(' ').slice(0, 2).join(' ');
    expect(script).toContain(`runuser -u posthuis -- ${program}`);
    expect(spawnSync('sh', ['-n', join(root, 'systemd/posthuis')]).status).toBe(0);
  });

  const hasSystemd = spawnSync('systemd-analyze', ['--version']).status === 0;
  it.runIf(hasSystemd || process.env.CI === 'true')('is what systemd understands', async () => {
    await using folder = await temporaryFolder();
    const path = join(folder.path, 'posthuis.service');
    writeFileSync(path, unit.replaceAll('/opt/posthuis', root));
    const { stdout, stderr, status } = spawnSync('systemd-analyze', ['verify', '--man=no', path], { encoding: 'utf8' });
    expect({ output: `${stdout}${stderr}`, status }).toEqual({ output: '', status: 0 });
  });
});

describe('the documents', () => {
  it('explain every command, and name none that does not exist', () => {
    const operations = read('docs/operations.md');
    const shown = (name: string) => new RegExp(`\`${name}( [^\`]*)?\``).test(operations);
    for (const name of Object.keys(COMMANDS)) expect(shown(name), name).toBe(true);
    for (const text of [operations, read('README.md')]) {
      for (const [, words = ''] of text.matchAll(
        /(?:^posthuis|posthuis --|src\/posthuis\.js) ([a-z]+(?: [a-z]+)?)/gm,
      )) {
        const names = Object.keys(COMMANDS);
        expect(
          names.some((name) => name === words || name === words.split(' ')[0]),
          words,
        ).toBe(true);
      }
    }
  });

  it('link to files that are there', () => {
    for (const file of ['README.md', ...readdirSync(join(root, 'docs')).map((name) => `docs/${name}`)]) {
      if (!file.endsWith('.md')) continue;
      for (const [, target = ''] of read(file).matchAll(/\]\((?!https?:|#)([^)#]+)/g)) {
        expect(existsSync(join(root, file, '..', target)), `${file}: ${target}`).toBe(true);
      }
    }
  });

  it('name variables and settings that exist', () => {
    const variables = new Set(['POSTHUIS_CONFIG', ...KEYS.map(variableName)]);
    const settings = new Set(KEYS.map(keyName));
    for (const file of [
      'README.md',
      'docs/operations.md',
      'Dockerfile',
      'systemd/posthuis',
      'systemd/posthuis.service',
    ]) {
      for (const [variable] of read(file).matchAll(/POSTHUIS_[A-Z_]*[A-Z]3?S?/g))
        expect(variables, file).toContain(variable);
      for (const [, section, key] of read(file).matchAll(/`\[(\w+)\] (\w+)/g))
        expect(settings, file).toContain(`${section}.${key}`);
    }
  });

  it('have the ports of the demo', () => {
    const ports = [...read('src/commands/demo.ts').matchAll(/^ {2}\w+: (2\d{3}),$/gm)].map(([, port]) => port);
    expect(ports).toHaveLength(8);
    for (const port of ports) expect(read('README.md')).toContain(`| 127.0.0.1 | ${port} |`);
  });
});
