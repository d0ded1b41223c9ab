// Commands through DATA/control.sock: the same as without a server, and what goes wrong between the two.

import { once } from 'node:events';
import { chownSync, existsSync, mkdirSync, statSync, writeFileSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import pino from 'pino';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readConfig } from '#config/read.ts';
import { type Host, openHost } from '#src/control/host.ts';
import { serveControl } from '#src/control/server.ts';
import { version } from '#src/version.ts';
import { type TemporaryFolder, temporaryFolder } from '#test/support/folder.ts';
import { posthuis, type RunOptions } from '#test/support/program.ts';

let folder: TemporaryFolder;
let stack: AsyncDisposableStack;
beforeEach(async () => {
  folder = await temporaryFolder();
  stack = new AsyncDisposableStack();
});
afterEach(async () => {
  await stack.disposeAsync();
  await folder[Symbol.asyncDispose]();
});

/** What the running server has of itself: the store under the lock, and the socket. */
async function start(data = join(folder.path, 'data'), log: pino.Logger = pino({ level: 'silent' })): Promise<Host> {
  const { config } = readConfig({ data, search: false, environment: { POSTHUIS_LOG_LEVEL: 'silent' } });
  const opened = await openHost(config);
  if (opened === undefined) throw new Error('the data directory is in use');
  stack.use(opened);
  const host: Host = { config, store: opened.store, log, running: true };
  stack.use(await serveControl(host));
  return host;
}

const run = (data: string, words: string, options?: RunOptions) =>
  posthuis(['--data', data, ...words.split(' ')], options);

/** Speaks to the socket directly. */
async function speak(data: string, ...lines: unknown[]): Promise<string> {
  const socket: Socket = connect(join(data, 'control.sock'));
  for (const line of lines) socket.write(typeof line === 'string' ? line : `${JSON.stringify(line)}\n`);
  const parts: Buffer[] = [];
  try {
    for await (const part of socket as AsyncIterable<Buffer>) {
      parts.push(part);
      if (/"(error|result)"/.test(Buffer.concat(parts).toString())) break;
    }
  } catch {
    // Closed in the middle of what we wrote: an end like any other.
  }
  return Buffer.concat(parts).toString();
}

describe('a running server', () => {
  it('does the commands, and what they changed is seen by it and by them', async () => {
    const { config, store } = await start();
    expect(await run(config.data, 'domain add x.test')).toMatchObject({ status: 0, stderr: '' });
    expect(await store.directory.domains()).toEqual([{ name: 'x.test', isDefault: true }]);
    const added = await run(config.data, 'account add anna@x.test --password-stdin', { input: 'long enough\n' });
    expect(added).toEqual({ status: 0, stdout: 'account anna@x.test added\n', stderr: '' });
    const again = await run(config.data, 'account add anna@x.test --password-stdin', { input: 'long enough\n' });
    expect(again).toMatchObject({ status: 1, stdout: '' });
    expect(again.stderr).toMatch(/^posthuis: .*anna@x\.test.*\n$/);
    const listed = await run(config.data, 'account list --json');
    expect(JSON.parse(listed.stdout)).toMatchObject([{ address: 'anna@x.test' }]);
  });

  it('takes an import and gives an export, with files that only the terminal may read', async () => {
    const { config, store } = await start();
    await store.directory.addDomain('x.test');
    const anna = await store.directory.addAccount({ address: 'anna@x.test', passwordHash: 'x', quota: null });
    const mbox = join(folder.path, 'in.mbox');
    const body = 'line\n'.repeat(200_000);
    const from = 'From a@b Thu Jan  1 00:00:00 2015\n';
    writeFileSync(mbox, `${from}Subject: one\n\n${body}\n${from}Subject: two\nStatus: RO\n\nshort\n`);
    const imported = await run(config.data, `import anna@x.test ${mbox}`);
    expect(imported).toEqual({ status: 0, stdout: '2 imported, 0 there already, 0 not imported\n', stderr: '' });
    expect((await store.mail(anna.id).mailboxByPath('INBOX'))?.total).toBe(2);
    const out = join(folder.path, 'out.zip');
    expect((await run(config.data, `export anna@x.test ${out}`)).stdout).toContain('2 messages of 7 folders exported');
    expect((await run(config.data, `import anna@x.test ${out}`)).stdout).toBe(
      '0 imported, 2 there already, 0 not imported\n',
    );
  });

  it('says why it refuses in the middle of an import, while the terminal still sends', async () => {
    const { config, store } = await start();
    await store.directory.addDomain('x.test');
    await store.directory.addAccount({ address: 'anna@x.test', passwordHash: 'x', quota: 100_000 });
    const mbox = join(folder.path, 'in.mbox');
    const message = `From a@b Thu Jan  1 00:00:00 2015\nSubject: one\n\n${'line\n'.repeat(10_000)}\n`;
    writeFileSync(mbox, message.repeat(200));
    const ran = await run(config.data, `import anna@x.test ${mbox}`);
    expect(ran.stderr).toMatch(/^posthuis: the account is full; \d+ messages were imported before\n$/);
    expect(ran.status).toBe(1);
    const missing = await run(config.data, `import anna@x.test ${mbox}.not`);
    expect(missing).toMatchObject({ status: 1, stdout: '' });
    expect(missing.stderr).toMatch(/ENOENT.*in\.mbox\.not/);
    const nobody = await run(config.data, `export nobody@x.test ${join(folder.path, 'out')}`);
    expect(nobody).toMatchObject({ status: 1, stderr: 'posthuis: there is no account nobody@x.test\n' });
    expect(existsSync(join(folder.path, 'out'))).toBe(false);
  });

  it('finds nothing wrong with a terminal that goes away in the middle of a command', async () => {
    const logged: string[] = [];
    const log = pino({ level: 'warn' }, { write: (line: string) => logged.push(line) });
    const { config } = await start(join(folder.path, 'data'), log);
    await run(config.data, 'domain add x.test');
    await run(config.data, 'account add anna@x.test');
    expect((await run(config.data, `import anna@x.test ${join(folder.path, 'not-there')}`)).status).toBe(1);
    expect((await run(config.data, 'account list')).status).toBe(0);
    expect(logged).toEqual([]);
  });

  it('lets only its own user at the socket', async () => {
    const { config } = await start();
    expect(statSync(join(config.data, 'control.sock')).mode & 0o777).toBe(0o600);
  });

  it('has its socket below a path that is longer than a socket address', async () => {
    const data = join(folder.path, 'a'.repeat(100), 'b'.repeat(100), 'data');
    mkdirSync(join(data, '..'), { recursive: true });
    const { store } = await start(data);
    expect(existsSync(join(data, 'control.sock'))).toBe(true);
    expect(await run(data, 'domain add x.test')).toMatchObject({ status: 0, stderr: '' });
    expect(await store.directory.domains()).toHaveLength(1);
    await stack.disposeAsync();
    expect(existsSync(join(data, 'control.sock'))).toBe(false);
  });

  it('starts over the socket that a killed one left', async () => {
    const data = join(folder.path, 'data');
    mkdirSync(data);
    writeFileSync(join(data, 'control.sock'), '');
    await start(data);
    expect((await run(data, 'domain list')).status).toBe(0);
  });

  it('ends the commands in hand when it stops, and says so', async () => {
    const { config, store } = await start();
    await store.directory.addDomain('x.test');
    await store.directory.addAccount({ address: 'anna@x.test', passwordHash: 'x', quota: null });
    const silent = connect(join(config.data, 'control.sock'));
    const silentClosed = once(silent, 'close');
    const busy = connect(join(config.data, 'control.sock'));
    const request = { command: 'import', args: { address: 'anna@x.test', into: [] }, version: version() };
    busy.write(`${JSON.stringify(request)}\n`);
    expect(String((await once(busy, 'data'))[0])).toBe('{"begun":true}\n');
    const answered = once(busy, 'data');
    const busyClosed = once(busy, 'close');
    await stack.disposeAsync();
    expect(String((await answered)[0])).toBe('{"error":"the server is stopping"}\n');
    await silentClosed;
    await busyClosed;
  });

  it('refuses another version, an unknown command, a lone one and lines that are none', async () => {
    const { config } = await start();
    const ask = (request: object) => speak(config.data, { version: version(), args: null, ...request });
    expect(await ask({ command: 'domain list', version: '0.0.1' })).toMatch(
      /"error":"the running server is version .* and this is 0\.0\.1: restart the server first"/,
    );
    expect(await ask({ command: 'fly' })).toContain('the server has no command \\"fly\\"');
    expect(await ask({ command: 'serve' })).toContain('the server has no command \\"serve\\"');
    expect(await ask({ command: 'constructor' })).toContain('the server has no command \\"constructor\\"');
    expect(await speak(config.data, 'hello\n')).toBe('');
    expect(await speak(config.data, '[1]\n')).toBe('');
    expect(await speak(config.data, 'x'.repeat(2 * 1024 * 1024))).toBe('');
    expect(await ask({ command: 'domain list' })).toContain('"result":[]');
  });
});

describe('without a server', () => {
  it('a command waits for another that has the data directory, then does its work', async () => {
    const data = join(folder.path, 'data');
    const all = await Promise.all(['a.test', 'b.test', 'c.test'].map((name) => run(data, `domain add ${name}`)));
    expect(all.map(({ status }) => status)).toEqual([0, 0, 0]);
    expect(JSON.parse((await run(data, 'domain list --json')).stdout)).toHaveLength(3);
  });

  it('a command says so when whoever has the data directory does not answer', async () => {
    const data = join(folder.path, 'data');
    const { config } = readConfig({ data, search: false, environment: {} });
    const holder = await openHost(config);
    if (holder === undefined) throw new Error('the data directory is in use');
    stack.use(holder);
    const ran = await run(data, 'domain list');
    expect(ran).toMatchObject({ status: 1, stdout: '' });
    expect(ran.stderr).toMatch(/is in use by another process that does not answer on control\.sock/);
  });

  it('a command tries again when a server closes before it begins', async () => {
    const data = join(folder.path, 'data');
    mkdirSync(data);
    let refused = 0;
    const closing = createServer((socket) => {
      refused++;
      socket.destroy();
      if (refused === 2) closing.close();
    });
    await new Promise<void>((resolve) => closing.listen(join(data, 'control.sock'), resolve));
    expect((await run(data, 'domain list')).status).toBe(0);
    expect(refused).toBe(2);
  });

  it.runIf(process.getuid?.() === 0)('root is refused on the data directory of another user', async () => {
    const data = join(folder.path, 'data');
    expect((await run(data, 'domain list')).status).toBe(0);
    chownSync(data, 12_345, 12_345);
    const ran = await run(data, 'domain list');
    expect(ran).toMatchObject({ status: 1, stdout: '' });
    expect(ran.stderr).toMatch(/belongs to another user \(12345\) and no server runs/);
  });
});
