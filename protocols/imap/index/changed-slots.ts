// Slots whose flags have changed, as runs: a STORE of 100,000 messages is one of them.

/** Slots that changed together. */
export interface SlotRun {
  readonly first: number;
  readonly last: number;
  /** When, in the index's own count. */
  readonly tick: number;
}

/** Runs that are compared each with each: those of a command for some messages. */
const FEW = 8;

export class ChangedSlots {
  /** Ascending; no two overlap. */
  readonly runs: readonly SlotRun[];

  /** Runs in any order, that may overlap: the newest tick of a slot counts. */
  constructor(runs: readonly SlotRun[]) {
    this.runs = runs.length < 2 ? runs : disjoint(runs);
  }

  has(slot: number): boolean {
    return this.tickOf(slot) !== undefined;
  }

  /** When a slot has changed; undefined if it has not. */
  tickOf(slot: number): number | undefined {
    const { runs } = this;
    let low = 0;
    let high = runs.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((runs[middle]?.last ?? 0) < slot) low = middle + 1;
      else high = middle;
    }
    const run = runs[low];
    return run !== undefined && run.first <= slot ? run.tick : undefined;
  }

  /** Have all been told, each run in one of these with the same tick or a newer one? Of many it is not looked at. */
  areTold(told: readonly SlotRun[]): boolean {
    if (this.runs.length > FEW || told.length > FEW) return false;
    return this.runs.every((run) => told.some((one) => holds(one, run)));
  }

  /** The slots that changed after they were told: what is in no run of `told` with the same tick or a newer one. */
  *except(told: readonly SlotRun[]): Generator<number> {
    const known = told.toSorted((a, b) => a.first - b.first);
    let at = 0;
    for (const { first, last, tick } of this.runs) {
      for (let slot = first; slot <= last; ) {
        while ((known[at]?.last ?? slot) < slot) at++;
        const run = known[at];
        if (run !== undefined && run.first <= slot && run.tick >= tick) slot = run.last + 1;
        else yield slot++;
      }
    }
  }
}

function holds(one: SlotRun, other: SlotRun): boolean {
  return one.first <= other.first && one.last >= other.last && one.tick >= other.tick;
}

function disjoint(runs: readonly SlotRun[]): SlotRun[] {
  const edges = runs
    .flatMap(({ first, last, tick }) => [
      { at: first, tick, opens: true },
      { at: last + 1, tick, opens: false },
    ])
    .sort((a, b) => a.at - b.at);
  const open: number[] = [];
  const flat: SlotRun[] = [];
  let from = 0;
  for (const { at, tick, opens } of edges) {
    if (open.length > 0 && at > from) flat.push({ first: from, last: at - 1, tick: Math.max(...open) });
    from = at;
    if (opens) open.push(tick);
    else open.splice(open.indexOf(tick), 1);
  }
  return flat;
}
