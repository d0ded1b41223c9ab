// The composed server: every listener, one thread and two, the graceful stop and the end it makes when it can't go on.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { text } from 'node:stream/consumers';
import { connect as connectTls } from 'node:tls';
import { pino } from 'pino';
import { expect, test } from 'vitest';
import type { Config, ListenerName } from '#config/schema.ts';
import { hashPassword } from '#src/auth/passwords.ts';
import { type RunningServer, startServer } from '#src/server.ts';
import { Pop3Wire } from '#test/protocols/pop3/client.ts';
import { type TestConfig, testConfig } from '#test/support/config.ts';
import { temporaryFolder } from '#test/support/folder.ts';
import { freePorts } from '#test/support/installation.ts';
import { ImapWire, SmtpWire, Wire } from '#test/support/wire.ts';

const PASSWORD = 'correct horse';
const MAIL: readonly ListenerName[] = ['smtp', 'submission', 'submissions', 'imap', 'imaps', 'pop3', 'pop3s'];

interface Started extends AsyncDisposable {
  readonly server: RunningServer;
  readonly config: Config;
  port(listener: ListenerName): number;
  metrics(): Promise<string>;
}

async function start(options: Omit<TestConfig, 'data'> & { data?: string }): Promise<Started> {
  await using opening = new AsyncDisposableStack();
  const data = options.data ?? opening.use(await temporaryFolder()).path;
  const config = testConfig({ ...options, data });
  const fatal = (error: Error) => {
    throw error;
  };
  const server = await startServer(config, { log: pino({ level: 'silent' }), fatal });
  opening.defer(() => server.stop());
  const port = (listener: ListenerName) => server.addresses.find((address) => address.listener === listener)?.port ?? 0;
  const opened = opening.move();
  return {
    server,
    config,
    port,
    metrics: async () => (await fetch(`http://127.0.0.1:${port('http')}/metrics`)).text(),
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  };
}

async function addAnna({ store }: RunningServer): Promise<void> {
  await store.directory.addDomain('example.test');
  const passwordHash = await hashPassword(PASSWORD);
  await store.directory.addAccount({ address: 'anna@example.test', passwordHash, quota: null });
}

async function deliver(port: number, subject: string): Promise<void> {
  const smtp = await SmtpWire.open(port);
  await smtp.command('EHLO client.example.test');
  await smtp.command('MAIL FROM:<bert@elsewhere.test>');
  await smtp.command('RCPT TO:<anna@example.test>');
  await smtp.command('DATA');
  smtp.wire.send(`Subject: ${subject}\r\n\r\nbody\r\n.\r\n`);
  await smtp.expect(250);
  await smtp.command('QUIT');
  smtp.wire.destroy();
}

for (const threads of [1, 2]) {
  test(`with ${threads} thread(s) every listener serves one and the same store`, async () => {
    await using started = await start({ threads, listen: [...MAIL, 'http', 'https'] });
    await addAnna(started.server);
    await deliver(started.port('smtp'), 'composed');
    const pop3 = await Pop3Wire.login(started.port('pop3'), PASSWORD);
    expect(await pop3.message('RETR 1')).toContain('Subject: composed');
    await pop3.quit();
    for (const secure of [false, true]) {
      const imap = await ImapWire.open(started.port(secure ? 'imaps' : 'imap'), { secure });
      await imap.login('anna@example.test', PASSWORD);
      const { untagged } = await imap.ok('SELECT INBOX');
      expect(untagged.map(({ text }) => text)).toContain('* 1 EXISTS');
      imap.wire.destroy();
      const submission = await SmtpWire.open(started.port(secure ? 'submissions' : 'submission'), { secure });
      await submission.command('EHLO client.example.test');
      expect((await submission.command('MAIL FROM:<anna@example.test>')).code).toBe(530);
      submission.wire.destroy();
    }
    const pop3s = await Wire.open(started.port('pop3s'), { secure: true });
    expect(await pop3s.line()).toMatch(/^\+OK/);
    pop3s.destroy();
    expect((await fetch(`http://127.0.0.1:${started.port('http')}/healthz`)).status).toBe(200);
    const page = await started.metrics();
    expect(page).toContain('posthuis_logins_total{protocol="imap",result="ok"} 2');
    for (let thread = 0; thread < threads; thread++) {
      expect(page).toContain(`posthuis_event_loop_delay_seconds{thread="${thread}",quantile="1"}`);
    }
  });

  test(`with ${threads} thread(s) a stop says goodbye in every protocol and the next start finds everything`, async () => {
    await using folder = await temporaryFolder();
    const first = await start({ threads, listen: MAIL, data: folder.path });
    await addAnna(first.server);
    await deliver(first.port('smtp'), 'kept');
    const smtp = await SmtpWire.open(first.port('smtp'));
    const imap = await ImapWire.open(first.port('imap'));
    const pop3 = await Pop3Wire.open(first.port('pop3'));
    await imap.login('anna@example.test', PASSWORD);
    imap.wire.send('i1 IDLE\r\n');
    expect(await imap.wire.line()).toMatch(/^\+/);
    const port = first.port('imap');
    const stopped = first.server.stop();
    expect((await smtp.reply()).code).toBe(421);
    expect(await imap.wire.line()).toMatch(/^\* BYE/);
    expect(await pop3.wire.line()).toMatch(/^-ERR/);
    await Promise.all([smtp.wire.closed(), imap.wire.closed(), pop3.wire.closed()]);
    await stopped;
    await expect(once(connect(port, '127.0.0.1'), 'connect')).rejects.toThrow('ECONNREFUSED');
    await using second = await start({ threads, listen: MAIL, data: folder.path });
    const again = await Pop3Wire.login(second.port('pop3'), PASSWORD);
    expect(await again.message('RETR 1')).toContain('Subject: kept');
    await again.quit();
  });

  test(`with ${threads} thread(s) a port that is taken ends the start with nothing left running`, async () => {
    await using folder = await temporaryFolder();
    const [port = 0] = await freePorts(1);
    const other = createServer().listen(port, '127.0.0.1');
    await once(other, 'listening');
    const config = testConfig({ data: folder.path, threads, listen: ['smtp', 'imap'] });
    const taken = { ...config, listen: { ...config.listen, imap: [{ host: '127.0.0.1', port }] } };
    const log = pino({ level: 'silent' });
    await expect(startServer(taken, { log })).rejects.toThrow(`imap can't listen on 127.0.0.1:${port}`);
    other.close();
    const server = await startServer(taken, { log });
    expect(server.addresses.map(({ listener }) => listener)).toEqual(['smtp', 'imap']);
    await server.stop();
  });
}

test('two threads both take connections, on one port', async () => {
  await using started = await start({ threads: 2, listen: ['pop3', 'http'] });
  const clients = await Promise.all(Array.from({ length: 40 }, () => Pop3Wire.open(started.port('pop3'))));
  const page = await started.metrics();
  const counts = [0, 1].map((thread) =>
    Number(new RegExp(`posthuis_connections\\{protocol="pop3",thread="${thread}"\\} (\\d+)`).exec(page)?.[1] ?? 0),
  );
  expect((counts[0] ?? 0) + (counts[1] ?? 0)).toBe(40);
  expect(Math.min(...counts)).toBeGreaterThan(0);
  for (const client of clients) client.destroy();
});

test('a TLS session begun in one thread is resumed in any other', async () => {
  await using started = await start({ threads: 2, listen: ['imaps'] });
  const options = { host: '127.0.0.1', port: started.port('imaps'), rejectUnauthorized: false };
  const first = connectTls(options);
  const [session] = (await once(first, 'session')) as [Buffer];
  first.destroy();
  for (let i = 0; i < 12; i++) {
    const next = connectTls({ ...options, session });
    await once(next, 'data');
    expect(next.isSessionReused()).toBe(true);
    next.destroy();
  }
});

test('failed logins are counted for all threads together', async () => {
  await using started = await start({ threads: 2, listen: ['pop3'], trustedNetworks: [] });
  await addAnna(started.server);
  const replies = await Promise.all(
    Array.from({ length: 60 }, async (_, number) => {
      const client = await Pop3Wire.open(started.port('pop3'));
      await client.ok('USER anna');
      const reply = await client.command(`PASS guess number ${number}`);
      client.destroy();
      return reply;
    }),
  );
  // auth/limits.ts: 20 at most for one address and account; two threads that count apart would look at more.
  const looked = replies.filter((reply) => reply.startsWith('-ERR [AUTH]')).length;
  expect(looked).toBeGreaterThan(0);
  expect(looked).toBeLessThanOrEqual(20);
  expect(replies.filter((reply) => reply.startsWith('-ERR [SYS/TEMP]'))).toHaveLength(60 - looked);
});

test('POP3 has one session a maildrop, whichever thread it is on', async () => {
  await using started = await start({ threads: 2, listen: ['pop3'] });
  await addAnna(started.server);
  const first = await Pop3Wire.login(started.port('pop3'), PASSWORD);
  const others = await Promise.all(Array.from({ length: 12 }, () => Pop3Wire.open(started.port('pop3'))));
  for (const other of others) {
    await other.ok('USER anna');
    expect(await other.command(`PASS ${PASSWORD}`)).toMatch(/^-ERR \[IN-USE\]/);
  }
  await first.quit();
  await others[0]?.ok('USER anna');
  await others[0]?.ok(`PASS ${PASSWORD}`);
  for (const other of others) other.destroy();
});

test('a server thread that fails ends the process', async () => {
  await using folder = await temporaryFolder();
  const config = { ...testConfig({ data: folder.path, threads: 2, listen: ['imap'] }), log: { level: 'info' } };
  const entry = new URL('./fixtures/crashing-worker.ts', import.meta.url).href;
  const [port = 0] = await freePorts(1);
  const imap = [{ host: '127.0.0.1', port }];
  const argument = JSON.stringify({ config: { ...config, listen: { ...config.listen, imap } }, entry });
  const child = spawn(process.execPath, [new URL('./fixtures/serve.ts', import.meta.url).pathname, argument]);
  const log = text(child.stderr);
  await once(child.stdout, 'data');
  const exited = once(child, 'exit');
  // The kernel chooses which thread takes a connection; the worker gets one of these.
  const sockets = Array.from({ length: 40 }, () => connect(port, '127.0.0.1').on('error', () => undefined));
  expect(await exited).toEqual([1, null]);
  for (const socket of sockets) socket.destroy();
  expect(await log).toMatch(/"level":"fatal".*planted failure/);
});
