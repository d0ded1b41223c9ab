// How little CPU the mixed stress of IMAP could cost at all: bare servers in Node (imap-floor-server.ts) that do less and
// less of what a change takes, beside ours and Dovecot. `node bench/imap-floor.ts [--clients 20,50] [--seconds 5] [--warm 15]
// [--rounds 3] [--kind mix] [--own]`; what it showed is in docs/benchmarks/imap-profile.md.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { parseArgs } from 'node:util';
import type { Kind } from './imap-floor-server.ts';
import { kindNamed, type MixSide, mix } from './mix.ts';
import { median } from './report.ts';
import { openFolder, peersMissing, sampleMailbox, startOwn, startPeer } from './side.ts';

const BARE: readonly (readonly [Kind, string])[] = [
  ['nothing', 'bare: nothing kept'],
  ['transactions', 'bare: our transactions, not synced'],
  ['synced', 'bare: the same, each synced by itself'],
  ['packed', 'bare: the same, with MIME and zstd'],
  ['engine', 'bare: the same, by our engine and its journal'],
];

/** A bare server in a process of its own. */
class Bare implements MixSide, AsyncDisposable {
  readonly name: string;
  readonly users = 'user%d';
  readonly password = 'pass-word';
  readonly imap: number;
  readonly pids: readonly number[];
  readonly #child: ChildProcess;
  readonly #folder: string;

  private constructor(name: string, child: ChildProcess, folder: string, port: number) {
    this.name = name;
    this.imap = port;
    this.pids = [child.pid as number];
    this.#child = child;
    this.#folder = folder;
  }

  static async start([kind, name]: (typeof BARE)[number], users: number, sample: string): Promise<Bare> {
    const folder = openFolder();
    const program = new URL('./imap-floor-server.ts', import.meta.url).pathname;
    const args = [program, kind, String(users), folder, sample];
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    const [port] = (await once(child.stdout, 'data')) as [Buffer];
    return new Bare(name, child, folder, Number(port));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill();
    if (this.#child.exitCode === null) await once(this.#child, 'close');
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

/** Figures of one side, a round each. */
interface Figures {
  readonly perSecond: number[];
  readonly cpu: number[];
}

function print(side: MixSide, clients: number, { perSecond, cpu }: Figures, peer: Figures | undefined): void {
  const ratio = (own: readonly number[], other: readonly number[] | undefined) =>
    other === undefined ? '' : `, ${(median(own) / median(other)).toFixed(2)} of the peer's`;
  const spread = `${Math.min(...cpu).toFixed(0)} to ${Math.max(...cpu).toFixed(0)}`;
  console.log(
    `${clients} clients, ${side.name}: ${median(perSecond).toFixed(0)} commands/s${ratio(perSecond, peer?.perSecond)}; ` +
      `${median(cpu).toFixed(0)} us CPU each (${spread})${ratio(cpu, peer?.cpu)}`,
  );
}

const { values } = parseArgs({
  options: {
    clients: { type: 'string', default: '20,50' },
    seconds: { type: 'string', default: '5' },
    warm: { type: 'string', default: '15' },
    rounds: { type: 'string', default: '3' },
    kind: { type: 'string', default: 'mix' },
    own: { type: 'boolean', default: false },
  },
});
const counts = values.clients.split(',').map(Number);
const most = Math.max(...counts);
const kind = kindNamed(values.kind);
const scratch = openFolder();
try {
  const sample = sampleMailbox(scratch, 600);
  await using stack = new AsyncDisposableStack();
  const sides: MixSide[] = [];
  for (const bare of BARE) sides.push(stack.use(await Bare.start(bare, most, sample)));
  sides.push(stack.use(await startOwn({ settings: '[log]\nlevel = "warn"\n[search]\nindex_after = 86400' })));
  const peer = !values.own && peersMissing() === null ? stack.use(await startPeer('sdbox')) : null;
  if (peer !== null) sides.push(peer);
  for (const side of sides) await mix(side, sample, most, Number(values.warm), kind);
  for (const clients of counts) {
    const figures = new Map<MixSide, Figures>(sides.map((side) => [side, { perSecond: [], cpu: [] }]));
    for (let round = 0; round < Number(values.rounds); round++) {
      for (const [side, { perSecond, cpu }] of figures) {
        const measured = await mix(side, sample, clients, Number(values.seconds), kind);
        perSecond.push(measured.perSecond);
        cpu.push(measured.cpu);
        console.error(`${clients} clients, ${side.name}: ${measured.cpu.toFixed(0)} us`);
      }
    }
    for (const [side, own] of figures) print(side, clients, own, peer === null ? undefined : figures.get(peer));
  }
} finally {
  rmSync(scratch, { recursive: true, force: true });
}
