// A thread for one long piece of work (verify, backup, restore): its statements hold a thread for seconds, so it is
// neither a server's nor the one that checkpoints.

import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import { backUp } from '../backup/backup.ts';
import { restoreBackup } from '../backup/restore.ts';
import { StoreError } from '../errors.ts';
import type { StoreLog } from '../log.ts';
import { verify } from '../verify/verify.ts';
import type { GrownLog } from './checkpoints.ts';
import type { FromJob, JobData, ToJob } from './jobs.ts';
import { joinStore, type Member } from './member.ts';

/** Files kept open at most: work goes from one account to the next. */
const HANDLES = 2;

// Imported anywhere else (a test reads every module), it does nothing.
if (parentPort !== null && workerData?.kind === 'posthuis-job') await runJob(parentPort, workerData);

async function runJob(port: MessagePort, data: JobData): Promise<void> {
  const post = (message: FromJob) => port.postMessage(message);
  const line = (level: 'fatal' | 'error' | 'warn' | 'info' | 'debug') => (fields: object, message: string) =>
    post({ kind: 'log', level, fields, message });
  const log = {
    fatal: line('fatal'),
    error: line('error'),
    warn: line('warn'),
    info: line('info'),
    debug: line('debug'),
  };
  const member = joinStore(data, {
    log,
    handles: HANDLES,
    maintenance: {
      hold: (name) => member.control.ask('hold', name),
      grown: (name, urgent) => member.control.tell('grown', { name, urgent } satisfies GrownLog),
    },
    fatal: (error) => post({ kind: 'fatal', message: error.message }),
  });
  const stop = new AbortController();
  port.on('message', (message: ToJob) => {
    if (message.kind === 'stop') stop.abort(new StoreError('closed', `${data.job.name} was stopped`));
  });
  const { signal } = stop;
  try {
    post({
      kind: 'done',
      value: await work({ ...member, log, signal }, data, (value) => post({ kind: 'item', value })),
    });
  } catch (error) {
    const code = error instanceof StoreError ? error.code : 'unavailable';
    post({ kind: 'failed', code, message: error instanceof Error ? error.message : String(error) });
  }
  await member.engine.close();
  member.control.close();
  port.close();
}

interface JobMember extends Member {
  readonly log: StoreLog;
  /** Aborted when the job is to end early: between two accounts. */
  readonly signal: AbortSignal;
}

async function work(member: JobMember, { job, shared }: JobData, item: (value: unknown) => void): Promise<unknown> {
  switch (job.name) {
    case 'verify':
      for await (const finding of verify(member)) item(finding);
      return undefined;
    case 'backup':
      return backUp(member, job.folder, job.now);
    case 'restore':
      return restoreBackup({ ...member, bootId: shared.bootId, now: Date.now }, job.folder, job.address);
  }
}
