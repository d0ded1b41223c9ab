// `node bench/startup.ts [--rounds 5] [--threads 2]`: how long `serve` takes to `ready` on a small store, and what CPU
// time and memory it has taken by then. On a machine that does other things too, the CPU time is the figure to compare.
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { LISTENERS } from '#config/schema.ts';
import { temporaryFolder } from '#test/support/folder.ts';
import { RunningProgram } from '#test/support/program.ts';

/** Linux counts CPU time in hundredths of a second. */
const TICK_MS = 10;

const { values } = parseArgs({
  options: { rounds: { type: 'string', default: '5' }, threads: { type: 'string', default: '2' } },
});
const env = {
  POSTHUIS_THREADS: values.threads,
  POSTHUIS_LOG_LEVEL: 'warn',
  ...Object.fromEntries(LISTENERS.map((name) => [`POSTHUIS_LISTEN_${name.toUpperCase()}`, '127.0.0.1:0'])),
};

await using folder = await temporaryFolder();
const rounds: { readonly wall: number; readonly cpu: number; readonly memory: number }[] = [];
for (let round = 0; round <= Number(values.rounds); round++) {
  const started = performance.now();
  await using server = new RunningProgram(['--data', folder.path, 'serve'], { env });
  await server.until(/^ready$/m);
  const wall = performance.now() - started;
  // The first makes the data directory and the compile cache.
  if (round > 0) rounds.push({ wall, ...usageOf(server.child.pid ?? 0) });
  // Every other start is one after a kill.
  await server.end(round % 2 === 0 ? 'SIGKILL' : 'SIGTERM');
}
for (const [name, unit] of [
  ['wall', 'ms to ready'],
  ['cpu', 'ms of CPU by then'],
  ['memory', 'MB resident by then'],
] as const) {
  const sorted = rounds.map((round) => round[name]).sort((a, b) => a - b);
  const show = (value = 0) => value.toFixed(0);
  console.log(`${show(sorted[Math.floor(sorted.length / 2)])} ${unit} (${show(sorted[0])} to ${show(sorted.at(-1))})`);
}

function usageOf(pid: number): { readonly cpu: number; readonly memory: number } {
  // proc(5): fields 14 and 15 are utime and stime; the name in field 2 may hold anything but ends with ')'.
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
  const resident = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  return { cpu: (Number(fields[11]) + Number(fields[12])) * TICK_MS, memory: Number(resident) / 1024 };
}
