// What messages are sorted and threaded by, as arrays by slot. It never changes for a message, so what has been made is
// kept with the mailbox's index, and only new messages are read the next time.

import type { Pace } from '#protocols/net/pace.ts';
import type { Listed, ListingColumn, UidRange } from '#storage/ports.ts';
import { countBelow } from '../count-below.ts';
import type { Rows } from '../index/rows.ts';
import { KEPT_COLUMNS } from '../limits.ts';
import type { Selected } from '../view/selected.ts';
import { appendUid } from '../view/uid-ranges.ts';
import type { View } from '../view/view.ts';
import type { OfferedTexts } from './exchange.ts';
import { distinctNumbers, merge, sortTexts } from './order.ts';
import { NUMBERS, type NumberName, TEXTS, type TextName } from './sources.ts';

/** An array by slot that is made up to some slot. */
export abstract class Column {
  readonly rows: Rows;
  /** Slots below this are made. */
  #made = 0;
  #work: Promise<unknown> = Promise.resolve();

  constructor(rows: Rows) {
    this.rows = rows;
  }

  /** What is missing below a slot. */
  missing(slots: number): number {
    return Math.max(0, slots - this.#made);
  }

  /** Nothing is made yet. */
  get isEmpty(): boolean {
    return this.#made === 0;
  }

  /** The slots below are there now. */
  protected took(slots: number): void {
    this.#made = slots;
  }

  /** Makes what is missing below a slot. Rejects with StoreError. */
  async upTo(slots: number, selected: Selected, pace: Pace): Promise<void> {
    if (slots <= this.#made) return;
    const work = this.#work.then(async () => {
      if (slots <= this.#made) return;
      await this.make(this.#made, slots, selected, pace);
      this.#made = slots;
    });
    this.#work = work.catch(() => {}); // the caller gets the error; the next one starts afresh
    await work;
  }

  protected abstract make(from: number, to: number, selected: Selected, pace: Pace): Promise<void>;

  /** The rows of the slots between, each with its slot; those that are gone are left out. */
  protected async *read<C extends ListingColumn>(
    from: number,
    to: number,
    columns: readonly C[],
    { account, mailbox }: Selected,
  ): AsyncGenerator<{ readonly slot: number; readonly row: Listed<C> }[]> {
    const { rows } = this;
    let slot = from;
    for await (const page of account.mail.listing(mailbox.id, uidsOf(rows, from, to), columns)) {
      yield page.flatMap((row) => {
        while (rows.uid(slot) < row.uid) slot++;
        return rows.uid(slot) === row.uid ? { slot, row } : [];
      });
    }
  }
}

/** The UIDs of slots; where there are few gaps between them, as one range. */
function uidsOf(rows: Rows, from: number, to: number): UidRange[] {
  const [first, last] = [rows.uid(from), rows.uid(to - 1)];
  if (last - first < (to - from) * 4) return [[first, last]];
  const uids: [number, number][] = [];
  for (let slot = from; slot < to; slot++) appendUid(uids, rows.uid(slot));
  return uids;
}

/** Numbers. */
export class NumberColumn extends Column {
  values = new Float64Array(0);
  readonly #name: NumberName;

  constructor(rows: Rows, name: NumberName) {
    super(rows);
    this.#name = name;
  }

  protected override async make(from: number, to: number, selected: Selected, pace: Pace): Promise<void> {
    const values = grown(this.values, to);
    const { columns, of } = NUMBERS[this.#name];
    for await (const page of this.read(from, to, columns, selected)) {
      for (const { slot, row } of page) values[slot] = of(row);
      if (pace.late) await pace.rest();
    }
    this.values = values;
  }
}

/** Texts, as their places among all the different ones in order; and the marks on them. */
export class TextColumn extends Column {
  /** Of each slot, the place of its text in `texts`. */
  values = new Float64Array(0);
  marks = new Uint8Array(0);
  /** The different ones, in order. */
  texts: readonly string[] = [];
  readonly #name: TextName;

  constructor(rows: Rows, name: TextName) {
    super(rows);
    this.#name = name;
  }

  /** Takes what another thread has made, if nothing is made here and all that is alive of it is in it. */
  take({ uids, values, marks, texts }: OfferedTexts, view: View): void {
    const { rows } = this;
    const count = Math.min(view.slots, rows.lowerBound((uids.at(-1) ?? 0) + 1));
    if (!this.isEmpty || view.rows !== rows) return;
    const [places, marked] = [new Float64Array(count), new Uint8Array(count)];
    for (let slot = 0, at = 0; slot < count; slot++) {
      const uid = rows.uid(slot);
      while ((uids[at] ?? uid) < uid) at++;
      if (uids[at] === uid) {
        places[slot] = values[at] ?? 0;
        marked[slot] = marks[at] ?? 0;
      } else if (view.has(slot)) return;
    }
    [this.values, this.marks, this.texts] = [places, marked, texts];
    this.took(count);
  }

  /** What there is of it, for other threads. */
  offered(): OfferedTexts {
    const { rows, values } = this;
    const count = values.length;
    const uids = new Uint32Array(new SharedArrayBuffer(count * 4));
    const places = new Uint32Array(new SharedArrayBuffer(count * 4));
    const marks = new Uint8Array(new SharedArrayBuffer(count));
    for (let slot = 0; slot < count; slot++) uids[slot] = rows.uid(slot);
    places.set(values);
    marks.set(this.marks.subarray(0, count));
    return { uids, values: places, marks, texts: this.texts };
  }

  protected override async make(from: number, to: number, selected: Selected, pace: Pace): Promise<void> {
    const { raw, of } = TEXTS[this.#name];
    const numbers = new Map<string, number>();
    // Subjects and senders come again and again: each is made a key of once. A number twice, and one more for a mark.
    const known = new Map<string, number>();
    const keyOf = (text: string) => {
      const { text: key, mark } = of(text);
      const number = numbers.get(key) ?? numbers.size;
      numbers.set(key, number);
      return number * 2 + (mark ? 1 : 0);
    };
    const values = grown(this.values, to);
    const marks = new Uint8Array(values.length);
    marks.set(this.marks);
    // Those that are gone have the first one.
    values.fill(-1, from, to);
    for await (const page of this.read(from, to, ['envelope'], selected)) {
      for (const { slot, row } of page) {
        const text = raw(row.envelope);
        const key = known.get(text) ?? keyOf(text);
        known.set(text, key);
        values[slot] = key >> 1;
        marks[slot] = key & 1;
        if (pace.due) await pace.rest();
      }
    }
    const fresh = await sortTexts([...numbers.keys()], pace);
    const texts = this.texts.length === 0 ? fresh : distinct(await merge(this.texts, fresh, pace));
    const places = new Map<string, number>();
    for (const text of texts) {
      places.set(text, places.size);
      if (pace.due) await pace.rest();
    }
    const ofFresh = await placesOf(numbers.keys(), places, pace);
    const ofKnown = await placesOf(this.texts, places, pace);
    for (let slot = 0; slot < from; slot++) values[slot] = ofKnown[values[slot] ?? 0] ?? 0;
    for (let slot = from; slot < to; slot++) values[slot] = ofFresh[values[slot] ?? 0] ?? 0;
    [this.values, this.marks, this.texts] = [values, marks, texts];
  }
}

async function placesOf(
  texts: Iterable<string>,
  places: ReadonlyMap<string, number>,
  pace: Pace,
): Promise<readonly number[]> {
  const found: number[] = [];
  for (const text of texts) {
    found.push(places.get(text) ?? 0);
    if (pace.due) await pace.rest();
  }
  return found;
}

/** Of sorted texts, each once. */
function distinct(texts: readonly string[]): string[] {
  return texts.filter((text, at) => at === 0 || text !== texts[at - 1]);
}

/** No Message-ID. */
export const NO_ID = -1;
/** Ids that are looked up at a time: some ms. */
const PIECE = 16_384;

/** What a message names as its ancestors (RFC 5256 3), and what it is called itself: hashes, as small numbers. */
export class AncestryColumn extends Column {
  /** Of each slot its own Message-ID, or NO_ID. */
  ids = new Int32Array(0);
  /** Where the ancestors of each slot begin in `ancestors`. */
  starts = new Uint32Array(1);
  ancestors = new Int32Array(0);
  /** How many different ids there are: all are below this. */
  different = 0;
  /** The hashes themselves. */
  #ids = new Float64Array(0);
  #ancestors = new Float64Array(0);

  protected override async make(from: number, to: number, selected: Selected, pace: Pace): Promise<void> {
    const ids = grown(this.#ids, to);
    const starts = new Uint32Array(to + 1);
    starts.set(this.starts.subarray(0, from + 1));
    const pieces: Uint8Array[] = [new Uint8Array(this.#ancestors.buffer, 0, (starts[from] ?? 0) * 8)];
    let [next, count] = [from, starts[from] ?? 0];
    for await (const page of this.read(from, to, ['messageId', 'ancestors'], selected)) {
      for (const { slot, row } of page) {
        for (; next <= slot; next++) starts[next] = count;
        ids[slot] = row.messageId;
        if (row.ancestors === null) continue;
        pieces.push(row.ancestors);
        count += row.ancestors.length / 8;
      }
      if (pace.late) await pace.rest();
    }
    for (; next <= to; next++) starts[next] = count;
    const bytes = new Uint8Array(count * 8);
    let at = 0;
    for (const piece of pieces) {
      bytes.set(piece, at);
      at += piece.length;
      if (pace.due) await pace.rest();
    }
    if (pace.late) await pace.rest();
    const ancestors = new Float64Array(bytes.buffer);
    const distinct = distinctNumbers(joined(ids, ancestors));
    if (pace.late) await pace.rest();
    [this.#ids, this.#ancestors, this.starts, this.different] = [ids, ancestors, starts, distinct.length];
    [this.ids, this.ancestors] = [await numbered(ids, distinct, pace), await numbered(ancestors, distinct, pace)];
  }
}

function joined(some: Float64Array, others: Float64Array): Float64Array {
  const both = new Float64Array(some.length + others.length);
  both.set(some);
  both.set(others, some.length);
  return both;
}

/** Hashes as their places among the different ones; 0, which is none, as NO_ID. */
async function numbered(hashes: Float64Array, distinct: Float64Array, pace: Pace): Promise<Int32Array<ArrayBuffer>> {
  const numbers = new Int32Array(hashes.length);
  for (let at = 0; at < hashes.length; at++) {
    const hash = hashes[at] ?? 0;
    numbers[at] = hash === 0 ? NO_ID : countBelow(distinct, hash);
    if (at % PIECE === 0 && pace.late) await pace.rest();
  }
  return numbers;
}

function grown(values: Float64Array, length: number): Float64Array<ArrayBuffer> {
  const larger = new Float64Array(length);
  larger.set(values);
  return larger;
}

export type ColumnName = NumberName | TextName | 'ancestry';

/** The columns of one mailbox that are kept; the one used longest ago goes first. */
export class Columns {
  readonly #kept = new Map<ColumnName, Column>();

  number(name: NumberName, selected: Selected): NumberColumn {
    return this.#column(name, selected, (rows) => new NumberColumn(rows, name), NumberColumn);
  }

  text(name: TextName, selected: Selected): TextColumn {
    return this.#column(name, selected, (rows) => new TextColumn(rows, name), TextColumn);
  }

  ancestry(selected: Selected): AncestryColumn {
    return this.#column('ancestry', selected, (rows) => new AncestryColumn(rows), AncestryColumn);
  }

  #column<T extends Column>(
    name: ColumnName,
    { view: { rows } }: Selected,
    make: (rows: Rows) => T,
    type: new (...args: never[]) => T,
  ): T {
    const kept = this.#kept.get(name);
    const column = kept instanceof type && kept.rows === rows ? kept : make(rows);
    // A session that has not heard yet that the rows were made anew has one for itself.
    if (rows.successor !== null) return column;
    this.#kept.delete(name);
    this.#kept.set(name, column);
    const [oldest] = this.#kept.keys();
    if (this.#kept.size > KEPT_COLUMNS && oldest !== undefined) this.#kept.delete(oldest);
    return column;
  }
}
