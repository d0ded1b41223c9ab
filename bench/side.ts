// The two sides of a benchmark: Posthuis, and Debian's Dovecot with Postfix in front of it. A side is started, asked for
// its ports and processes, and stopped by what it was started with.
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Installation, type Running } from '#test/support/installation.ts';

const here = import.meta.dirname;
/** Accounts on each side: as many as connections that deliver at once. */
export const USERS = 100;
/** Peers listen on fixed ports, which their scripts have as defaults. */
const PEER = { imap: 10143, pop3: 10110, lmtp: 10024, smtp: 10025 } as const;

export interface Side extends AsyncDisposable {
  readonly name: string;
  readonly version: string;
  readonly imap: number;
  /** IMAP under TLS; 0 where it is not measured. */
  readonly imaps: number;
  readonly pop3: number;
  readonly smtp: number;
  /** `user%d`, numbered from 1. */
  readonly users: string;
  readonly domain: string;
  readonly password: string;
  /** The process whose tree is counted. */
  readonly pid: number;
  /** All roots of processes, where mail in flight passes through another program too. */
  readonly pids: readonly number[];
  /** The etc folder of a Postfix whose queue must be empty before mail counts as delivered. */
  readonly queue: string | null;
  /** The folder that holds the mail. */
  readonly data: string;
  /** What delays each server thread's event loop since the last question; empty for a peer. */
  delays(): Promise<Delay[]>;
  /** Starts it again on the same data, with nothing in memory. A peer has a process for each connection anyway. */
  restart(): Promise<void>;
}

export interface Delay {
  readonly thread: string;
  readonly p99: number;
  readonly longest: number;
}

/** A folder that other users can reach, since a peer's processes run as such. */
export function openFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'posthuis-bench-'));
  chmodSync(folder, 0o755);
  return folder;
}

export interface OwnOptions {
  readonly threads?: number;
  readonly settings?: string;
  /** A folder that stays, with what is in it already; else one of its own. */
  readonly kept?: string | undefined;
  /** Code compiled by an earlier start is kept for the next, as the unit and the image do. */
  readonly compiled?: boolean;
  /** Runs with a server that ends before the one that is measured is started. */
  readonly prepare?: (side: Side) => Promise<void>;
}

type Own = Side & { program: Installation; running: Running };

/** Posthuis with USERS accounts; authentication of senders, classification and filters are not there yet. */
export async function startOwn(options: OwnOptions = {}): Promise<Own> {
  const folder = options.kept ?? openFolder();
  const filled = existsSync(join(folder, 'data'));
  const program = new Installation({
    folder,
    threads: options.threads ?? 2,
    listen: { smtp: 0, imap: 0, imaps: 0, pop3: 0, http: 0 },
    ...(options.settings === undefined ? {} : { settings: options.settings }),
  });
  const names = Array.from({ length: USERS }, (_, index) => `user${index + 1}`);
  if (!filled) await program.populate(names, 'pass-word', 'bench.test');
  const env: Record<string, string> = options.compiled === true ? { NODE_COMPILE_CACHE: join(folder, 'compiled') } : {};
  const serve = () => program.serve({ env });
  // Removes it at the end, unless it stays.
  const remove = () => {
    if (options.kept === undefined) rmSync(folder, { recursive: true, force: true });
  };
  // The first start makes the certificate, which takes code that no other start loads.
  const first = await serve();
  await options.prepare?.(ownSide(program, first, serve, remove));
  await first.stop();
  return ownSide(program, await serve(), serve, remove);
}

function ownSide(program: Installation, first: Running, serve: () => Promise<Running>, remove: () => void): Own {
  // Another process after a restart, with other ports.
  let running = first;
  return {
    ...{ name: 'posthuis', version: `posthuis, Node ${process.version}`, program },
    ...{ users: 'user%d', domain: 'bench.test', password: 'pass-word', queue: null, data: program.data },
    get running() {
      return running;
    },
    get imap() {
      return running.port('imap');
    },
    get imaps() {
      return running.port('imaps');
    },
    get pop3() {
      return running.port('pop3');
    },
    get smtp() {
      return running.port('smtp');
    },
    get pid() {
      return running.pid;
    },
    get pids() {
      return [running.pid];
    },
    delays: () => scrape(running.port('http')),
    async restart() {
      await running.stop();
      running = await serve();
    },
    async [Symbol.asyncDispose]() {
      await running.stop();
      remove();
    },
  };
}

/** What delays each server thread's event loop since the last question, from its metrics. */
export async function scrape(port: number): Promise<Delay[]> {
  const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
  const threads = new Map<string, { p99: number; longest: number }>();
  for (const line of text.split('\n')) {
    if (!line.startsWith('posthuis_event_loop_delay_seconds{')) continue;
    const thread = /thread="([^"]*)"/.exec(line)?.[1] ?? '';
    const quantile = /quantile="([^"]*)"/.exec(line)?.[1] ?? '';
    const delay = threads.get(thread) ?? { p99: 0, longest: 0 };
    threads.set(thread, delay);
    const milliseconds = Number(line.slice(line.lastIndexOf(' '))) * 1000;
    if (quantile === '0.99') delay.p99 = milliseconds;
    if (quantile === '1') delay.longest = milliseconds;
  }
  return [...threads].map(([thread, delay]) => ({ thread, ...delay }));
}

function installed(command: string): boolean {
  return spawnSync('sh', ['-c', `command -v ${command}`]).status === 0;
}

/** Can the peers run here? They need root for their users, and to be installed. */
export function peersMissing(): string | null {
  if (process.getuid?.() !== 0) return 'the peers need root';
  const missing = ['dovecot', 'postfix', 'smtp-source', 'doveadm'].filter((command) => !installed(command));
  return missing.length > 0 ? `not installed: ${missing.join(', ')}` : null;
}

/** Dovecot with sdbox mailboxes, or with Maildir ones, and Postfix in front of it; `kept` as in OwnOptions. */
export async function startPeer(format: 'sdbox' | 'maildir', kept?: string): Promise<Side> {
  const folder = kept ?? openFolder();
  execFileSync(join(here, 'dovecot.sh'), [folder], { stdio: 'ignore' });
  const config = join(folder, 'dovecot/dovecot.conf');
  const dovecot = spawn('dovecot', ['-F', '-c', config], { stdio: 'ignore' });
  execFileSync(join(here, 'postfix.sh'), [folder, String(PEER.lmtp), String(PEER.smtp)], { stdio: 'ignore' });
  const etc = join(folder, 'postfix/etc');
  execFileSync('postfix', ['-c', etc, 'start'], { stdio: 'ignore' });
  const master = Number(readFileSync(join(folder, 'postfix/queue/pid/master.pid'), 'utf8'));
  for (const port of Object.values(PEER)) await listening(port);
  const version = execFileSync('dovecot', ['--version'], { encoding: 'utf8' }).split(' ')[0];
  return {
    ...{ name: format, version: `Dovecot ${version} (${format})`, queue: etc },
    ...{ imap: PEER.imap, imaps: 0, pop3: PEER.pop3, smtp: PEER.smtp, domain: 'bench.test', password: 'pass' },
    users: format === 'sdbox' ? 'sd%d' : 'user%d',
    data: join(folder, 'mail', format === 'sdbox' ? 'sd' : 'md'),
    pid: dovecot.pid as number,
    pids: [dovecot.pid as number, master],
    delays: async () => [],
    restart: async () => {},
    async [Symbol.asyncDispose]() {
      execFileSync('postfix', ['-c', etc, 'stop'], { stdio: 'ignore' });
      dovecot.kill('SIGTERM');
      if (dovecot.exitCode === null) await once(dovecot, 'close');
      if (kept === undefined) rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Resolves when something listens on a port. */
export async function listening(port: number): Promise<void> {
  for (let tries = 0; tries < 100; tries += 1) {
    if (spawnSync('bash', ['-c', `exec 3<>/dev/tcp/127.0.0.1/${port}`], { stdio: 'ignore' }).status === 0) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(`nothing listens on ${port}`);
}

interface Process {
  readonly pid: number;
  readonly parent: number;
  /** Seconds of CPU, of children that have ended too. */
  readonly cpu: number;
  readonly threads: number;
}

/** Every process below these, them included. */
function tree(roots: readonly number[]): Process[] {
  const all = new Map<number, Process>();
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    try {
      const text = readFileSync(`/proc/${name}/stat`, 'utf8');
      const fields = text
        .slice(text.lastIndexOf(')') + 2)
        .split(' ')
        .map(Number);
      const ticks = [11, 12, 13, 14].reduce((sum, index) => sum + (fields[index] ?? 0), 0);
      all.set(Number(name), { pid: Number(name), parent: fields[1] ?? 0, cpu: ticks / 100, threads: fields[17] ?? 0 });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT' && (error as NodeJS.ErrnoException).code !== 'ESRCH')
        throw error;
    }
  }
  const below = (pid: number): boolean => {
    for (let at = all.get(pid); at !== undefined; at = all.get(at.parent)) if (roots.includes(at.pid)) return true;
    return false;
  };
  return [...all.values()].filter(({ pid }) => below(pid));
}

/** Seconds of CPU that a side has used. */
export function cpuSeconds(side: Pick<Side, 'pids'>): number {
  return treeCpuSeconds(side.pids);
}

/** Seconds of CPU that these processes and those below them have used. */
export function treeCpuSeconds(roots: readonly number[]): number {
  return tree(roots).reduce((sum, { cpu }) => sum + cpu, 0);
}

export function processCounts(side: Side): { processes: number; threads: number } {
  const found = tree(side.pids);
  return { processes: found.length, threads: found.reduce((sum, { threads }) => sum + threads, 0) };
}

/** The resident memory of a process in MB. */
export function residentMegabytes(pid: number): number {
  return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024;
}

/** Bytes that a folder takes on disk, in blocks as `du` counts them. */
export function bytesOnDisk(folder: string): number {
  return Number(execFileSync('du', ['-s', '--block-size=1', folder], { encoding: 'utf8' }).split('\t')[0]);
}

/** A scratch folder inside which the sample messages are made once. */
export function sampleMailbox(folder: string, count: number): string {
  mkdirSync(folder, { recursive: true });
  const file = join(folder, `sample-${count}.mbox`);
  execFileSync('python3', [join(here, 'mkmbox.py'), String(count), file]);
  return file;
}
