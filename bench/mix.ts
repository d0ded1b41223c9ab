// The mixed stress of IMAP over kept connections: each client does rounds of LIST, STATUS, FETCH, STORE, EXPUNGE and
// APPEND in a mailbox of its own, as one after the other as the replies come. `node bench/mix.ts [--clients 20,50]
// [--seconds 10] [--rounds 3] [--own]` runs it alone.
import { readFileSync, rmSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { parseArgs } from 'node:util';
import { pick, type Random, seeded } from '#test/support/random.ts';
import { user } from './drivers.ts';
import type { Report, Target } from './report.ts';
import { cpuSeconds, openFolder, peersMissing, type Side, sampleMailbox, startOwn, startPeer } from './side.ts';

const SECONDS = 10;
/** Before each round of the report, on both sides. */
const WARM_SECONDS = 10;
/** Messages that a mailbox has at first, and has about. */
const MESSAGES = 40;
export const HEADER_FIELDS = 'DATE FROM SUBJECT TO CC MESSAGE-ID REFERENCES CONTENT-TYPE';
const HEADERS = `BODY.PEEK[HEADER.FIELDS (${HEADER_FIELDS})]`;

/** The mix, or rounds of one kind of command: what each costs. */
const KINDS = ['mix', 'noop', 'list', 'status', 'headers', 'body', 'store', 'delete', 'append', 'expunge'] as const;
export type Kind = (typeof KINDS)[number];

export function kindNamed(name: string): Kind {
  const kind = KINDS.find((one) => one === name);
  if (kind === undefined) throw new Error(`${name} is none of ${KINDS.join(', ')}`);
  return kind;
}

/** A connection that knows of the replies only where a command's ends, and how many messages there are. */
class MixClient {
  readonly #socket: Socket;
  readonly #random: Random;
  readonly #bodies: readonly Buffer[];
  /** 0: the greeting is waited for. */
  #tag = 0;
  #tail = '';
  #exists = 0;
  #answered: ((error?: Error) => void) | null = null;
  readonly #greeted: Promise<void>;
  commands = 0;

  constructor(port: number, random: Random, bodies: readonly Buffer[]) {
    this.#random = random;
    this.#bodies = bodies;
    this.#socket = connect({ host: '127.0.0.1', port, noDelay: true });
    this.#socket.on('data', (chunk: Buffer) => this.#take(chunk));
    this.#greeted = this.#reply();
    this.#socket.on('error', (error) => this.#answered?.(error));
    this.#socket.on('close', () => this.#answered?.(new Error('closed')));
  }

  /** Logs in, empties INBOX and fills it. */
  async open(login: string, password: string): Promise<void> {
    await this.#greeted;
    await this.#run(`LOGIN ${login} ${password}`);
    await this.#run('SELECT INBOX');
    if (this.#exists > 0) await this.#run('STORE 1:* +FLAGS.SILENT (\\Deleted)');
    await this.#run('EXPUNGE');
    for (let count = 0; count < MESSAGES; count++) await this.#append();
  }

  close(): void {
    this.#socket.destroy();
  }

  /** Rounds of the mix, or of one kind of command, until the time is up. */
  async work(until: number, kind: Kind = 'mix'): Promise<void> {
    while (performance.now() < until) await this.#rounds[kind]();
  }

  readonly #rounds: Readonly<Record<Kind, () => Promise<unknown>>> = {
    mix: () => this.#mixed(),
    noop: () => this.#run('NOOP'),
    list: () => this.#list(),
    status: () => this.#status(),
    headers: () => this.#headers(),
    body: () => this.#body(),
    store: () => this.#store(),
    // Taken back at once, or nothing would be left to change.
    delete: async () => {
      const [one, other] = await this.#delete();
      await this.#run(`STORE ${one},${other} -FLAGS (\\Deleted)`);
    },
    append: () => this.#append(),
    // As many go as come, so that what EXPUNGE takes is what the others leave of it.
    expunge: async () => {
      for (let count = 0; count < 2; count++) await this.#append();
      await this.#delete();
      await this.#run('EXPUNGE');
    },
  };

  async #mixed(): Promise<void> {
    if (this.#random() < 0.5) await this.#list();
    if (this.#random() < 0.5) await this.#status();
    await this.#headers();
    await this.#body();
    if (this.#random() < 0.3) await this.#body();
    if (this.#random() < 0.5) await this.#store();
    // Two of them: as many go as come.
    if (this.#random() < 0.5) await this.#delete();
    await this.#run('EXPUNGE');
    await this.#append();
  }

  #list(): Promise<void> {
    return this.#run('LIST "" *');
  }

  #status(): Promise<void> {
    return this.#run('STATUS Sent (MESSAGES UNSEEN RECENT)');
  }

  #headers(): Promise<void> {
    const first = this.#one();
    return this.#run(`FETCH ${first}:${Math.min(this.#exists, first + 9)} (UID FLAGS ${HEADERS})`);
  }

  #body(): Promise<void> {
    return this.#run(`FETCH ${this.#one()} (UID BODY.PEEK[])`);
  }

  #store(): Promise<void> {
    const flags = pick(this.#random, ['\\Seen', '\\Flagged', '\\Answered', '\\Draft', '\\Seen \\Flagged']);
    return this.#run(`STORE ${this.#one()} ${pick(this.#random, ['+', '-'])}FLAGS (${flags})`);
  }

  async #delete(): Promise<[number, number]> {
    const two: [number, number] = [this.#one(), this.#one()];
    await this.#run(`STORE ${two} +FLAGS (\\Deleted)`);
    return two;
  }

  #one(): number {
    return 1 + Math.floor(this.#random() * this.#exists);
  }

  #append(): Promise<void> {
    const body = pick(this.#random, this.#bodies);
    return this.#run(`APPEND INBOX {${body.length}+}`, body);
  }

  async #run(text: string, literal?: Buffer): Promise<void> {
    this.#tag++;
    const line = `a${this.#tag} ${text}\r\n`;
    this.#socket.write(literal === undefined ? line : Buffer.concat([Buffer.from(line), literal, Buffer.from('\r\n')]));
    this.commands++;
    await this.#reply();
  }

  #reply(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#answered = (error) => {
        this.#answered = null;
        if (error === undefined) resolve();
        else reject(error);
      };
    });
  }

  #take(chunk: Buffer): void {
    // Numbers stand in short lines; a message that came in the reply is not looked through.
    const text = this.#tail + chunk.subarray(Math.max(0, chunk.length - 2_048)).toString('latin1');
    for (const [, count] of text.matchAll(/^\* (\d+) EXISTS\r$/gm)) this.#exists = Number(count);
    const gone = chunk.length <= 2_048 ? (chunk.toString('latin1').match(/^\* \d+ EXPUNGE\r$/gm)?.length ?? 0) : 0;
    this.#exists -= gone;
    this.#tail = '';
    if (!text.endsWith('\r\n')) {
      this.#tail = text.slice(text.lastIndexOf('\n') + 1);
      return;
    }
    const last = text.slice(text.lastIndexOf('\n', text.length - 2) + 1);
    if (this.#tag === 0) this.#answered?.();
    else if (last.startsWith(`a${this.#tag} `))
      this.#answered?.(last.startsWith(`a${this.#tag} OK`) ? undefined : new Error(last));
  }
}

/** What it takes of a side. */
export type MixSide = Pick<Side, 'name' | 'imap' | 'users' | 'password' | 'pids'>;

export interface Mix {
  readonly perSecond: number;
  /** Of all the side's processes, us. */
  readonly cpu: number;
}

/** Runs it with so many clients, each in the INBOX of a user of its own. */
export async function mix(
  side: MixSide,
  sample: string,
  clients: number,
  seconds = SECONDS,
  kind: Kind = 'mix',
): Promise<Mix> {
  const bodies = messagesOf(sample);
  const all = Array.from({ length: clients }, (_, index) => new MixClient(side.imap, seeded(index + 1), bodies));
  try {
    for (const [index, client] of all.entries()) await client.open(user(side, index + 1), side.password);
    for (const client of all) client.commands = 0;
    const cpu = cpuSeconds(side);
    const begun = performance.now();
    await Promise.all(all.map((client) => client.work(begun + seconds * 1_000, kind)));
    const took = (performance.now() - begun) / 1_000;
    const commands = all.reduce((sum, client) => sum + client.commands, 0);
    return { perSecond: commands / took, cpu: ((cpuSeconds(side) - cpu) / commands) * 1e6 };
  } finally {
    for (const client of all) client.close();
  }
}

/** The messages of an mbox file, CRLF-ended. */
export function messagesOf(file: string): Buffer[] {
  const [, ...texts] = readFileSync(file, 'latin1').split(/^From .*\n/m);
  return texts.map((text) => Buffer.from(text.replace(/\r?\n/g, '\r\n'), 'latin1'));
}

const HALF: Target = { kind: 'ratio', most: 0.5 };
const TWICE: Target = { kind: 'ratio', least: 2 };

export async function mixRound(side: Side, as: 'own' | 'peer', report: Report, sample: string): Promise<void> {
  // A server runs for weeks: its first thousands of commands, in code that is not compiled yet, are not what it costs.
  await mix(side, sample, 20, WARM_SECONDS);
  for (const clients of [20, 50]) {
    await side.delays();
    const { perSecond, cpu } = await mix(side, sample, clients);
    const delays = await side.delays();
    report.add(`mixed stress, ${clients} clients`, 'commands/s', TWICE, as, perSecond, delays);
    report.add(`mixed stress, ${clients} clients: CPU`, 'us/command', HALF, as, cpu, delays);
  }
}

if (import.meta.main) {
  const { values } = parseArgs({
    options: {
      clients: { type: 'string', default: '20,50' },
      seconds: { type: 'string', default: String(SECONDS) },
      rounds: { type: 'string', default: '3' },
      own: { type: 'boolean', default: false },
      kinds: { type: 'string', default: 'mix' },
    },
  });
  const kinds = values.kinds.split(',').map(kindNamed);
  const scratch = openFolder();
  try {
    const sample = sampleMailbox(scratch, 600);
    await using own = await startOwn({ settings: '[log]\nlevel = "warn"\n[search]\nindex_after = 86400' });
    await using stack = new AsyncDisposableStack();
    const peer = values.own || peersMissing() !== null ? [] : [stack.use(await startPeer('sdbox'))];
    for (const kind of kinds) {
      for (let round = 0; round < Number(values.rounds); round++) {
        for (const side of [own, ...peer]) {
          for (const clients of values.clients.split(',').map(Number)) {
            const { perSecond, cpu } = await mix(side, sample, clients, Number(values.seconds), kind);
            const figures = `${perSecond.toFixed(0)} commands/s, ${cpu.toFixed(0)} us CPU each`;
            console.log(`${kind}: ${side.name}, ${clients} clients: ${figures}`);
          }
        }
      }
    }
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}
