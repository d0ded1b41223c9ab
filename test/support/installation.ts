// An installation as an operator has it: a configuration file, a data folder, and the program that runs on them as a
// process of its own, to be asked, killed, traced or measured.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { newCredential } from '#src/auth/scram.ts';
import { cleanEnvironment, posthuis, type Ran, ROOT } from './program.ts';
import { openQuietStore } from './store.ts';

export type PortName =
  | 'https'
  | 'smtp'
  | 'lmtp'
  | 'submission'
  | 'submissions'
  | 'imap'
  | 'imaps'
  | 'pop3'
  | 'pop3s'
  | 'http';

export interface ProgramOptions {
  /** The folder for the configuration and the data. */
  readonly folder: string;
  readonly threads?: number;
  /** The listeners with their ports; 0 is a free one. */
  readonly listen: Partial<Record<PortName, number>>;
  /** Where they listen; 127.0.0.1 if absent. */
  readonly address?: string;
  readonly hostname?: string;
  /** Logins without TLS; true unless said otherwise. */
  readonly plaintext?: boolean;
  /** More lines of the configuration, section headers included. */
  readonly settings?: string;
  readonly messageSize?: string;
}

/** A configuration and what can be run with it. */
export class Installation {
  readonly config: string;
  readonly data: string;
  readonly #listeners: readonly string[];

  constructor(options: ProgramOptions) {
    this.config = join(options.folder, 'posthuis.toml');
    this.data = join(options.folder, 'data');
    mkdirSync(options.folder, { recursive: true });
    this.#listeners = Object.keys(options.listen);
    const listen = Object.entries(options.listen).map(
      ([name, port]) => `${name} = ["${options.address ?? '127.0.0.1'}:${port}"]`,
    );
    writeFileSync(
      this.config,
      [
        `hostname = "${options.hostname ?? 'mail.example.test'}"`,
        `data = ${JSON.stringify(this.data)}`,
        `threads = ${options.threads ?? 1}`,
        '[listen]',
        ...listen,
        '[auth]',
        `plaintext = ${options.plaintext ?? true}`,
        ...(options.messageSize === undefined ? [] : ['[limits]', `message_size = "${options.messageSize}"`]),
        options.settings ?? '',
        '',
      ].join('\n'),
    );
  }

  /** Runs one command to its end. */
  run(args: readonly string[], input = ''): Promise<Ran> {
    return posthuis(['--config', this.config, ...args], { input });
  }

  /** Runs one command that must succeed. */
  async ok(args: readonly string[], input = ''): Promise<string> {
    const { status, stdout, stderr } = await this.run(args, input);
    if (status !== 0) throw new Error(`posthuis ${args.join(' ')}: status ${status}\n${stdout}${stderr}`);
    return stdout;
  }

  /**
   * Makes a domain with these accounts, all with the same password. Through the store itself and not by the commands,
   * which are a process each: some tests want a hundred.
   */
  async populate(names: readonly string[], password: string, domain = 'example.test'): Promise<void> {
    const credential = await newCredential(password);
    await using store = await openQuietStore(this.data);
    await store.directory.addDomain(domain);
    for (const name of names) {
      await store.directory.addAccount({ address: `${name}@${domain}`, quota: null, ...credential });
    }
  }

  /** Starts the server; resolves when it says that it is ready. `wrapper`: a command that runs it (strace ...). */
  async serve(options: { wrapper?: readonly string[]; env?: Record<string, string> } = {}): Promise<Running> {
    const [command = process.execPath, ...before] = options.wrapper ?? [];
    const own = options.wrapper === undefined ? [] : [process.execPath];
    const started = performance.now();
    const child = spawn(command, [...before, ...own, ...this.#arguments(['serve'])], {
      cwd: ROOT,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: cleanEnvironment(options.env),
    });
    const running = new Running(child, this.#listeners, started);
    // A test that fails or is stopped leaves no server behind.
    const end = () => child.kill('SIGKILL');
    process.once('exit', end);
    child.once('close', () => process.off('exit', end));
    await running.ready;
    return running;
  }

  #arguments(args: readonly string[]): string[] {
    return [join(ROOT, 'src/posthuis.js'), '--config', this.config, ...args];
  }
}

/** A server that runs. */
export class Running {
  readonly child: ChildProcess;
  readonly ready: Promise<void>;
  readonly exited: Promise<{ status: number | null; signal: NodeJS.Signals | null }>;
  readonly ports: Partial<Record<PortName, number>> = {};
  /** Milliseconds from the start until it was ready. */
  readyAfter = 0;
  /** All that it has printed: whole lines, so that those of its two streams do not run into each other. */
  output = '';

  constructor(child: ChildProcess, listeners: readonly string[], started: number) {
    this.child = child;
    this.exited = once(child, 'close').then(([status, signal]) => ({ status, signal }));
    this.ready = new Promise((resolve, reject) => {
      for (const stream of [child.stdout, child.stderr]) {
        let rest = '';
        stream?.setEncoding('utf8').on('data', (text: string) => {
          const end = text.lastIndexOf('\n') + 1;
          if (end > 0) this.output += rest + text.slice(0, end);
          rest = end > 0 ? text.slice(end) : rest + text;
          if (end === 0 || this.readyAfter > 0 || !this.#isReady(listeners)) return;
          this.readyAfter = performance.now() - started;
          resolve();
        });
        stream?.on('end', () => {
          this.output += rest;
        });
      }
      child.on('error', reject);
      child.on('close', (status) =>
        reject(new Error(`the server ended with ${status} before it was ready:\n${this.output}`)),
      );
    });
  }

  get pid(): number {
    return this.child.pid as number;
  }

  /** The port of a listener. */
  port(name: PortName): number {
    const port = this.ports[name];
    if (port === undefined) throw new Error(`${name} does not listen`);
    return port;
  }

  /** Ends it gracefully and tells how it ended. */
  async stop(): Promise<{ status: number | null; signal: NodeJS.Signals | null }> {
    this.child.kill('SIGTERM');
    return this.exited;
  }

  /** kill -9. */
  async kill(): Promise<void> {
    this.child.kill('SIGKILL');
    await this.exited;
  }

  /** `ready`, and a line for each listener. */
  #isReady(listeners: readonly string[]): boolean {
    for (const [, name, port] of this.output.matchAll(/^(\w+) 127\.0\.0\.\d+:(\d+)$/gm)) {
      this.ports[name as PortName] = Number(port);
    }
    return /^ready$/m.test(this.output) && listeners.every((name) => name in this.ports);
  }
}

/** Where `freePorts` looks, and in how many parts: a peer takes its port at an address of its own, and only later. */
const [FIRST_PORT, PORTS, PARTS] = [15_000, 15_000, 5];

/**
 * Free loopback ports outside the range that connections take theirs from, so that they are still free after a kill.
 * Test files that run at once do not get the same.
 */
export async function freePorts(count: number): Promise<number[]> {
  const ports: number[] = [];
  const part = Number(process.env.VITEST_POOL_ID ?? 0) % PARTS;
  for (let tries = 0; ports.length < count && tries < 1000; tries += 1) {
    const port = FIRST_PORT + Math.floor(((part + Math.random()) * PORTS) / PARTS);
    const server = createServer();
    const free = await new Promise<boolean>((resolve) => {
      server.once('error', () => resolve(false));
      server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
    });
    if (free && !ports.includes(port)) ports.push(port);
  }
  if (ports.length < count) throw new Error('no free ports were found');
  return ports;
}
