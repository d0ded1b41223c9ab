// The crash driver: `node test/crash/drive.ts [rounds] [seed]`. Twenty clients deliver and change mail while the server
// gets kill -9, round after round: in the middle of DATA, APPEND, MOVE, EXPUNGE or a checkpoint. After each restart, on the
// same ports, `verify` must be clean and the store must agree with everything that was acknowledged.
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { temporaryFolder } from '#test/support/folder.ts';
import { inspect, type Known } from '#test/support/inspect.ts';
import { freePorts, Installation, type Running } from '#test/support/installation.ts';
import { disagreements, Ledger } from '#test/support/ledger.ts';
import { between, seeded } from '#test/support/random.ts';
import { type Stage, Workload } from '#test/support/workload.ts';

/** Fewer acknowledged messages and changes than this prove too little: there are more rounds until there are as many. */
const LEAST_ACKNOWLEDGED = 1_000;
/** The moments at which the server is killed, in turn. */
const TARGETS = ['DATA', 'DATA.', 'APPEND', 'APPEND.', 'MOVE', 'EXPUNGE', 'checkpoint', 'any'] as const;
type Target = (typeof TARGETS)[number];
/** All bodies are read again every so many rounds, and at the end; between them only new ones. */
const FULL_LOOK = 10;
/** So many rounds meet every target at least three times in turn. */
const ALL_TARGETS = 3 * TARGETS.length;
/** What a kill must have met then: there are more rounds until one has, but not more than so many times those asked for. */
const MUST_MEET = ['DATA.', 'APPEND.', 'MOVE', 'EXPUNGE', 'checkpoint'] as const;
const MOST_ROUNDS = 4;
/** A target that does not come for so long is given up for this round, ms. */
const AIM_MS = 20_000;
/** A server that takes so long over what each round begins with is stuck, ms. */
const STUCK_MS = 300_000;

const rounds = Number(process.argv[2] ?? 30);
const seed = Number(process.argv[3] ?? 1);
const accounts = Array.from({ length: 8 }, (_, index) => ({
  name: `user${index}`,
  address: `user${index}@example.test`,
  password: 'correct horse',
}));

/** Tells when a checkpoint has begun: only a checkpoint writes to the database files themselves. */
class CheckpointWatch {
  readonly #files: string[];
  #last: string;

  constructor(data: string) {
    this.#files = readdirSync(data, { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('mail.db'))
      .map((name) => join(data, name));
    this.#last = this.#state();
  }

  begun(): boolean {
    const before = this.#last;
    this.#last = this.#state();
    return this.#last !== before;
  }

  #state(): string {
    return this.#files.map((file) => statSync(file).mtimeMs).join();
  }
}

/** Runs the clients until the target is hit, then kills the server while they are at it. */
async function round(
  server: Running,
  workload: Workload,
  target: Target,
  hits: Hits,
  data: string,
  random: () => number,
) {
  const ports = { smtp: server.port('smtp'), submission: server.port('submission'), imap: server.port('imap') };
  const atLeast = workload.acknowledged + between(random, 20, 80);
  let killed = false;
  const kill = () => {
    if (killed) return;
    killed = true;
    for (const [stage, count] of workload.underway) if (count > 0) hits.note(stage, count);
    server.child.kill('SIGKILL');
  };
  hits.onStage = (stage) => {
    if (stage !== target || killed || workload.acknowledged < atLeast) return;
    // Right at the start of the command, or somewhat into it.
    if (random() < 0.3) kill();
    else setTimeout(kill, random() * 4);
  };
  const watch = new CheckpointWatch(data);
  const begun = performance.now();
  /** When it had acknowledged enough to be killed. */
  let aimed: number | null = null;
  const timer = setInterval(() => {
    const now = performance.now();
    // The clients see nothing of a target that never comes; the round then ends here with whatever is in hand.
    if (now - (aimed ?? begun) > (aimed === null ? STUCK_MS : AIM_MS)) kill();
    // Looked at all the time: one that began before the server was to be killed may be over.
    const checkpoint = target === 'checkpoint' && watch.begun();
    if (workload.acknowledged < atLeast) return;
    aimed ??= now;
    if (target === 'any') setTimeout(kill, random() * 20);
    if (checkpoint) {
      hits.note('checkpoint', 1);
      kill();
    }
  }, 1);
  const before = workload.acknowledged;
  await workload
    .run(ports, () => false)
    .catch((cause: unknown) => {
      throw new Error(`a client was told what it should not have been:\n${server.output.slice(-4000)}`, { cause });
    });
  clearInterval(timer);
  hits.onStage = () => undefined;
  if (!killed)
    throw new Error(`the server closed the connections before it was killed:\n${server.output.slice(-4000)}`);
  await server.exited;
  return workload.acknowledged - before;
}

/** What was under way at the kills. */
class Hits {
  readonly #counts = new Map<string, number>();
  onStage: (stage: Stage) => void = () => undefined;

  note(what: string, count: number): void {
    this.#counts.set(what, (this.#counts.get(what) ?? 0) + count);
  }

  /** Those of the targets that no kill ever met. */
  missed(): Target[] {
    return MUST_MEET.filter((what) => !this.#counts.has(what));
  }

  toString(): string {
    return [...this.#counts].map(([what, count]) => `${count} ${what}`).join(', ');
  }
}

async function main(): Promise<void> {
  await using folder = await temporaryFolder();
  const [smtp = 0, submission = 0, imap = 0] = await freePorts(3);
  const program = new Installation({ folder: folder.path, threads: 2, listen: { smtp, submission, imap } });
  await program.populate(
    accounts.map(({ name }) => name),
    'correct horse',
  );

  const ledger = new Ledger();
  const hits = new Hits();
  const workload = new Workload({ ledger, accounts, seed, at: (stage) => hits.onStage(stage) });
  const random = seeded(seed);
  const known: Known = new Map();
  const starts: number[] = [];
  const faults: string[] = [];
  let server = await program.serve();
  const missed = () => (rounds >= ALL_TARGETS ? hits.missed() : []);
  const enough = () => workload.acknowledged >= LEAST_ACKNOWLEDGED && missed().length === 0;
  let number = 1;
  for (; (number <= rounds || (!enough() && number <= rounds * MOST_ROUNDS)) && faults.length === 0; number += 1) {
    const inTurn = TARGETS[(number - 1) % TARGETS.length] as Target;
    const target = number <= rounds ? inTurn : (missed()[0] ?? inTurn);
    const acknowledged = await round(server, workload, target, hits, program.data, random);
    if (acknowledged === 0) faults.push(`round ${number} acknowledged nothing`);
    server = await program.serve();
    starts.push(server.readyAfter);
    const verified = await program.run(['verify']);
    if (verified.status !== 0) faults.push(`verify after round ${number}:\n${verified.stdout}${verified.stderr}`);
    const whole = number % FULL_LOOK === 0 || number >= rounds;
    const looked = await inspect(imap, accounts, ledger, whole ? new Map() : known);
    for (const { place, validity, uid, token } of looked.found) known.set(`${place} ${validity} ${uid}`, token);
    faults.push(...looked.wrong, ...disagreements(ledger, looked.found, () => true));
    const { readyAfter } = server;
    console.log(
      `round ${number} (${target}): ${acknowledged} acknowledged, ${looked.found.length} messages there, ` +
        `ready again after ${Math.round(readyAfter)} ms${faults.length > 0 ? `, ${faults.length} FAULTS` : ''}`,
    );
    for (const { place, validity, uid, token } of looked.found) {
      ledger.sightings.push({ at: { connection: 'look', bytes: 0 }, place, validity, uid, token });
    }
    ledger.settle(looked.found);
  }
  const { status } = await server.stop();
  if (status !== 0) faults.push(`the server ended with status ${status} when it was asked to`);
  const after = await program.run(['verify']);
  if (after.status !== 0) faults.push(`verify of the stopped server's data:\n${after.stdout}${after.stderr}`);

  starts.sort((a, b) => a - b);
  console.log(
    `${number - 1} rounds, ${workload.acknowledged} acknowledged; under way at the kills: ${hits}; ready again after ` +
      `${Math.round(starts[Math.floor(starts.length / 2)] ?? 0)} ms (median), ${Math.round(starts.at(-1) ?? 0)} ms (longest)`,
  );
  if (workload.acknowledged < LEAST_ACKNOWLEDGED) faults.push(`fewer than ${LEAST_ACKNOWLEDGED} were acknowledged`);
  for (const target of missed()) faults.push(`no kill met ${target}`);
  for (const fault of faults.slice(0, 50)) console.error(fault);
  if (faults.length > 0) process.exitCode = 1;
}

await main();
