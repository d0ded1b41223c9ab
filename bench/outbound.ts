// The road out. What is delivered from a full queue to Debian's smtp-sink, beside Postfix, over at most 20 sessions, with
// no TLS and with nothing to look up; and what a queue costs in which 100,000 messages wait.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { NOTIFY_UNSAID, type Store } from '#storage/ports.ts';
import { testDns } from '#test/support/dns-server.ts';
import { freePorts, Installation } from '#test/support/installation.ts';
import { openQuietStore } from '#test/support/store.ts';
import type { Report } from './report.ts';
import { listening, openFolder, residentMegabytes, scrape, treeCpuSeconds } from './side.ts';

const here = import.meta.dirname;
const MESSAGES = 5_000;
const BYTES = 8_000;
const SESSIONS = 20;
const WAITING = 100_000;
/** Destinations that these wait for. */
const DESTINATIONS = 1_000;
/** Messages that are put into a queue at once. */
const AT_ONCE = 200;
/** From the filling of the queue until its first message is due: filling and starting take less. */
const LEAD_MS = 15_000;

/** One round: 5,000 messages from a full queue. */
export async function outboundRound(as: 'own' | 'peer', report: Report): Promise<void> {
  const folder = openFolder();
  try {
    const { seconds, cpu } = await (as === 'own' ? sendInTime(folder, report) : sendPeer(folder));
    const name = `from a full queue to smtp-sink, ${SESSIONS} sessions`;
    report.add(name, 'messages/s', { kind: 'ratio', least: 1 }, as, MESSAGES / seconds);
    report.add(`${name}: CPU`, 'ms/message', null, as, (cpu / MESSAGES) * 1000);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

interface Sent {
  readonly seconds: number;
  /** Seconds of CPU, from the first message to the last. */
  readonly cpu: number;
}

/** The queue was filled, or the server ready, only after the first message was due. */
class TooLate extends Error {}

/** With as much time to fill the queue as this machine needs now. */
async function sendInTime(folder: string, report: Report, lead = LEAD_MS): Promise<Sent> {
  try {
    return await sendOwn(folder, report, lead);
  } catch (error) {
    if (!(error instanceof TooLate) || lead > 8 * LEAD_MS) throw error;
    return sendInTime(folder, report, 2 * lead);
  }
}

/** What is in the queue is due at one moment, from which on the time is taken. */
async function sendOwn(folder: string, report: Report, lead: number): Promise<Sent> {
  await using sink = await Sink.start();
  await using dns = await testDns({ 'sink.test': { A: ['127.0.0.1'], ttl: 3_600 } });
  const installation = install(join(folder, `own-${lead}`), dns.port, sink.port);
  const due = Date.now() + lead;
  await fill(installation, MESSAGES, BYTES, due, () => 'sink.test');
  const server = await installation.serve();
  try {
    if (Date.now() > due) throw new TooLate();
    await sleep(due - Date.now());
    const before = treeCpuSeconds([server.pid]);
    await scrape(server.port('http'));
    const started = performance.now();
    await sink.counted(MESSAGES);
    const seconds = (performance.now() - started) / 1000;
    const cpu = treeCpuSeconds([server.pid]) - before;
    const delays = await scrape(server.port('http'));
    const longest = Math.max(...delays.map((delay) => delay.longest));
    report.add('longest delay of the event loop while sending', 'ms', { kind: 'value', most: 50 }, 'own', longest);
    return { seconds, cpu };
  } finally {
    await server.stop();
  }
}

/** Postfix's queue manager is stopped while the queue is filled; the time is taken from when it goes on. */
async function sendPeer(folder: string): Promise<Sent> {
  await using sink = await Sink.start();
  const [port = 0] = await freePorts(1);
  execFileSync(join(here, 'postfix-relay.sh'), [folder, String(port), String(sink.port)], { stdio: 'ignore' });
  const etc = join(folder, 'relay/etc');
  execFileSync('postfix', ['-c', etc, 'start'], { stdio: 'ignore' });
  const master = Number(readFileSync(join(folder, 'relay/queue/pid/master.pid'), 'utf8'));
  try {
    await listening(port);
    const manager = await childCalled(master, 'qmgr');
    process.kill(manager, 'SIGSTOP');
    execFileSync('smtp-source', [
      ...['-d', '-s', String(SESSIONS), '-m', String(MESSAGES), '-l', String(BYTES)],
      ...['-f', 'sender@bench.test', '-t', 'user@sink.test', `127.0.0.1:${port}`],
    ]);
    const before = treeCpuSeconds([master]);
    const started = performance.now();
    process.kill(manager, 'SIGCONT');
    await sink.counted(MESSAGES);
    return { seconds: (performance.now() - started) / 1000, cpu: treeCpuSeconds([master]) - before };
  } finally {
    execFileSync('postfix', ['-c', etc, 'stop'], { stdio: 'ignore' });
  }
}

/** A queue in which 100,000 messages wait: what it costs at a start, in memory, and each time it is looked at. */
export async function waitingRound(report: Report): Promise<void> {
  const folder = openFolder();
  try {
    const installation = install(folder, 1, 1);
    const empty = await startAndIdle(installation);
    const due = Date.now() + 4 * 3_600_000;
    await fill(installation, WAITING, 1_000, due, (n) => `d${n % DESTINATIONS}.test`);
    const full = await startAndIdle(installation);
    const name = `${WAITING.toLocaleString('en')} messages wait`;
    report.add(`${name}: start after kill -9`, 'ms', { kind: 'value', most: 2_000 }, 'own', full.ready);
    const more = full.resident - empty.resident;
    report.add(`${name}: more memory than an empty queue`, 'MB', { kind: 'value', most: 50 }, 'own', more);
    const { idle, busy } = await ticks(installation, due);
    report.add(`${name}: a tick when none is due, 95th percentile`, 'ms', { kind: 'value', most: 5 }, 'own', idle);
    report.add(`${name}: a tick when all are due, 95th percentile`, 'ms', { kind: 'value', most: 5 }, 'own', busy);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Starts it after it was killed; how long that took, and its memory some seconds later. */
async function startAndIdle(installation: Installation): Promise<{ ready: number; resident: number }> {
  await (await installation.serve()).kill();
  const server = await installation.serve();
  await sleep(5_000);
  const resident = residentMegabytes(server.pid);
  await server.kill();
  return { ready: server.readyAfter, resident };
}

/** What the scheduler asks at each look and a lane at its beginning: the 95th percentile of a hundred, without the first. */
async function ticks(installation: Installation, due: number): Promise<{ idle: number; busy: number }> {
  return withStore(installation, async ({ queue }) => {
    const timed = async (now: number) => {
      const times: number[] = [];
      for (let n = 0; n < 101; n++) {
        const started = performance.now();
        const [first] = await queue.due(now, 400);
        await queue.nextDue(now);
        if (first !== undefined) await queue.recipients(first.domain, now, 500);
        if (n > 0) times.push(performance.now() - started);
      }
      return times.sort((a, b) => a - b)[94] ?? Number.NaN;
    };
    return { idle: await timed(Date.now()), busy: await timed(due + 1) };
  });
}

function install(folder: string, dns: number, port: number): Installation {
  return new Installation({
    ...{ folder, threads: 2, listen: { smtp: 0, http: 0 } },
    settings: `[dns]\nservers = ["127.0.0.1:${dns}"]\n[outbound]\nport = ${port}\n[log]\nlevel = "info"`,
  });
}

/** Messages into the queue of a server that does not run, all due at one moment. */
async function fill(
  installation: Installation,
  count: number,
  bytes: number,
  notBefore: number,
  domain: (n: number) => string,
): Promise<void> {
  const line = `${'x'.repeat(76)}\r\n`;
  const body = line.repeat(Math.ceil(bytes / line.length));
  await withStore(installation, async (store) => {
    for (let from = 0; from < count; from += AT_ONCE) {
      const portion = Array.from({ length: Math.min(AT_ONCE, count - from) }, (_, i) => from + i);
      await Promise.all(portion.map((n) => put(store, n, body, notBefore, domain(n))));
    }
  });
}

async function put(store: Store, n: number, body: string, notBefore: number, domain: string): Promise<void> {
  const header = `From: <sender@bench.test>\r\nTo: <user@${domain}>\r\nMessage-ID: <${n}@bench.test>\r\nSubject: ${n}\r\n`;
  const bytes = Buffer.from(`${header}\r\n${body}`);
  await using staging = store.stage({ maxBytes: bytes.length });
  await staging.write(bytes);
  await using staged = await staging.finish();
  await store.queue.add({
    ...{ staged, prefix: new Uint8Array(0), owner: '', sender: 'sender@bench.test', requireTls: false, envelopeId: '' },
    ...{ utf8: false, eightBit: false, returnFull: true, notBefore, expires: notBefore + 432_000_000 },
    recipients: [{ address: `user@${domain}`, domain, original: '', notify: NOTIFY_UNSAID }],
  });
}

async function withStore<T>({ data }: Installation, work: (store: Store) => Promise<T>): Promise<T> {
  await using store = await openQuietStore(data);
  return await work(store);
}

/** Debian's smtp-sink, which counts. */
class Sink implements AsyncDisposable {
  readonly port: number;
  readonly #child: ChildProcess;
  #count = 0;
  #changed = Promise.withResolvers<void>();

  private constructor(port: number) {
    this.port = port;
    this.#child = spawn('smtp-sink', ['-u', 'nobody', '-c', `127.0.0.1:${port}`, '1000'], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    this.#child.stdout?.setEncoding('latin1').on('data', (text: string) => {
      const [last] = [...text.matchAll(/mesg=(\d+)/g)].slice(-1);
      if (last === undefined) return;
      this.#count = Number(last[1]);
      this.#changed.resolve();
      this.#changed = Promise.withResolvers();
    });
  }

  static async start(): Promise<Sink> {
    const [port = 0] = await freePorts(1);
    const sink = new Sink(port);
    await listening(port);
    return sink;
  }

  /** Resolves when so many messages have come. */
  async counted(count: number): Promise<void> {
    const late = sleep(120_000, 'late' as const, { ref: false });
    while (this.#count < count) {
      if ((await Promise.race([this.#changed.promise, late])) === 'late') {
        throw new Error(`${this.#count} of ${count} messages had come after two minutes`);
      }
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill('SIGTERM');
    if (this.#child.exitCode === null && this.#child.signalCode === null) await once(this.#child, 'close');
  }
}

/** The process of a name below another; a daemon starts its own ones in its time. */
async function childCalled(parent: number, name: string): Promise<number> {
  for (let tries = 0; tries < 100; tries++) {
    for (const entry of readdirSync('/proc')) {
      if (!/^\d+$/.test(entry)) continue;
      const stat = statOf(entry);
      if (stat?.includes(`(${name})`) && Number(stat.split(') ')[1]?.split(' ')[1]) === parent) {
        return Number(entry);
      }
    }
    await sleep(100);
  }
  throw new Error(`no ${name} runs below ${parent}`);
}

function statOf(entry: string): string | null {
  try {
    return readFileSync(`/proc/${entry}/stat`, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ESRCH') return null; // it ended meanwhile
    throw error;
  }
}
