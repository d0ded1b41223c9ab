// Starts a job thread, and carries what it yields.

import { on } from 'node:events';
import { Worker } from 'node:worker_threads';
import { StoreError, type StoreErrorCode } from '../errors.ts';
import type { StoreLog } from '../log.ts';
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

export interface JobHost {
  readonly store: StoreData;
  readonly log: StoreLog;
  readonly fatal: (error: Error) => void;
}

/** Runs a job in a thread of its own; yields its items and returns its result. Errors: what the job failed with. */
export async function* runJob(host: JobHost, job: Job): AsyncGenerator<unknown, unknown> {
  const workerData: JobData = { ...host.store, kind: 'posthuis-job', job };
  const worker = new Worker(new URL('./job.ts', import.meta.url), { workerData, name: `posthuis-${job.name}` });
  const messages = on(worker, 'message', { close: ['exit'] }) as AsyncIterable<[FromJob]>;
  let result: { readonly value: unknown } | undefined;
  let failure: StoreError | undefined;
  for await (const [message] of messages) {
    if (message.kind === 'log') host.log[message.level](message.fields, message.message);
    else if (message.kind === 'fatal') host.fatal(new Error(message.message));
    else if (message.kind === 'item') yield message.value;
    else if (message.kind === 'failed') failure = new StoreError(message.code, message.message);
    else result = message;
  }
  // Not before the thread has ended: it has left the store's files by then.
  if (failure !== undefined) throw failure;
  if (result === undefined) throw new StoreError('unavailable', `the ${job.name} thread ended early`);
  return result.value;
}
