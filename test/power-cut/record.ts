// Records a delivery run: `node test/power-cut/record.ts FOLDER [seed] [handles] [accounts]`. The server runs under strace
// while twenty clients deliver some hundred messages, inline and large, to one or several recipients, and change them; a
// small budget of handles makes it close and reopen databases all the time, a large one and many accounts make it commit
// through its journal, and the changes are enough for checkpoints. FOLDER then has the data as it was before (`base`) and
// after (`run/data`), the trace, and the ledger of what the clients were told.
import { spawnSync } from 'node:child_process';
import { cpSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { Installation, type Running } from '#test/support/installation.ts';
import { Ledger } from '#test/support/ledger.ts';
import { Workload } from '#test/support/workload.ts';
import { TRACED } from './machine.ts';

/** Acknowledged messages and changes after which the recording ends. */
const ENOUGH = 700;
/** Open databases in the whole process, if not said: fewer than the accounts, so that they are evicted. */
const HANDLES = 8;
const ACCOUNTS = 12;

export interface Load {
  readonly seed: number;
  readonly handles?: number;
  readonly accounts?: number;
}

/** What replay.ts needs to know of a recording. */
export interface Recording {
  readonly trace: string;
  /** The data before and after, and its path while the server ran. */
  readonly base: string;
  readonly data: string;
  readonly cwd: string;
  readonly ledger: string;
  readonly accounts: readonly { readonly name: string; readonly address: string; readonly password: string }[];
}

export function recordingIn(folder: string): Recording {
  return JSON.parse(readFileSync(join(folder, 'recording.json'), 'utf8'));
}

export async function record(folder: string, load: Load): Promise<Recording> {
  const { seed, handles = HANDLES } = load;
  const accounts = Array.from({ length: load.accounts ?? ACCOUNTS }, (_, index) => ({
    name: `user${index}`,
    address: `user${index}@example.test`,
    password: 'correct horse',
  }));
  const recording: Recording = {
    trace: join(folder, 'trace'),
    base: join(folder, 'base'),
    data: join(folder, 'run/data'),
    cwd: resolve(import.meta.dirname, '../..'),
    ledger: join(folder, 'ledger.json'),
    accounts,
  };
  const program = new Installation({
    folder: join(folder, 'run'),
    threads: 2,
    listen: { smtp: 0, submission: 0, imap: 0 },
    settings: `[storage]\nhandles = ${handles}`,
  });
  await program.populate(
    accounts.map(({ name }) => name),
    'correct horse',
  );
  cpSync(recording.data, recording.base, { recursive: true });

  const calls = TRACED.join(',');
  const wrapper = ['strace', '-f', '--seccomp-bpf', '-yy', '-xx', '-s', '67108864', '-e', `trace=${calls}`];
  const server = await program.serve({
    wrapper: [...wrapper, '-o', recording.trace],
    env: { UV_USE_IO_URING: '0' },
  });
  const ledger = new Ledger();
  const workload = new Workload({ ledger, accounts, seed });
  const ports = { smtp: server.port('smtp'), submission: server.port('submission'), imap: server.port('imap') };
  await workload
    .run(ports, () => workload.acknowledged >= ENOUGH)
    .catch((cause: unknown) => {
      throw new Error(`a client was told what it should not have been:\n${server.output.slice(-4000)}`, { cause });
    });
  process.kill(tracedPid(server), 'SIGTERM');
  const { status } = await server.exited;
  if (status !== 0) throw new Error(`the traced server ended with ${status}:\n${server.output}`);
  writeFileSync(recording.ledger, JSON.stringify(ledger));
  writeFileSync(join(folder, 'recording.json'), JSON.stringify(recording));
  return recording;
}

/** strace's child: strace itself takes no signals while it traces. */
function tracedPid(server: Running): number {
  const children = readFileSync(`/proc/${server.pid}/task/${server.pid}/children`, 'utf8').trim().split(' ');
  if (children.length !== 1) throw new Error(`strace has ${children.length} children`);
  return Number(children[0]);
}

if (import.meta.main) {
  const [folder, seed = '1', handles = String(HANDLES), accounts = String(ACCOUNTS)] = process.argv.slice(2);
  if (folder === undefined) throw new Error('usage: node test/power-cut/record.ts FOLDER [seed] [handles] [accounts]');
  if (spawnSync('strace', ['--version']).status !== 0) throw new Error('strace is not installed');
  const recording = await record(resolve(folder), {
    ...{ seed: Number(seed), handles: Number(handles), accounts: Number(accounts) },
  });
  const files = readdirSync(recording.data, { recursive: true }).length;
  const megabytes = Math.round(statSync(recording.trace).size / 1e6);
  console.log(
    `recorded ${ENOUGH} acknowledged messages and changes: ${megabytes} MB of trace, ${files} files and folders`,
  );
}
