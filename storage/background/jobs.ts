// Starts a job thread, and carries what it yields.

import { on, once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { StoreError, type StoreErrorCode } from '../errors.ts';
import type { StoreLog } from '../log.ts';
import { HELPER_LIMITS } from './limits.ts';
import type { StoreData } from './member.ts';

/** Long work on the whole store. */
export type Job =
  | { readonly name: 'verify' }
  | { readonly name: 'backup'; readonly folder: string; readonly now: number }
  | { readonly name: 'restore'; readonly folder: string; readonly address: string | undefined };

export interface JobData extends StoreData {
  readonly kind: 'posthuis-job';
  readonly job: Job;
}

export type FromJob =
  | { readonly kind: 'log'; readonly level: keyof StoreLog; readonly fields: object; readonly message: string }
  | { readonly kind: 'fatal'; readonly message: string }
  | { readonly kind: 'item'; readonly value: unknown }
  | { readonly kind: 'done'; readonly value: unknown }
  | { readonly kind: 'failed'; readonly code: StoreErrorCode; readonly message: string };

export type ToJob = { readonly kind: 'stop' };

/** Runs jobs, each in a thread of its own, and ends those that are running when it is disposed of. */
export class Jobs implements AsyncDisposable {
  readonly #store: StoreData;
  readonly #log: StoreLog;
  readonly #fatal: (error: Error) => void;
  readonly #running = new Set<{ readonly worker: Worker; readonly ended: Promise<unknown> }>();

  constructor(store: StoreData, log: StoreLog, fatal: (error: Error) => void) {
    this.#store = store;
    this.#log = log;
    this.#fatal = fatal;
  }

  /** Runs a job; yields its items and returns its result. Left early, it stops. Errors: what the job failed with. */
  async *run(job: Job): AsyncGenerator<unknown, unknown> {
    const workerData: JobData = { ...this.#store, kind: 'posthuis-job', job };
    const worker = new Worker(new URL('./job.ts', import.meta.url), {
      workerData,
      name: `posthuis-${job.name}`,
      resourceLimits: HELPER_LIMITS,
    });
    const entry = { worker, ended: once(worker, 'exit') };
    this.#running.add(entry);
    const messages = on(worker, 'message', { close: ['exit'] }) as AsyncIterable<[FromJob]>;
    let result: { readonly value: unknown } | undefined;
    let failure: StoreError | undefined;
    try {
      for await (const [message] of messages) {
        if (message.kind === 'log') this.#log[message.level](message.fields, message.message);
        else if (message.kind === 'fatal') this.#fatal(new Error(message.message));
        else if (message.kind === 'item') yield message.value;
        else if (message.kind === 'failed') failure = new StoreError(message.code, message.message);
        else result = message;
      }
    } finally {
      // Not ended before its thread is, which has left the store's files by then; and never killed, as it may hold locks.
      worker.postMessage({ kind: 'stop' } satisfies ToJob);
      await entry.ended;
      this.#running.delete(entry);
    }
    if (failure !== undefined) throw failure;
    if (result === undefined) throw new StoreError('unavailable', `the ${job.name} thread ended early`);
    return result.value;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { worker } of this.#running) worker.postMessage({ kind: 'stop' } satisfies ToJob);
    await Promise.allSettled([...this.#running].map(({ ended }) => ended));
  }
}
