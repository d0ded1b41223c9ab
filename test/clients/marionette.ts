// Thunderbird without a window, driven over Marionette (Mozilla's remote protocol): a TCP connection on which each
// packet is `<length>:<json>`, a command `[0, id, name, parameters]`, its answer `[1, id, error, result]`.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/** A start on a busy machine, ms. */
const START = 300_000;
/** One script. */
const SCRIPT = 300_000;

export interface Thunderbird extends AsyncDisposable {
  /**
   * Runs the body of an asynchronous function with all of Thunderbird's rights, and resolves with what it returns.
   * `args` are its `args`.
   */
  script(body: string, ...args: unknown[]): Promise<unknown>;
  /** What it has logged of its IMAP connections. */
  log(): string;
}

/** Starts it on a new profile below `home`. */
export async function startThunderbird(
  home: string,
  settings: Record<string, string | number | boolean>,
): Promise<Thunderbird> {
  const profile = join(home, 'profile');
  mkdirSync(profile);
  const all = {
    'marionette.port': 0,
    'app.update.enabled': false,
    'datareporting.policy.dataSubmissionEnabled': false,
  };
  const lines = Object.entries({ ...all, ...settings }).map(
    ([name, value]) => `user_pref(${JSON.stringify(name)}, ${JSON.stringify(value)});\n`,
  );
  writeFileSync(join(profile, 'user.js'), lines.join(''));
  const log = join(home, 'imap');
  const flags = ['--headless', '--profile', profile, '--no-remote', '--marionette', '--remote-allow-system-access'];
  const child = spawn('thunderbird', flags, {
    cwd: home,
    stdio: ['ignore', 'ignore', 'pipe'],
    env: {
      ...{ ...process.env, HOME: home, MOZ_HEADLESS: '1', MOZ_CRASHREPORTER_DISABLE: '1', LC_ALL: 'C.UTF-8' },
      ...{ MOZ_LOG: 'IMAP:3,sync', MOZ_LOG_FILE: log },
    },
  });
  let errors = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    errors = (errors + text).slice(-4_000);
  });
  try {
    const port = await activePort(profile, child);
    const session = await Session.open(port);
    return {
      script: (body, ...args) => session.script(body, args),
      log: () => readFileSync(`${log}.moz_log`, 'latin1'),
      async [Symbol.asyncDispose]() {
        session.close();
        await stop(child);
      },
    };
  } catch (error) {
    await stop(child);
    throw new Error(`thunderbird did not start: ${errors}`, { cause: error });
  }
}

/** The port that the system gave it. */
async function activePort(profile: string, child: ChildProcess): Promise<number> {
  const file = join(profile, 'MarionetteActivePort');
  for (const end = performance.now() + START; performance.now() < end; await sleep(100)) {
    if (child.exitCode !== null) throw new Error(`it ended with status ${child.exitCode}`);
    const port = existsSync(file) ? Number(readFileSync(file, 'utf8')) : 0;
    if (port > 0) return port;
  }
  throw new Error('it named no port in time');
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill('SIGKILL');
  await once(child, 'close');
}

class Session {
  readonly #socket: Socket;
  #input = Buffer.alloc(0);
  #commands = 0;
  #waiting: ((packet: unknown) => void) | null = null;
  readonly #packets: unknown[] = [];

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('data', (chunk: Buffer) => this.#receive(chunk));
    socket.on('error', (error) => this.#packet([1, this.#commands, { message: error.message }, null]));
  }

  static async open(port: number): Promise<Session> {
    const socket = connect(port, '127.0.0.1');
    await once(socket, 'connect');
    const session = new Session(socket);
    await session.#next();
    await session.#command('WebDriver:NewSession', {});
    await session.#command('Marionette:SetContext', { value: 'chrome' });
    return session;
  }

  async script(body: string, args: readonly unknown[]): Promise<unknown> {
    const script = `const done = arguments[arguments.length - 1]; const args = [...arguments].slice(0, -1);
      (async () => { ${body} })().then((value) => done({ value: value ?? null }), (error) => done({ error: String(error) }));`;
    const result = (await this.#command('WebDriver:ExecuteAsyncScript', { script, args, scriptTimeout: SCRIPT })) as {
      value: { value?: unknown; error?: string };
    };
    if (result.value.error !== undefined) throw new Error(`the script failed: ${result.value.error}`);
    return result.value.value;
  }

  close(): void {
    this.#socket.destroy();
  }

  async #command(name: string, parameters: object): Promise<unknown> {
    const text = JSON.stringify([0, ++this.#commands, name, parameters]);
    this.#socket.write(`${Buffer.byteLength(text)}:${text}`);
    const [, , error, result] = (await this.#next()) as [number, number, { message: string } | null, unknown];
    if (error !== null) throw new Error(`${name}: ${error.message}`);
    return result;
  }

  #next(): Promise<unknown> {
    if (this.#packets.length > 0) return Promise.resolve(this.#packets.shift());
    const { promise, resolve } = Promise.withResolvers<unknown>();
    this.#waiting = resolve;
    return promise;
  }

  #receive(chunk: Buffer): void {
    this.#input = Buffer.concat([this.#input, chunk]);
    for (;;) {
      const colon = this.#input.indexOf(':');
      const length = colon < 0 ? Number.POSITIVE_INFINITY : Number(this.#input.toString('latin1', 0, colon));
      if (!(this.#input.length > colon + length)) return;
      const text = this.#input.toString('utf8', colon + 1, colon + 1 + length);
      this.#input = this.#input.subarray(colon + 1 + length);
      this.#packet(JSON.parse(text));
    }
  }

  #packet(packet: unknown): void {
    if (this.#waiting === null) this.#packets.push(packet);
    else this.#waiting(packet);
    this.#waiting = null;
  }
}
