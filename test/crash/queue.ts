// Kill -9 at every stage of a message's life in the queue: `node test/crash/queue.ts [random rounds] [seed]`. First at each of
// the moments below, then, as often as asked, at random while twenty clients hand in mail. Nothing that was acknowledged may
// be lost, and only a message whose dot had been sent, and whose reply had not been written down, may arrive twice.
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { createTransport } from 'nodemailer';
import { connectControl, runRemotely } from '#src/control/client.ts';
import { testDns } from '#test/support/dns-server.ts';
import { temporaryFolder } from '#test/support/folder.ts';
import { freePorts, Installation, type Running } from '#test/support/installation.ts';
import { between, seeded } from '#test/support/random.ts';
import { type Act, type PeerSession, SmtpPeer } from '#test/support/smtp-peer.ts';
import type { KillAt } from './kill-at.ts';

const PASSWORD = 'correct horse';
/** Longer than any stage takes, on the slowest machine: nothing is judged by it. */
const PATIENCE_MS = 180_000;
const LOOK_MS = 20;
/** One message in so many is refused by the peer: if a fifth were, the account's mail would be held. */
const REFUSED_OF = 20;
/** What the peer takes, puts off until after the kill, and refuses. */
type Kind = 'take' | 'defer' | 'refuse';

interface Point {
  readonly name: string;
  readonly kind: Kind;
  /** The peer takes chunks (BDAT). */
  readonly chunks?: true;
  /** A moment inside the server; what the peer has just been sent; or the submission's 250. */
  readonly kill: KillAt | { readonly peer: string; readonly last?: true } | 'accepted';
  /** Run once the message waits for its second attempt. */
  readonly command?: 'hold' | 'delete';
  /** How often its dot may be sent; once if not said. */
  readonly dots?: readonly number[];
  /** Whether it was acknowledged; true if not said. */
  readonly acknowledged?: boolean;
}

const settle = (moment: KillAt['moment'], state: 'sent' | 'failed' | 'waiting', report = false): KillAt => ({
  ...{ call: 'settle', moment, state, report },
});

const POINTS: readonly Point[] = [
  {
    name: 'in the transaction that takes it',
    kind: 'take',
    kill: { call: 'add', moment: 'inside' },
    acknowledged: false,
    dots: [0],
  },
  {
    name: 'after that commit, before its 250',
    kind: 'take',
    kill: { call: 'add', moment: 'committed' },
    acknowledged: false,
  },
  {
    name: 'when it is durable, before its 250',
    kind: 'take',
    kill: { call: 'add', moment: 'durable' },
    acknowledged: false,
  },
  { name: 'after its 250, before the scheduler', kind: 'take', kill: 'accepted' },
  { name: 'while connecting', kind: 'take', kill: { peer: 'CONNECT' } },
  { name: 'after EHLO', kind: 'take', kill: { peer: 'EHLO' } },
  { name: 'after MAIL', kind: 'take', kill: { peer: 'MAIL' } },
  { name: 'after RCPT', kind: 'take', kill: { peer: 'RCPT' } },
  { name: 'after DATA', kind: 'take', kill: { peer: 'DATA' } },
  { name: 'in the content', kind: 'take', kill: { peer: 'CONTENT' } },
  { name: 'after the dot, before the reply', kind: 'take', kill: { peer: 'DOT' }, dots: [2] },
  { name: 'after the first BDAT', kind: 'take', kill: { peer: 'BDAT' }, chunks: true },
  { name: 'between two chunks', kind: 'take', kill: { peer: 'CHUNK' }, chunks: true },
  { name: 'at the last chunk', kind: 'take', kill: { peer: 'BDAT', last: true }, chunks: true },
  { name: 'after the last chunk, before the reply', kind: 'take', kill: { peer: 'DOT' }, chunks: true, dots: [2] },
  {
    name: 'after the reply to the last chunk, before it is written',
    ...{ kind: 'take', kill: settle('before', 'sent'), chunks: true, dots: [2] },
  },
  { name: 'after the reply, before it is written', kind: 'take', kill: settle('before', 'sent'), dots: [2] },
  { name: 'in the transaction that writes the reply', kind: 'take', kill: settle('inside', 'sent'), dots: [2] },
  { name: 'after that commit', kind: 'take', kill: settle('committed', 'sent') },
  { name: 'when the reply is durable', kind: 'take', kill: settle('durable', 'sent') },
  { name: 'before a failure report is written', kind: 'refuse', kill: settle('before', 'failed', true) },
  { name: 'in the transaction of a failure report', kind: 'refuse', kill: settle('inside', 'failed', true) },
  { name: 'after the commit of a failure report', kind: 'refuse', kill: settle('committed', 'failed', true) },
  { name: 'when a failure report is durable', kind: 'refuse', kill: settle('durable', 'failed', true) },
  { name: 'before a delay report is written', kind: 'defer', kill: settle('before', 'waiting', true) },
  { name: 'in the transaction of a delay report', kind: 'defer', kill: settle('inside', 'waiting', true) },
  { name: 'after the commit of a delay report', kind: 'defer', kill: settle('committed', 'waiting', true) },
  { name: 'when a delay report is durable', kind: 'defer', kill: settle('durable', 'waiting', true) },
  { name: 'before a retry is planned', kind: 'defer', kill: settle('before', 'waiting') },
  { name: 'in the transaction that plans a retry', kind: 'defer', kill: settle('inside', 'waiting') },
  { name: 'after the commit that plans a retry', kind: 'defer', kill: settle('committed', 'waiting') },
  { name: 'when a planned retry is durable', kind: 'defer', kill: settle('durable', 'waiting') },
  { name: 'before it is held', kind: 'defer', kill: { call: 'change', moment: 'before' }, command: 'hold' },
  {
    name: 'in the transaction that holds it',
    kind: 'defer',
    kill: { call: 'change', moment: 'inside' },
    command: 'hold',
  },
  {
    name: 'after the commit that holds it',
    kind: 'defer',
    kill: { call: 'change', moment: 'committed' },
    command: 'hold',
  },
  { name: 'when it is durably held', kind: 'defer', kill: { call: 'change', moment: 'durable' }, command: 'hold' },
  { name: 'before it is deleted', kind: 'defer', kill: { call: 'remove', moment: 'before' }, command: 'delete' },
  {
    name: 'in the transaction that deletes it',
    kind: 'defer',
    kill: { call: 'remove', moment: 'inside' },
    command: 'delete',
  },
  {
    name: 'after the commit that deletes it',
    kind: 'defer',
    kill: { call: 'remove', moment: 'committed' },
    command: 'delete',
    dots: [0],
  },
  {
    name: 'when it is durably deleted',
    kind: 'defer',
    kill: { call: 'remove', moment: 'durable' },
    command: 'delete',
    dots: [0],
  },
];

/** The other server: it counts the dots that came for each subject, and does what is asked of it at one command. */
class Receiver {
  readonly peer: SmtpPeer;
  /** In the order in which they came. */
  readonly dots: { readonly subject: string; readonly session: PeerSession }[] = [];
  /** Called for each command; what it says goes before the usual. */
  at: (command: string, session: PeerSession) => Act | undefined = () => undefined;
  /** Mail for defer@ is taken. */
  relents = true;

  constructor(port: number) {
    this.peer = new SmtpPeer({
      ...{ host: '127.0.0.1', port, extensions: ['PIPELINING'] },
      act: (command, session) => {
        if (command === 'DOT') this.dots.push({ subject: session.subject, session });
        const act = this.at(command, session);
        if (act !== undefined) return act;
        if (command.startsWith('RCPT TO:<refuse')) return '550 5.1.1 Nobody here';
        return command.startsWith('RCPT TO:<defer') && !this.relents ? '451 4.7.1 Not now' : undefined;
      },
    });
  }

  /** What its next EHLO offers. */
  offer(chunks: boolean): void {
    this.peer.options = { ...this.peer.options, extensions: ['PIPELINING', ...(chunks ? ['CHUNKING'] : [])] };
  }

  count(subject: string): number {
    return this.dots.filter((one) => one.subject === subject).length;
  }

  /**
   * What may come twice: a session sends nothing more before the reply to its last dot is written down, so of each session
   * that did not come to its end the last.
   */
  doubtful(): Set<string> {
    const last = new Map<PeerSession, string>();
    for (const { subject, session } of this.dots) {
      if (!session.commands.includes('QUIT')) last.set(session, subject);
    }
    return new Set(last.values());
  }
}

interface Listed {
  readonly listings: readonly {
    readonly recipients: readonly { readonly attempts: number; readonly state: string }[];
  }[];
}

class Trial {
  readonly #program: Installation;
  readonly #receiver: Receiver;
  readonly #mailbox: string;
  readonly faults: string[] = [];
  /** Accounts whose mail was refused: an account with much of it would be held. */
  #refused = 0;

  constructor(program: Installation, receiver: Receiver, folder: string) {
    this.#program = program;
    this.#receiver = receiver;
    this.#mailbox = join(folder, 'anna.mbox');
  }

  async point({ name, kind, kill, chunks, command, dots = [1], acknowledged = true }: Point): Promise<void> {
    const receiver = this.#receiver;
    receiver.relents = kind !== 'defer';
    receiver.offer(chunks === true);
    const reached = Promise.withResolvers<void>();
    if (typeof kill !== 'string' && 'peer' in kill) {
      // From there on nothing is read: what is pipelined behind it, and what is sent before the kill, is no part of it.
      let met = false;
      receiver.at = (line) => {
        met ||= line.startsWith(kill.peer) && (kill.last !== true || line.endsWith(' LAST'));
        if (!met) return undefined;
        reached.resolve();
        return { stall: true };
      };
    } else if (kill === 'accepted') receiver.at = () => ({ stall: true });
    const inside = typeof kill !== 'string' && 'call' in kill ? kill : null;
    let server = await this.#serve(inside);
    const sender = kind === 'refuse' ? `carl${++this.#refused}` : 'anna';
    const taken = await submit(server, sender, kind, name, kind === 'take' && !inside ? 400_000 : 100);
    if (taken !== acknowledged) this.#fault(name, taken ? 'it was acknowledged' : 'it was not acknowledged');
    if (command !== undefined) await this.#command(command, name);
    if (inside === null) {
      if (kill !== 'accepted') await soon(reached.promise, `${name}: the peer was not asked`);
      server.child.kill('SIGKILL');
    }
    await soon(server.exited, `${name}: it was not reached\n${server.output.slice(-2_000)}`);
    await soon(receiver.peer.left(), `${name}: a connection to the peer outlives the server`);
    receiver.at = () => undefined;
    receiver.relents = true;
    server = await this.#serve(null);
    await this.#check(name, command === 'hold' && inside?.moment !== 'before' && inside?.moment !== 'inside');
    await this.#program.run(['queue', 'flush']);
    await this.#empty(name);
    const found = receiver.count(name);
    const wanted = kind === 'refuse' ? [0] : dots;
    if (!wanted.includes(found)) this.#fault(name, `its dot came ${found} times instead of ${wanted.join(' or ')}`);
    const written = inside?.moment === 'committed' || inside?.moment === 'durable';
    await this.#reports(name, sender, kind, inside?.report === true && written);
    await server.stop();
    console.log(`${name}: ${acknowledged ? 'acknowledged' : 'not acknowledged'}, its dot came ${found} times`);
  }

  /** Twenty clients hand in mail, until the server is killed at a random moment. */
  async round(number: number, random: () => number): Promise<void> {
    const receiver = this.#receiver;
    receiver.offer(number % 2 === 0);
    let server = await this.#serve(null);
    const acknowledged: { subject: string; kind: Kind }[] = [];
    let killed = false;
    let sent = 0;
    let handed = between(random, 0, REFUSED_OF - 1);
    const client = async (n: number) => {
      for (let i = 0; !killed; i++) {
        const kind = handed++ % REFUSED_OF === 0 ? 'refuse' : 'take';
        const subject = `round ${number} client ${n} message ${i}`;
        if (await submit(server, 'anna', kind, subject, 100)) acknowledged.push({ subject, kind });
        sent++;
      }
    };
    const clients = Array.from({ length: 20 }, (_, n) => client(n));
    const least = between(random, 5, 60);
    const end = performance.now() + PATIENCE_MS;
    while (acknowledged.length < least && performance.now() < end) await sleep(LOOK_MS);
    await sleep(between(random, 0, 50));
    if (acknowledged.length < least) this.#fault(`round ${number}`, `only ${acknowledged.length} were acknowledged`);
    killed = true;
    server.child.kill('SIGKILL');
    await server.exited;
    await Promise.all(clients);
    await soon(receiver.peer.left(), `round ${number}: a connection to the peer outlives the server`);
    const doubtful = receiver.doubtful();
    server = await this.#serve(null);
    await this.#check(`round ${number}`, false);
    await this.#program.run(['queue', 'flush']);
    await this.#empty(`round ${number}`);
    for (const { subject, kind } of acknowledged) {
      const count = receiver.count(subject);
      if (kind === 'take' && count === 0) this.#fault(subject, 'it is lost');
      if (count > 1 && !(count === 2 && doubtful.has(subject))) this.#fault(subject, `it came ${count} times`);
    }
    const text = await this.#export('anna');
    for (const { subject } of acknowledged.filter(({ kind }) => kind === 'refuse')) {
      const reports = occurrences(text, `\nSubject: ${subject}\n`);
      if (reports !== 1) this.#fault(subject, `it was reported on ${reports} times`);
    }
    await server.stop();
    const twice = acknowledged.filter(({ subject }) => receiver.count(subject) === 2).length;
    console.log(`round ${number}: ${sent} handed in, ${acknowledged.length} acknowledged, ${twice} came twice`);
  }

  #serve(kill: KillAt | null): Promise<Running> {
    const hook = pathToFileURL(join(import.meta.dirname, 'kill-at.ts')).href;
    return this.#program.serve(
      kill === null ? {} : { env: { NODE_OPTIONS: `--import=${hook}`, KILL_AT: JSON.stringify(kill) } },
    );
  }

  /** Once it waits for its second attempt; the server does not live to answer. */
  async #command(command: 'hold' | 'delete', name: string): Promise<void> {
    const end = performance.now() + PATIENCE_MS;
    for (;;) {
      const [message] = await this.#list();
      if ((message?.recipients[0]?.attempts ?? 0) > 0) break;
      if (performance.now() > end) throw new Error(`${name}: it was not tried`);
      await sleep(LOOK_MS);
    }
    await this.#program.run(['queue', command, '--domain', 'other.test']);
  }

  /** `verify` finds nothing, and what an operator did is done. */
  async #check(name: string, held: boolean): Promise<void> {
    const { status, stdout, stderr } = await this.#program.run(['verify']);
    if (status !== 0) this.#fault(name, `verify:\n${stdout}${stderr}`);
    if (!held) return;
    const [message] = await this.#list();
    if (message?.recipients[0]?.state !== 'held') this.#fault(name, 'it is not held');
    await this.#program.run(['queue', 'release', '--domain', 'other.test']);
  }

  async #empty(name: string): Promise<void> {
    const end = performance.now() + PATIENCE_MS;
    while ((await this.#list()).length > 0) {
      if (performance.now() > end) throw new Error(`${name}: the queue does not become empty`);
      await sleep(LOOK_MS);
    }
  }

  /** Asked of the server itself: a process for each look would take longer than what is looked at. */
  async #list(): Promise<Listed['listings']> {
    const socket = await connectControl(this.#program.data);
    if (socket === undefined) throw new Error('no server runs');
    const args = { id: null, domain: null, sender: null, account: null };
    const terminal = { out: () => undefined, note: () => undefined, input: new ReadableStream<Uint8Array>() };
    const { listings } = await runRemotely(socket, 'queue list', { args, show: (_: Listed) => undefined }, terminal);
    return listings;
  }

  /** One failure report, or one report of the delay; both quote the header. */
  async #reports(name: string, sender: string, kind: Kind, delayed: boolean): Promise<void> {
    const reports = (await this.#export(sender)).split(/^From /m).filter((one) => one.includes(`\nSubject: ${name}\n`));
    const failures = reports.filter((one) => one.includes('\nAction: failed\n')).length;
    const delays = reports.filter((one) => one.includes('\nAction: delayed\n')).length;
    if (failures !== (kind === 'refuse' ? 1 : 0)) this.#fault(name, `${failures} reports of a failure`);
    // One that was not written yet is not needed any more when the mail is taken at last.
    if (kind === 'defer' && delayed ? delays !== 1 : delays > 1) this.#fault(name, `${delays} reports of a delay`);
  }

  async #export(name: string): Promise<string> {
    rmSync(this.#mailbox, { force: true });
    await this.#program.ok(['export', `${name}@example.test`, this.#mailbox]);
    return readFileSync(this.#mailbox, 'utf8');
  }

  #fault(name: string, what: string): void {
    this.faults.push(`${name}: ${what}`);
    console.error(`FAULT: ${name}: ${what}`);
  }
}

function occurrences(text: string, part: string): number {
  return text.split(part).length - 1;
}

/** True if it was acknowledged. */
async function submit(server: Running, sender: string, kind: Kind, subject: string, bytes: number): Promise<boolean> {
  const transport = createTransport({
    ...{ host: '127.0.0.1', port: server.port('submission'), secure: false, ignoreTLS: true },
    auth: { user: `${sender}@example.test`, pass: PASSWORD },
    greetingTimeout: PATIENCE_MS,
  });
  try {
    // An address of its own: one that was refused is not sent to again.
    const line = `${'x'.repeat(70)}\n`;
    const text = line.repeat(Math.ceil(bytes / line.length));
    await transport.sendMail({
      from: `${sender}@example.test`,
      to: `${kind}-${subject.replace(/\W+/g, '-')}@other.test`,
      subject,
      text,
    });
    return true;
  } catch {
    return false; // the server is gone, or going
  } finally {
    transport.close();
  }
}

async function soon<T>(promise: Promise<T>, what: string): Promise<T> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => late.reject(new Error(what)), PATIENCE_MS);
  try {
    return await Promise.race([promise, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}

async function main(): Promise<void> {
  const rounds = Number(process.argv[2] ?? 0);
  const random = seeded(Number(process.argv[3] ?? 1));
  await using folder = await temporaryFolder();
  await using dns = await testDns({
    'other.test': { MX: [[10, 'mx.other.test']] },
    'mx.other.test': { A: ['127.0.0.1'] },
  });
  const [port = 0] = await freePorts(1);
  const receiver = new Receiver(port);
  await using _peer = await receiver.peer.start();
  const program = new Installation({
    ...{ folder: join(folder.path, 'here'), threads: 2, listen: { submission: 0 } },
    settings: [
      `[dns]\nservers = ["127.0.0.1:${dns.port}"]`,
      `[outbound]\nport = ${port}\nfirst_retry = "1s"\nlongest_retry = "2s"\ndelay_report = "1s"`,
      '[submission]\nmessages_a_day = 0\nnew_recipients_a_day = 0',
    ].join('\n'),
  });
  await program.populate(['anna', 'carl1', 'carl2', 'carl3', 'carl4'], PASSWORD);
  const trial = new Trial(program, receiver, folder.path);
  for (const point of POINTS) await trial.point(point);
  for (let number = 1; number <= rounds; number++) await trial.round(number, random);
  console.log(`${POINTS.length} moments and ${rounds} random rounds, ${trial.faults.length} faults`);
  if (trial.faults.length > 0) process.exitCode = 1;
}

await main();
