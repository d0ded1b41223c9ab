// Mail that leaves, with the program as an operator runs it: two of them exchange mail, one is killed at every stage of
// a message's life in the queue, and the queue is looked at and changed by commands.
import { createTransport, type SendMailOptions } from 'nodemailer';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type TestDns, testDns } from '#test/support/dns-server.ts';
import { type TemporaryFolder, temporaryFolder } from '#test/support/folder.ts';
import { freePorts, Installation, type Running } from '#test/support/installation.ts';
import { until } from '#test/support/outbound.ts';
import { type SmtpPeer, smtpPeer } from '#test/support/smtp-peer.ts';
import { SmtpWire } from '#test/support/wire.ts';

const PASSWORD = 'correct horse';

let folder: TemporaryFolder;
let dns: TestDns;
let port = 0;
const running: Running[] = [];

beforeEach(async () => {
  folder = await temporaryFolder();
  dns = await testDns({ 'other.test': { MX: [[10, 'mx.other.test']] }, 'mx.other.test': { A: ['127.0.0.1'] } });
  [port = 0] = await freePorts(1);
});

afterEach(async () => {
  for (const server of running.splice(0)) await server.kill();
  await dns[Symbol.asyncDispose]();
  await folder[Symbol.asyncDispose]();
});

async function install(threads = 1): Promise<Installation> {
  const installation = new Installation({
    ...{ folder: `${folder.path}/here`, threads, listen: { submission: 0, smtp: 0 } },
    settings: `[dns]\nservers = ["127.0.0.1:${dns.port}"]\n[outbound]\nport = ${port}\nehlo = "here.example.test"`,
  });
  await installation.populate(['anna'], PASSWORD);
  return installation;
}

async function serve(installation: Installation): Promise<Running> {
  const server = await installation.serve();
  running.push(server);
  return server;
}

async function submit(server: Running, mail: SendMailOptions): Promise<void> {
  const transport = createTransport({
    ...{ host: '127.0.0.1', port: server.port('submission'), secure: false, ignoreTLS: true },
    auth: { user: 'anna@example.test', pass: PASSWORD },
  });
  await transport.sendMail({ from: 'anna@example.test', to: 'you@other.test', text: 'text', ...mail });
  transport.close();
}

test('two servers of several threads exchange mail over TLS', async () => {
  const here = await serve(await install(2));
  const there = new Installation({ folder: `${folder.path}/there`, threads: 2, listen: { smtp: port, pop3: 0 } });
  await there.populate(['you'], PASSWORD, 'other.test');
  const other = await serve(there);
  await Promise.all(Array.from({ length: 6 }, (_, n) => submit(here, { subject: `number ${n}` })));
  const arrived = async () => JSON.parse(await there.ok(['account', 'list', '--json']))[0].messages;
  await until(async () => (await arrived()) === 6);
  await there.ok(['export', 'you@other.test', `${folder.path}/out.mbox`]);
  const { readFile } = await import('node:fs/promises');
  const mbox = await readFile(`${folder.path}/out.mbox`, 'utf8');
  const subjects = [...mbox.matchAll(/^Subject: number (\d+)$/gm)].map(([, n]) => Number(n)).sort((a, b) => a - b);
  expect(subjects).toEqual(Array.from({ length: 6 }, (_, n) => n));
  expect(mbox).toMatch(/^Received: from here\.example\.test \(\[127\.0\.0\.1\]\)\n\t\(using TLSv1\.3 /m);
  expect(other.child.exitCode).toBeNull();
});

/** Where the server is killed: at what the peer has just been sent. */
const POINTS = ['queued', 'CONNECT', 'EHLO', 'MAIL', 'RCPT', 'DATA', 'DOT', 'reply'] as const;

test('kill -9 at any point loses nothing, and only what was cut between dot and note is sent again', async () => {
  const here = await install();
  let server = await serve(here);
  for (const point of POINTS) {
    const reached = Promise.withResolvers<void>();
    let armed = true;
    let dots = 0;
    const peer: SmtpPeer = await smtpPeer({
      ...{ host: '127.0.0.1', port: point === 'queued' ? 0 : port },
      act(command) {
        if (command === 'DOT') dots++;
        if (!armed || !(command.startsWith(point) || (point === 'reply' && command === 'DOT'))) return undefined;
        setImmediate(() => reached.resolve());
        return point === 'reply' ? undefined : { silent: true };
      },
    });
    await submit(server, { subject: `killed at ${point}` });
    if (point !== 'queued') await reached.promise;
    await server.kill();
    armed = false;
    const listening = point === 'queued' ? await smtpPeer({ host: '127.0.0.1', port }) : peer;
    server = await serve(here);
    // Nobody listened: it was tried, and waits for its next time.
    if (point === 'queued') await here.ok(['queue', 'flush']);
    const arrived = () =>
      listening.messages.filter(({ content }) => content.includes(`Subject: killed at ${point}\r\n`));
    await until(() => arrived().length > 0);
    // What had arrived before the kill is sent again, to a peer that is still there.
    await until(async () => JSON.parse(await here.ok(['queue', 'list', '--json'])).length === 0);
    const kept = arrived();
    expect([point, kept.length]).toEqual([point, point === 'reply' ? expect.toSatisfy((n) => n === 1 || n === 2) : 1]);
    if (point !== 'queued') expect([point, dots]).toEqual([point, expect.toSatisfy((n) => n === 1 || n === 2)]);
    if (!['queued', 'DOT', 'reply'].includes(point)) expect([point, dots]).toEqual([point, 1]);
    await peer[Symbol.asyncDispose]();
    if (listening !== peer) await listening[Symbol.asyncDispose]();
  }
});

test('kill -9 after the reply loses nothing of what is forwarded, and no address that is to get no mail', async () => {
  const here = await install();
  let server = await serve(here);
  await here.ok(['alias', 'add', 'out@example.test', 'you@other.test']);
  const client = await SmtpWire.open(server.port('smtp'));
  for (const line of ['EHLO a.example', 'MAIL FROM:<joe@sender.test>', 'RCPT TO:<out@example.test>', 'DATA']) {
    expect((await client.command(line)).code).toBeLessThan(400);
  }
  expect((await client.command('Subject: forwarded\r\n\r\ntext\r\n.')).code).toBe(250);
  await server.kill();
  server = await serve(here);
  await here.ok(['suppression', 'add', 'Nobody@other.test']);
  await server.kill();
  await using peer = await smtpPeer({ host: '127.0.0.1', port });
  server = await serve(here);
  expect(JSON.parse(await here.ok(['suppression', 'list', '--json']))).toMatchObject([
    { address: 'nobody@other.test', blocks: true, bounces: 0 },
  ]);
  await expect(submit(server, { to: 'nobody@other.test' })).rejects.toThrow('the administrator says so');
  await here.ok(['suppression', 'remove', 'nobody@other.test']);
  await here.ok(['queue', 'flush']);
  await until(() => peer.messages.length > 0);
  expect(peer.messages[0]?.mail).toMatch(/^MAIL FROM:<FWD0=/); // whose sender nobody has confirmed
  await until(async () => JSON.parse(await here.ok(['queue', 'list', '--json'])).length === 0);
});

test('the queue is listed, shown, held, released, retried and deleted by commands', async () => {
  const here = await install();
  const server = await serve(here);
  await using peer = await smtpPeer({
    ...{ host: '127.0.0.1', port },
    act: (command) => (command.startsWith('RCPT TO:<grey') ? '451 4.7.1 Not now' : undefined),
  });
  await submit(server, { to: 'grey1@other.test' });
  await submit(server, { to: 'grey2@other.test' });
  const list = async (...options: string[]) => JSON.parse(await here.ok(['queue', 'list', '--json', ...options]));
  const tries = () => peer.commands.filter((command) => command.startsWith('RCPT')).length;
  await until(() => tries() === 2);
  await until(async () => (await list()).every((message: QueueRow) => message.recipients[0]?.attempts === 1));
  const [first, second] = await list();
  const table = await here.ok(['queue', 'list']);
  expect(table).toMatch(/^ID +SINCE +SIZE +SENDER +RECIPIENT +STATE +TRIES +NEXT +REPLY$/m);
  expect(table).toMatch(/anna@example\.test +grey1@other\.test +waiting +1 +\S+Z +451 4\.7\.1 Not now$/m);
  expect((await list('--domain', 'OTHER.test')).length).toBe(2);
  expect((await list('--account', 'anna@example.test', '--sender', 'anna@example.test')).length).toBe(2);
  expect(await list('--sender', 'bert@example.test')).toEqual([]);
  const shown = await here.ok(['queue', 'show', String(first.id)]);
  expect(shown).toMatch(/^<grey1@other\.test> waiting, tried 1 times, next try \S+Z$/m);
  expect(shown).toMatch(/^ {4}C: RCPT TO:<grey1@other\.test>$/m);

  expect(await here.ok(['queue', 'hold', String(first.id)])).toBe('1 recipient held\n');
  expect((await here.run(['queue', 'hold', String(first.id)])).status).toBe(1);
  expect(await here.ok(['queue', 'retry', '--domain', 'other.test'])).toBe('1 recipient will be tried now\n');
  await until(() => tries() === 3);
  await until(async () => (await list())[1].recipients[0].attempts === 2);
  expect((await list())[0].recipients[0]).toMatchObject({ state: 'held', attempts: 1 });
  expect(await here.ok(['queue', 'release', '--sender', 'anna@example.test'])).toBe('1 recipient released\n');
  await until(() => tries() === 4);
  await until(async () => (await list())[0].recipients[0].attempts === 2);
  expect(await here.ok(['queue', 'delete', String(second.id)])).toBe('1 recipient removed\n');
  peer.options = {};
  await here.ok(['queue', 'flush']);
  await until(() => peer.messages.length > 0);
  await until(async () => (await list()).length === 0);
  expect(peer.messages.map(({ recipients }) => recipients)).toEqual([['RCPT TO:<grey1@other.test>']]);

  for (const words of [
    ['queue', 'delete'],
    ['queue', 'show', 'x'],
    ['queue', 'list', '7'],
  ]) {
    expect((await here.run(words)).status).toBe(2);
  }
  expect(await here.run(['queue', 'show', '999999'])).toMatchObject({
    ...{ status: 1, stderr: 'posthuis: there is no message 999999 in the queue\n' },
  });
});

interface QueueRow {
  readonly recipients: readonly { readonly attempts: number }[];
}
