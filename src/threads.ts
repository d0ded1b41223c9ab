// The server threads beside the main one, seen from the main thread: started together, asked for their counts, stopped together. A thread
// that ends by itself ends the process: the locks it held are never freed (DESIGN 5), and a supervisor starts anew.
import { Worker } from 'node:worker_threads';
import type { SessionRecord } from '#protocols/ports.ts';
import { SCRAPE_MS, STOP_MS, THREAD_START_MS, THREAD_YOUNG_MB } from './limits.ts';
import type { MetricsSnapshot } from './observe/metrics.ts';
import type { FromThread, ThreadData, ToThread } from './thread-messages.ts';

/** Time for a thread to close its store, after the sessions had theirs. */
const CLOSE_MS = 2_000;

export interface ServerThreads {
  /** Each thread's counts; those of a thread that does not answer in time are left out. */
  snapshots(): Promise<MetricsSnapshot[]>;
  /** The last sessions in the threads of an IP address or an account. */
  sessions(subject: string): Promise<SessionRecord[]>;
  /** Ends all of them gracefully; those that do not end are ended. */
  stop(): Promise<void>;
}

export interface ThreadsOptions {
  /** The program of a thread. */
  readonly entry: URL;
  /** What each is started with; as many threads as entries. */
  readonly data: readonly ThreadData[];
  /** Called when a thread has ended or failed that was not told to stop. */
  died(error: Error): void;
}

/** Starts the threads; resolves when all listen, rejects when one can't. */
export async function startThreads(options: ThreadsOptions): Promise<ServerThreads> {
  const threads = options.data.map((data) => new ServerThread(options, data));
  try {
    await Promise.all(threads.map((thread) => thread.listening));
    return {
      async snapshots() {
        const answers = await Promise.all(threads.map((thread) => thread.snapshot()));
        return answers.filter((answer) => answer !== undefined);
      },
      async sessions(subject) {
        const answers = await Promise.all(threads.map((thread) => thread.sessions(subject)));
        return answers.flatMap((records) => records ?? []);
      },
      async stop() {
        await Promise.all(threads.map((thread) => thread.stop()));
      },
    };
  } catch (error) {
    await Promise.all(threads.map((thread) => thread.stop()));
    throw error;
  }
}

class ServerThread {
  readonly listening: Promise<void>;
  readonly #worker: Worker;
  readonly #exited: Promise<number>;
  readonly #questions = new Map<number, (answer: FromThread | undefined) => void>();
  #question = 0;
  #stopping = false;
  #started = false;

  constructor({ entry, died }: ThreadsOptions, data: ThreadData) {
    const listening = Promise.withResolvers<void>();
    const name = `server thread ${data.thread}`;
    const hung = setTimeout(() => listening.reject(new Error(`${name} does not start`)), THREAD_START_MS);
    this.listening = listening.promise.finally(() => clearTimeout(hung));
    this.#worker = new Worker(entry, {
      workerData: data,
      name,
      resourceLimits: { maxYoungGenerationSizeMb: THREAD_YOUNG_MB },
    });
    const failed = (error: Error) => {
      // While it starts, whoever waits is told; later nobody waits, and the process must end.
      if (this.#started && !this.#stopping) died(error);
      else listening.reject(error);
    };
    this.#worker.on('message', (message: FromThread) => {
      if (message.kind === 'listening') {
        this.#started = true;
        listening.resolve();
      } else if (message.kind === 'metrics' || message.kind === 'sessions') this.#questions.get(message.id)?.(message);
      else failed(new Error(`${name}: ${message.message}`));
    });
    this.#worker.on('error', (error) => failed(new Error(`${name} failed`, { cause: error })));
    this.#exited = new Promise((resolve) => {
      this.#worker.on('exit', (code) => {
        resolve(code);
        failed(new Error(`${name} ended with ${code}`));
      });
    });
  }

  async snapshot(): Promise<MetricsSnapshot | undefined> {
    const answer = await this.#ask((id) => ({ kind: 'scrape', id }));
    return answer?.kind === 'metrics' ? answer.snapshot : undefined;
  }

  async sessions(subject: string): Promise<readonly SessionRecord[] | undefined> {
    const answer = await this.#ask((id) => ({ kind: 'sessions', id, subject }));
    return answer?.kind === 'sessions' ? answer.records : undefined;
  }

  /** The thread's answer, or undefined when it takes too long. */
  #ask(question: (id: number) => ToThread): Promise<FromThread | undefined> {
    const id = ++this.#question;
    const { promise, resolve } = Promise.withResolvers<FromThread | undefined>();
    const late = setTimeout(() => resolve(undefined), SCRAPE_MS);
    this.#questions.set(id, resolve);
    this.#post(question(id));
    return promise.finally(() => {
      clearTimeout(late);
      this.#questions.delete(id);
    });
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    this.#post({ kind: 'stop' });
    const late = setTimeout(() => void this.#worker.terminate(), STOP_MS + CLOSE_MS);
    await this.#exited;
    clearTimeout(late);
  }

  #post(message: ToThread): void {
    this.#worker.postMessage(message);
  }
}
