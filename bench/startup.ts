// `node bench/startup.ts [--rounds 5] [--threads 2] [--idle 5]`: how long `serve` takes to `ready` on a small store, the
// CPU time it has taken by then, and its memory after so many idle seconds. On a machine that does other things too, the
// CPU time is the figure to compare.
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { LISTENERS } from '#config/schema.ts';
import { temporaryFolder } from '#test/support/folder.ts';
import { RunningProgram } from '#test/support/program.ts';

interface Round {
  readonly wall: number;
  readonly cpu: number;
  readonly resident: number;
  readonly share: number;
}

/** Linux counts CPU time in hundredths of a second. */
const TICK_MS = 10;

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    threads: { type: 'string', default: '2' },
    idle: { type: 'string', default: '5' },
  },
});
const env = {
  POSTHUIS_THREADS: values.threads,
  POSTHUIS_LOG_LEVEL: 'warn',
  ...Object.fromEntries(LISTENERS.map((name) => [`POSTHUIS_LISTEN_${name.toUpperCase()}`, '127.0.0.1:0'])),
};

await using folder = await temporaryFolder();
const rounds: Round[] = [];
for (let round = 0; round <= Number(values.rounds); round++) {
  const started = performance.now();
  await using server = new RunningProgram(['--data', folder.path, 'serve'], { env });
  await server.until(/^ready$/m);
  const wall = performance.now() - started;
  // The first makes the data directory and the compile cache.
  if (round > 0) {
    const { pid = 0 } = server.child;
    const cpu = cpuOf(pid);
    await sleep(Number(values.idle) * 1000);
    rounds.push({ wall, cpu, ...memoryOf(pid) });
  }
  // Every other start is one after a kill.
  await server.end(round % 2 === 0 ? 'SIGKILL' : 'SIGTERM');
}
for (const [name, unit] of [
  ['wall', 'ms to ready'],
  ['cpu', 'ms of CPU by then'],
  ['resident', 'MB resident, idle'],
  ['share', 'MB of it its own share (PSS)'],
] as const) {
  const sorted = rounds.map((round) => round[name]).sort((a, b) => a - b);
  const show = (value = 0) => value.toFixed(0);
  console.log(`${show(sorted[Math.floor(sorted.length / 2)])} ${unit} (${show(sorted[0])} to ${show(sorted.at(-1))})`);
}

function cpuOf(pid: number): number {
  // proc(5): fields 14 and 15 are utime and stime; the name in field 2 may hold anything but ends with ')'.
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
  return (Number(fields[11]) + Number(fields[12])) * TICK_MS;
}

function memoryOf(pid: number): Pick<Round, 'resident' | 'share'> {
  const rollup = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8');
  const megabytes = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(rollup)?.[1]) / 1024;
  return { resident: megabytes('Rss'), share: megabytes('Pss') };
}
