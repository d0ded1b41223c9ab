// serve, as a process: what it prints, what it listens on, how it ends, and what it shares its data with.

import { writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type TemporaryFolder, temporaryFolder } from '#test/support/folder.ts';
import { freePorts } from '#test/support/installation.ts';
import { posthuis, RunningProgram } from '#test/support/program.ts';

let folder: TemporaryFolder;
beforeEach(async () => {
  folder = await temporaryFolder();
});
afterEach(() => folder[Symbol.asyncDispose]());

/** A configuration with the listeners given; threads = 1 starts soonest. */
function configure(listen: Readonly<Record<string, readonly string[]>>, more = 'threads = 1'): string {
  const path = join(folder.path, 'posthuis.toml');
  const lines = Object.entries(listen).map(([name, list]) => `${name} = ${JSON.stringify(list)}`);
  writeFileSync(
    path,
    `hostname = "mail.example.test"\n${more}\n[listen]\n${lines.join('\n')}\n[log]\nlevel = "warn"\n`,
  );
  return path;
}

function portOf(stdout: string, listener: string): number {
  return Number(new RegExp(`^${listener}.*:(\\d+)$`, 'm').exec(stdout)?.[1]);
}

/** The first bytes that a listener says. */
async function greeting(port: number): Promise<string> {
  const socket = connect(port, '127.0.0.1');
  for await (const bytes of socket) return String(bytes);
  return '';
}

const LINES = /^ready\n(?:\w+ \S+:\d+\n)+$/;

describe('serve', () => {
  it('prints ready and a line for each listener of the file, and opens no other', async () => {
    const config = configure({ smtp: ['127.0.0.1:0'], imap: ['127.0.0.1:0', '[::1]:0'], pop3: ['127.0.0.1:0'] });
    await using server = new RunningProgram(['--config', config, 'serve']);
    const stdout = await server.until(LINES);
    const shown = stdout
      .trimEnd()
      .split('\n')
      .map((line) => line.replace(/\d+$/, 'PORT'));
    expect(shown[0]).toBe('ready');
    expect(shown.slice(1).sort()).toEqual([
      'imap 127.0.0.1:PORT',
      'imap [::1]:PORT',
      'pop3 127.0.0.1:PORT',
      'smtp 127.0.0.1:PORT',
    ]);
    expect(await greeting(portOf(stdout, 'smtp'))).toMatch(/^220 mail\.example\.test /);
    expect(await greeting(portOf(stdout, 'imap 127'))).toMatch(/^\* OK /);
    expect(await greeting(portOf(stdout, 'pop3'))).toMatch(/^\+OK /);
    expect(await server.end('SIGTERM')).toBe(0);
    expect(server.stderr).toBe('');
  });

  it.each(['SIGTERM', 'SIGINT', 'SIGHUP'] as const)('ends with status 0 on %s, saying goodbye', async (signal) => {
    const config = configure({ imap: ['127.0.0.1:0'] });
    await using server = new RunningProgram(['serve', '--config', config]);
    const socket = connect(portOf(await server.until(LINES), 'imap'), '127.0.0.1');
    let said = '';
    socket.on('data', (bytes) => {
      said += String(bytes);
    });
    const closed = new Promise((resolve) => socket.on('close', resolve));
    await new Promise((resolve) => socket.once('data', resolve));
    expect(await server.end(signal)).toBe(0);
    await closed;
    expect(said).toMatch(/^\* OK [^\n]*\n\* BYE /);
  });

  it('listens on the same port straight after kill -9, with what was there', async () => {
    // Not one that a connection of anybody else takes in between.
    const [port = 0] = await freePorts(1);
    const config = configure({ imap: [`127.0.0.1:${port}`] });
    {
      await using server = new RunningProgram(['serve', '--config', config]);
      expect(portOf(await server.until(LINES), 'imap')).toBe(port);
      expect((await posthuis(['--config', config, 'domain', 'add', 'x.test'])).status).toBe(0);
      expect(await server.end('SIGKILL')).toBe('SIGKILL');
    }
    await using again = new RunningProgram(['serve', '--config', config]);
    expect(await again.until(LINES)).toBe(`ready\nimap 127.0.0.1:${port}\n`);
    expect((await posthuis(['--config', config, 'domain', 'list', '--json'])).stdout).toContain('"x.test"');
  });

  it('with two threads opens one port for both', async () => {
    const config = configure({ imap: ['127.0.0.1:0'] }, 'threads = 2');
    await using server = new RunningProgram(['serve', '--config', config]);
    expect(await server.until(LINES)).toMatch(/^ready\nimap 127\.0\.0\.1:\d+\n$/);
    expect(await server.end('SIGTERM')).toBe(0);
  });

  it('refuses a second server on the same data', async () => {
    const config = configure({ imap: ['127.0.0.1:0'] });
    await using server = new RunningProgram(['serve', '--config', config]);
    await server.until(LINES);
    const second = await posthuis(['serve', '--config', config]);
    expect(second).toEqual({
      status: 1,
      stdout: '',
      stderr: `posthuis: a server already runs on ${join(folder.path, 'data')}\n`,
    });
    expect(await greeting(portOf(server.stdout, 'imap'))).toMatch(/^\* OK /);
  });

  it('refuses a port that another program has, and leaves nothing behind', async () => {
    await using first = new RunningProgram(['serve', '--config', configure({ imap: ['127.0.0.1:0'] })]);
    const port = portOf(await first.until(LINES), 'imap');
    const config = configure({ imap: [`127.0.0.1:${port}`] });
    const second = await posthuis(['serve', '--config', config, '--data', join(folder.path, 'other')]);
    expect(second).toMatchObject({ status: 1, stdout: '' });
    expect(second.stderr).toBe(`posthuis: imap can't listen on 127.0.0.1:${port}: another program listens there\n`);
  });

  it('refuses a certificate that does not belong to its key, or is not there', async () => {
    const more = (certificate: string) =>
      `threads = 1\n[[tls.certificates]]\ncertificate = "${certificate}"\nkey = "none.pem"`;
    const config = configure({ imap: ['127.0.0.1:0'] }, more('none.pem'));
    const refused = await posthuis(['serve', '--config', config]);
    expect(refused).toMatchObject({ status: 1, stdout: '' });
    expect(refused.stderr).toMatch(/^posthuis: .*none\.pem/);
    expect(refused.stderr.trimEnd().split('\n')).toHaveLength(1);
  });

  it('is what commands talk to while it runs', async () => {
    const config = configure({ imap: ['127.0.0.1:0'] });
    await using server = new RunningProgram(['serve', '--config', config]);
    await server.until(LINES);
    const run = (...words: string[]) => posthuis(['--config', config, ...words], { input: 'long enough\n' });
    expect((await run('domain', 'add', 'x.test')).status).toBe(0);
    expect((await run('account', 'add', 'anna@x.test', '--password-stdin')).status).toBe(0);
    const socket = connect(portOf(server.stdout, 'imap'), '127.0.0.1');
    socket.write('a LOGOUT\r\n');
    let said = '';
    for await (const bytes of socket) said += String(bytes);
    expect(said).toContain('a OK');
    expect((await run('account', 'remove', 'anna@x.test')).status).toBe(0);
    expect((await run('account', 'remove', 'anna@x.test')).status).toBe(1);
  });
});
