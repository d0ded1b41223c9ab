// Counts in the form of Prometheus: families of series by label. Each thread has its own; the main thread adds them up.

export type Kind = 'counter' | 'gauge' | 'histogram';

/** A family's counts as a plain object, fit for a message to the main thread. */
export interface FamilySnapshot {
  readonly name: string;
  readonly help: string;
  readonly kind: Kind;
  readonly labels: readonly string[];
  /** Upper bounds of a histogram's buckets; else empty. */
  readonly buckets: readonly number[];
  readonly series: readonly { readonly labels: readonly string[]; readonly values: readonly number[] }[];
}

/** Between label values in a key; no label value has it. */
const SEPARATOR = '\0';

/** One metric with all its label values. */
export class Family {
  readonly #about: Omit<FamilySnapshot, 'series'>;
  readonly #series = new Map<string, number[]>();

  constructor(kind: Kind, name: string, help: string, labels: readonly string[], buckets: readonly number[] = []) {
    this.#about = { name, help, kind, labels, buckets };
  }

  /** Adds to a counter or gauge. */
  add(amount: number, ...labels: string[]): void {
    const values = this.#values(labels);
    values[0] = (values[0] ?? 0) + amount;
  }

  /** Sets a gauge. */
  set(value: number, ...labels: string[]): void {
    this.#values(labels)[0] = value;
  }

  /** Counts a value of a histogram. */
  observe(value: number, ...labels: string[]): void {
    const { buckets } = this.#about;
    const values = this.#values(labels);
    let bucket = 0;
    while (bucket < buckets.length && value > (buckets[bucket] ?? 0)) bucket++;
    values[bucket] = (values[bucket] ?? 0) + 1;
    values[buckets.length + 1] = (values[buckets.length + 1] ?? 0) + value;
  }

  snapshot(): FamilySnapshot {
    const series = Array.from(this.#series, ([key, values]) => ({ labels: key.split(SEPARATOR), values: [...values] }));
    return { ...this.#about, series };
  }

  /** A counter's or gauge's one value; a histogram's buckets, the one above all of them, and the sum. */
  #values(labels: readonly string[]): number[] {
    const key = labels.join(SEPARATOR);
    let values = this.#series.get(key);
    if (values === undefined) {
      values = new Array<number>(this.#about.kind === 'histogram' ? this.#about.buckets.length + 2 : 1).fill(0);
      this.#series.set(key, values);
    }
    return values;
  }
}

/** The families of all threads, added up, in the Prometheus text format. */
export function textFormat(snapshots: readonly FamilySnapshot[]): string {
  const families = new Map<string, { readonly about: FamilySnapshot; readonly series: Map<string, number[]> }>();
  for (const snapshot of snapshots) {
    let family = families.get(snapshot.name);
    if (family === undefined) {
      family = { about: snapshot, series: new Map() };
      families.set(snapshot.name, family);
    }
    for (const { labels, values } of snapshot.series) {
      const key = labels.join(SEPARATOR);
      const sum = family.series.get(key);
      family.series.set(key, sum === undefined ? [...values] : sum.map((value, i) => value + (values[i] ?? 0)));
    }
  }
  const lines: string[] = [];
  for (const { about, series } of families.values()) {
    lines.push(`# HELP ${about.name} ${about.help}`, `# TYPE ${about.name} ${about.kind}`);
    for (const [key, values] of series) lines.push(...seriesLines(about, key.split(SEPARATOR), values));
  }
  return `${lines.join('\n')}\n`;
}

function seriesLines(
  { name, kind, labels, buckets }: FamilySnapshot,
  own: readonly string[],
  values: readonly number[],
) {
  const pairs = labels.map((label, i) => `${label}="${escapeLabel(own[i] ?? '')}"`);
  if (kind !== 'histogram') return [`${name}${braces(pairs)} ${values[0] ?? 0}`];
  let count = 0;
  const lines = [...buckets, Number.POSITIVE_INFINITY].map((bound, i) => {
    count += values[i] ?? 0;
    return `${name}_bucket${braces([...pairs, `le="${bound === Number.POSITIVE_INFINITY ? '+Inf' : bound}"`])} ${count}`;
  });
  return [
    ...lines,
    `${name}_sum${braces(pairs)} ${values[buckets.length + 1] ?? 0}`,
    `${name}_count${braces(pairs)} ${count}`,
  ];
}

function braces(pairs: readonly string[]): string {
  return pairs.length === 0 ? '' : `{${pairs.join(',')}}`;
}

function escapeLabel(value: string): string {
  return value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
}
