// Records a delivery run: `node test/power-cut/record.ts FOLDER [seed] [narrow|wide]`. The server runs under strace while
// twenty clients deliver some hundred messages, inline and large, to one or several recipients, and change them, enough for
// checkpoints. In a narrow one a small budget of handles makes it close and reopen databases all the time; in a wide one
// many databases are committed to at once, through the journal. FOLDER then has the data as it was before (`base`) and
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
/** Open databases in the whole process, and accounts: fewer and more, so that they are evicted; or enough. */
const KINDS = { narrow: { handles: 3, accounts: 5 }, wide: { handles: 100, accounts: 14 } };
export type Kind = keyof typeof KINDS;

/** What replay.ts needs to know of a recording. */
export interface Recording {
  readonly kind: Kind;
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

export async function record(folder: string, seed: number, kind: Kind): Promise<Recording> {
  const { handles } = KINDS[kind];
  const accounts = Array.from({ length: KINDS[kind].accounts }, (_, index) => ({
    name: `user${index}`,
    address: `user${index}@example.test`,
    password: 'correct horse',
  }));
  const recording: Recording = {
    kind,
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
  const [folder, seed = '1', kind = 'narrow'] = process.argv.slice(2);
  if (folder === undefined || (kind !== 'narrow' && kind !== 'wide'))
    throw new Error('usage: node test/power-cut/record.ts FOLDER [seed] [narrow|wide]');
  if (spawnSync('strace', ['--version']).status !== 0) throw new Error('strace is not installed');
  const recording = await record(resolve(folder), Number(seed), kind);
  const files = readdirSync(recording.data, { recursive: true }).length;
  const megabytes = Math.round(statSync(recording.trace).size / 1e6);
  console.log(
    `recorded ${ENOUGH} acknowledged messages and changes: ${megabytes} MB of trace, ${files} files and folders`,
  );
}
