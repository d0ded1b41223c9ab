// A group's results as a page: one line for each measure, with the median of the rounds on each side, the ratio, and the
// target it is held to.
import { mkdirSync, writeFileSync } from 'node:fs';
import { cpus, totalmem } from 'node:os';
import { join, resolve } from 'node:path';
import type { Delay } from './side.ts';

/** A target: the ratio ours / peer, or a plain bound on ours. */
export interface Target {
  readonly kind: 'ratio' | 'value';
  readonly least?: number;
  readonly most?: number;
}

export interface Measure {
  readonly name: string;
  readonly unit: string;
  readonly target: Target | null;
  /** One value a round. */
  readonly own: number[];
  readonly peer: number[];
  readonly delays: Delay[];
}

export class Report {
  readonly #title: string;
  readonly #measures = new Map<string, Measure>();
  readonly #notes: string[] = [];

  constructor(title: string) {
    this.#title = title;
  }

  /** Adds one round's value of one side. */
  add(
    name: string,
    unit: string,
    target: Target | null,
    side: 'own' | 'peer',
    value: number,
    delays: readonly Delay[] = [],
  ) {
    let measure = this.#measures.get(name);
    if (measure === undefined) {
      measure = { name, unit, target, own: [], peer: [], delays: [] };
      this.#measures.set(name, measure);
    }
    measure[side].push(value);
    measure.delays.push(...delays);
    const longest = delays.length > 0 ? `; loop ${show(Math.max(...delays.map((delay) => delay.longest)))} ms` : '';
    console.log(`${side === 'own' ? 'posthuis' : 'peer    '} ${name}: ${show(value)} ${unit}${longest}`);
  }

  note(text: string): void {
    if (!this.#notes.includes(text)) this.#notes.push(text);
  }

  /** Writes the page; returns the measures that miss their targets by more than a tenth. */
  write(): string[] {
    const rows = [...this.#measures.values()].map((measure) => row(measure));
    const page = [
      `# Benchmarks: ${this.#title}`,
      '',
      'Written by `npm run bench`; how it measures is in `bench/README.md`. Medians of the rounds, in brackets the lowest and the highest; the ratio is ours over the peer in the same run. "Loop" is the longest delay of any server thread\'s event loop in any round, and its 99th percentile.',
      '',
      ...this.#notes.map((note) => `- ${note}`),
      `- machine: ${cpus().length} x ${cpus()[0]?.model.trim()}, ${Math.round(totalmem() / 2 ** 30)} GB`,
      '',
      '| measure | unit | Posthuis | peer | ratio | target | met | loop, ms |',
      '|---|---|---|---|---|---|---|---|',
      ...rows.map(({ text }) => text),
      '',
    ];
    const folder = resolve(import.meta.dirname, '../docs/benchmarks');
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, `${this.#title.toLowerCase()}.md`), page.join('\n'));
    return rows.flatMap(({ missed }) => (missed === null ? [] : [missed]));
  }
}

function row({ name, unit, target, own, peer, delays }: Measure): { text: string; missed: string | null } {
  const ratio = peer.length > 0 ? median(own) / median(peer) : null;
  const judged = target === null ? null : target.kind === 'ratio' ? ratio : median(own);
  const met = judged === null || target === null ? null : within(judged, target, 1);
  const nearly = judged === null || target === null ? null : within(judged, target, 1.1);
  const bound =
    target === null
      ? ''
      : [target.least, target.most]
          .map((limit, i) => (limit === undefined ? '' : `${i === 0 ? '>=' : '<='} ${limit}`))
          .join('');
  const longest = delays.length > 0 ? Math.max(...delays.map((delay) => delay.longest)) : null;
  const p99 = delays.length > 0 ? Math.max(...delays.map((delay) => delay.p99)) : null;
  const cells = [
    ...[name, unit, spread(own), peer.length > 0 ? spread(peer) : '', ratio === null ? '' : `${ratio.toFixed(2)}x`],
    target === null ? '' : `${bound}${target.kind === 'ratio' ? 'x' : ''}`,
    met === null ? '' : met ? 'yes' : nearly ? 'nearly' : '**no**',
    longest === null ? '' : `${longest.toFixed(0)} (p99 ${p99?.toFixed(0)})`,
  ];
  return {
    text: `| ${cells.join(' | ')} |`,
    missed: nearly === false ? `${name}: ${judged?.toFixed(3)}, target ${bound}` : null,
  };
}

function within(value: number, { least, most }: Target, slack: number): boolean {
  return (least === undefined || value * slack >= least) && (most === undefined || value <= most * slack);
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  if (sorted.length === 0) return Number.NaN;
  return sorted.length % 2 === 1
    ? (sorted[middle] as number)
    : ((sorted[middle - 1] as number) + (sorted[middle] as number)) / 2;
}

function spread(values: readonly number[]): string {
  if (values.length < 2) return show(median(values));
  return `${show(median(values))} (${show(Math.min(...values))} to ${show(Math.max(...values))})`;
}

function show(value: number): string {
  if (Math.abs(value) >= 100) return String(Math.round(value));
  return value.toPrecision(3).replace(/\.?0+$/, '');
}
