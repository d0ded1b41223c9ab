// Replays a recording: `node test/power-cut/replay.ts FOLDER [cuts] [seed]`. At random moments, half of them just after an
// acknowledgement, it lays out the disk as a power cut would leave it, three times: without anything that was not synced,
// with a random half of those changes, and with random sectors of them. check.ts opens each and judges it.
//
// Then it does the same with the commits' fdatasync left out of the trace (in a wide recording that of the journals
// alone), and that must fail: a test of the test.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join, resolve } from 'node:path';
import { Ledger } from '#test/support/ledger.ts';
import { between, pick, type Random, seeded } from '#test/support/random.ts';
import type { Job } from './check.ts';
import { Disk, difference, everything, nothing, type Survival, someOf } from './disk.ts';
import { Machine } from './machine.ts';
import { type Kind, type Recording, recordingIn } from './record.ts';
import { type Call, readTrace, type TraceHandler } from './trace.ts';

/** Cuts of the run without fdatasync: it fails at nearly every one. */
const CUTS_WITHOUT_SYNC = 6;

interface Survey {
  readonly lines: number;
  /** What the run must contain to prove anything, before its last acknowledgement. */
  readonly covered: Covered;
  /** The lines on which the server acknowledged something. */
  readonly acknowledgements: readonly number[];
}

/** What is left out for the test of the test. */
const OMITTED: Readonly<Record<Kind, readonly [string, (call: Call) => boolean]>> = {
  narrow: ['the fdatasync', ({ name }) => name === 'fdatasync'],
  wide: ["the journals' fdatasync", isJournalSync],
};

/** Counts of what the run did to the accounts' files while clients were at work. */
class Covered {
  /** Pages moved from a log into a database. */
  checkpointed = 0;
  /** Logs closed, each with its database, to make room for others; SQLite itself keeps the databases' descriptors. */
  evicted = 0;
  /** Logs synced for commits. */
  synced = 0;
  /** Syncs for the commits of several databases at once. */
  journaled = 0;
  /** Large bodies placed in an account. */
  linked = 0;

  note(call: Call): void {
    const target = targetOf(call);
    if (call.name === 'pwrite64' && target.endsWith('/mail.db')) this.checkpointed += 1;
    if (call.name === 'close' && target.endsWith('/mail.db-wal')) this.evicted += 1;
    if (call.name === 'fdatasync' && target.endsWith('/mail.db-wal')) this.synced += 1;
    if (isJournalSync(call)) this.journaled += 1;
    if (call.name === 'link' || call.name === 'linkat') this.linked += 1;
  }

  toString(): string {
    return (
      `${this.synced} syncs of logs, ${this.journaled} of journals, ${this.linked} large bodies placed, ${this.checkpointed} pages checkpointed, ` +
      `${this.evicted} logs closed`
    );
  }
}

function targetOf({ args: [first] }: Call): string {
  return first?.kind === 'descriptor' ? first.target : '';
}

function isJournalSync(call: Call): boolean {
  return call.name === 'fdatasync' && targetOf(call).includes('/journal/');
}

/** Reads the whole trace once: where the acknowledgements are, and whether the model ends as the real folder did. */
async function survey(recording: Recording, ledger: Ledger, scratch: string): Promise<Survey> {
  const moments = new Map<string, number[]>();
  for (const { acknowledged } of ledger.attempts) {
    if (acknowledged === null) continue;
    const list = moments.get(acknowledged.connection) ?? [];
    moments.set(acknowledged.connection, list);
    list.push(acknowledged.bytes);
  }
  const disk = new Disk(recording.base);
  const machine = new Machine(disk, recording.data, recording.cwd);
  const acknowledgements: number[] = [];
  const sums = new Covered();
  let covered = sums;
  const watch: TraceHandler = {
    enter: (call) => machine.enter(call),
    exit: (call, result, line) => {
      machine.exit(call, result);
      sums.note(call);
      if (!/^(write|writev|sendto|sendmsg)$/.test(call.name)) return;
      for (const [connection, list] of moments) {
        while (list.length > 0 && (machine.sent.get(connection) ?? 0) >= (list[0] as number)) {
          list.shift();
          acknowledgements.push(line);
          covered = Object.assign(new Covered(), sums);
        }
      }
    },
  };
  const lines = await readTrace(recording.trace, watch);
  const unseen = [...moments.values()].reduce((sum, list) => sum + list.length, 0);
  if (unseen > 0) throw new Error(`${unseen} acknowledgements that the clients had are not in the trace`);
  const end = join(scratch, 'end');
  disk.layOut(end, everything);
  const differs = difference(end, recording.data);
  if (differs !== undefined) throw new Error(`the model does not end as the folder did: ${differs}`);
  rmSync(end, { recursive: true });
  const { checkpointed, evicted, synced, journaled, linked } = covered;
  if (Math.min(checkpointed, recording.kind === 'wide' ? journaled : evicted, synced, linked) === 0)
    throw new Error(`the recording is too tame: ${covered}`);
  return { lines, acknowledgements, covered };
}

function chooseCuts({ lines, acknowledgements }: Survey, count: number, random: Random): Set<number> {
  const cuts = new Set<number>();
  while (cuts.size < Math.min(count, lines)) {
    cuts.add(cuts.size % 2 === 0 ? pick(random, acknowledgements) : between(random, 1, lines));
  }
  return cuts;
}

/** A few checks at a time, each in a process of its own. */
class Checks {
  readonly faults: string[] = [];
  done = 0;
  acknowledged = 0;
  readonly #running = new Set<Promise<void>>();

  async add(job: Job): Promise<void> {
    while (this.#running.size >= availableParallelism()) await Promise.race(this.#running);
    const check = this.#run(job).finally(() => this.#running.delete(check));
    this.#running.add(check);
  }

  async end(): Promise<void> {
    await Promise.all(this.#running);
  }

  async #run(job: Job): Promise<void> {
    const file = `${job.folder}.json`;
    writeFileSync(file, JSON.stringify(job));
    const child = spawn(process.execPath, [join(import.meta.dirname, 'check.ts'), file], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let [output, errors] = ['', ''];
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      errors += text;
    });
    const [status] = (await once(child, 'close')) as [number | null];
    this.done += 1;
    if (status === 0) {
      const { acknowledged, faults } = JSON.parse(output) as { acknowledged: number; faults: string[] };
      this.acknowledged += acknowledged;
      this.faults.push(...faults.map((fault) => `${job.name}: ${fault}`));
    } else {
      this.faults.push(`${job.name}: the check ended with ${status}: ${errors.slice(-2000)}`);
    }
    if (this.faults.length === 0) rmSync(job.folder, { recursive: true, force: true });
  }
}

interface Replay {
  readonly recording: Recording;
  readonly scratch: string;
  readonly cuts: ReadonlySet<number>;
  readonly random: Random;
  readonly ignored: (call: Call) => boolean;
  /** The ways in which what was not synced survives. */
  readonly survivals: (random: Random) => readonly (readonly [name: string, survival: Survival])[];
}

/** Goes through the trace and has every cut checked. */
async function replay({ recording, scratch, cuts, random, ignored, survivals }: Replay): Promise<Checks> {
  const checks = new Checks();
  const disk = new Disk(recording.base);
  const machine = new Machine(disk, recording.data, recording.cwd, ignored);
  const pending: Job[] = [];
  const lines = [...cuts].sort((a, b) => b - a);
  const cut = (line: number) => {
    const all = join(scratch, `${line}-all`);
    // Another pass may have cut here too.
    rmSync(all, { recursive: true, force: true });
    disk.layOut(all, everything);
    for (const [name, survival] of survivals(random)) {
      const folder = join(scratch, `${line}-${name}`);
      disk.layOut(folder, survival);
      pending.push({
        ...{ name: `line ${line}, ${name}`, folder, all, ledger: recording.ledger, sent: [...machine.sent] },
        accounts: recording.accounts.map(({ name: account, address }) => ({ name: account, address })),
      });
    }
  };
  await readTrace(recording.trace, {
    enter: (call) => machine.enter(call),
    exit: (call, result, line) => {
      machine.exit(call, result);
      if (line < (lines.at(-1) ?? Number.POSITIVE_INFINITY)) return;
      lines.pop();
      cut(line);
    },
    pause: async () => {
      for (const job of pending.splice(0)) await checks.add(job);
      return lines.length === 0 ? 'enough' : 'more';
    },
  });
  for (const job of pending) await checks.add(job);
  await checks.end();
  return checks;
}

async function main(): Promise<void> {
  const [given, count = '40', seed = '1'] = process.argv.slice(2);
  if (given === undefined) throw new Error('usage: node test/power-cut/replay.ts FOLDER [cuts] [seed]');
  const recording = recordingIn(resolve(given));
  const scratch = join(resolve(given), 'replay');
  rmSync(scratch, { recursive: true, force: true });
  mkdirSync(scratch);
  const random = seeded(Number(seed));
  const found = await survey(recording, Ledger.from(readFileSync(recording.ledger, 'utf8')), scratch);

  const checks = await replay({
    ...{ recording, scratch, random, cuts: chooseCuts(found, Number(count), random), ignored: () => false },
    survivals: () => [
      ['nothing', nothing],
      ['half', someOf(random, false)],
      ['sectors', someOf(random, true)],
    ],
  });
  console.log(
    `${found.lines} calls, ${found.acknowledgements.length} acknowledgements, ${found.covered}; ${checks.done} disks after a power cut, ` +
      `${checks.acknowledged} acknowledgements checked on them: ${checks.faults.length} faults`,
  );
  for (const fault of checks.faults.slice(0, 40)) console.error(fault);

  const [what, ignored] = OMITTED[recording.kind];
  const without = await replay({
    ...{ recording, scratch, random, cuts: chooseCuts(found, CUTS_WITHOUT_SYNC, random), ignored },
    survivals: () => [[`nothing without ${what}`, nothing]],
  });
  console.log(`with ${what} taken out: ${without.faults.length} faults on ${without.done} disks`);
  if (without.faults.length === 0) console.error(`the check finds nothing wrong when ${what} is taken out`);
  if (checks.faults.length > 0 || without.faults.length === 0) process.exitCode = 1;
}

await main();
