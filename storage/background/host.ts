// The main thread's end of a helper thread (background, search): starts it, carries its log lines, notices its death.

import { once } from 'node:events';
import { type ResourceLimits, Worker } from 'node:worker_threads';
import { StoreError } from '../errors.ts';
import type { StoreLog } from '../log.ts';
import { HELPER_LIMITS } from './limits.ts';
import type { StoreData } from './member.ts';

/** What the thread is started with. */
export interface BackgroundData extends StoreData {
  readonly kind: 'posthuis-background';
  /** The run before was killed: what it left is to be settled. */
  readonly interrupted: boolean;
}

export type FromBackground =
  | { readonly kind: 'ready' }
  | { readonly kind: 'log'; readonly level: keyof StoreLog; readonly fields: object; readonly message: string }
  | { readonly kind: 'fatal'; readonly message: string }
  /** Everything that a killed run left is synced, or swept. */
  | { readonly kind: 'settled' };

export type ToBackground = { readonly kind: 'close' };

/** Starts the background thread; it takes requests once `ready` resolves. */
export function startBackground(
  data: Omit<BackgroundData, 'kind'>,
  log: StoreLog,
  fatal: (error: Error) => void,
): HelperThread {
  const workerData: BackgroundData = { ...data, kind: 'posthuis-background' };
  return new HelperThread(new URL('./thread.ts', import.meta.url), workerData, log, fatal, HELPER_LIMITS);
}

/** The running thread. */
export class HelperThread {
  readonly ready: Promise<void>;
  readonly #worker: Worker;
  #settled = false;
  #closing = false;
  #exited = false;

  /** `data.kind` names the thread. */
  constructor(
    entry: URL,
    data: { readonly kind: string },
    log: StoreLog,
    fatal: (error: Error) => void,
    resourceLimits: ResourceLimits = {},
  ) {
    const worker = new Worker(entry, { workerData: data, name: data.kind, resourceLimits });
    this.#worker = worker;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.ready = promise;
    const fail = (error: Error) => {
      reject(new StoreError('unavailable', `${data.kind} did not start`, { cause: error }));
      if (!this.#closing) fatal(error);
    };
    worker.on('error', (error) => fail(error instanceof Error ? error : new Error(String(error))));
    worker.on('exit', (code) => {
      this.#exited = true;
      if (this.#closing) reject(new StoreError('closed', `${data.kind} is closed`));
      else fail(new Error(`${data.kind} ended with code ${code}`));
    });
    worker.on('message', (message: FromBackground) => {
      if (message.kind === 'ready') resolve();
      else if (message.kind === 'log') log[message.level](message.fields, message.message);
      else if (message.kind === 'settled') this.#settled = true;
      else fatal(new Error(message.message));
    });
  }

  /** True once what a killed run had committed is on the disk, and what it left half-done is gone. */
  get settled(): boolean {
    return this.#settled;
  }

  /** Ends what is in hand, closes the files, and ends the thread. */
  async close(): Promise<void> {
    this.#closing = true;
    if (this.#exited) return;
    const exited = once(this.#worker, 'exit');
    this.#worker.postMessage({ kind: 'close' } satisfies ToBackground);
    await exited;
  }
}

/** A log in the background thread whose lines are written by the main thread. */
export function forwardingLog(post: (message: FromBackground) => void): StoreLog {
  const line = (level: keyof StoreLog) => (fields: object, message: string) =>
    post({ kind: 'log', level, fields, message });
  return { fatal: line('fatal'), error: line('error'), warn: line('warn'), info: line('info'), debug: line('debug') };
}
