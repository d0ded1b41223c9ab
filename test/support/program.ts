// Runs the real program as a child process, as an administrator does.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join, resolve } from 'node:path';

/** The repository's root. */
export const ROOT = resolve(import.meta.dirname, '../..');

export interface Ran {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  /** Standard input; none if absent. */
  readonly input?: string | Uint8Array;
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
}

/** This process's environment without settings of ours, which would reach into the tests. */
export function cleanEnvironment(more: Readonly<Record<string, string>> = {}): NodeJS.ProcessEnv {
  const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith('POSTHUIS_'));
  return { ...Object.fromEntries(inherited), ...more };
}

/** `posthuis ARGUMENTS`, to its end. */
export async function posthuis(words: readonly string[], options: RunOptions = {}): Promise<Ran> {
  const child = spawn(process.execPath, [join(ROOT, 'src/posthuis.js'), ...words], {
    cwd: options.cwd ?? ROOT,
    env: cleanEnvironment(options.env),
  });
  const out: Buffer[] = [];
  const err: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => out.push(chunk));
  child.stderr.on('data', (chunk: Buffer) => err.push(chunk));
  // A program that ends without reading its input is no failure of the test.
  child.stdin.on('error', () => {});
  child.stdin.end(options.input ?? '');
  const status = await new Promise<number | null>((done, failed) => {
    child.on('close', done);
    child.on('error', failed);
  });
  return { status, stdout: Buffer.concat(out).toString(), stderr: Buffer.concat(err).toString() };
}

/** A program that goes on running: `serve`, `demo`. Disposing kills it. */
export class RunningProgram implements AsyncDisposable {
  readonly child: ChildProcess;
  /** What it has written so far. */
  stdout = '';
  stderr = '';
  #changed = Promise.withResolvers<void>();
  readonly #ended: Promise<number | NodeJS.Signals | null>;

  constructor(words: readonly string[], options: RunOptions = {}) {
    this.child = spawn(process.execPath, [join(ROOT, 'src/posthuis.js'), ...words], {
      cwd: options.cwd ?? ROOT,
      env: cleanEnvironment(options.env),
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.child.stdout?.on('data', (chunk: Buffer) => this.#add('stdout', chunk));
    this.child.stderr?.on('data', (chunk: Buffer) => this.#add('stderr', chunk));
    this.#ended = once(this.child, 'close').then(([status, signal]) => {
      this.#wake();
      return (signal ?? status) as number | NodeJS.Signals | null;
    });
  }

  /** Waits until standard output has this; what it then is. Rejects if the program ends before. */
  async until(pattern: RegExp): Promise<string> {
    while (!pattern.test(this.stdout)) {
      if (this.child.exitCode !== null || this.child.signalCode !== null) {
        throw new Error(`the program ended before ${pattern}: ${this.stdout}${this.stderr}`);
      }
      await this.#changed.promise;
    }
    return this.stdout;
  }

  /** Sends a signal and waits for the end: the exit status, or the signal that ended it. */
  async end(signal: NodeJS.Signals): Promise<number | NodeJS.Signals | null> {
    this.child.kill(signal);
    return this.#ended;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.end('SIGKILL');
  }

  #add(where: 'stdout' | 'stderr', chunk: Buffer): void {
    this[where] += chunk.toString();
    this.#wake();
  }

  #wake(): void {
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
  }
}
