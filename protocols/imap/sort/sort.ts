// Sorts messages by the criteria of SORT (RFC 5256 3).

import { Pace } from '#protocols/net/pace.ts';
import type { SortCriterion } from '../grammar/sort-criteria.ts';
import { Rows } from '../index/rows.ts';
import type { Scores } from '../search/fuzzy.ts';
import type { Session } from '../session.ts';
import type { Selected } from '../view/selected.ts';
import type { Member } from '../view/view.ts';
import { AncestryColumn, type Column, NO_ID, NumberColumn, TextColumn } from './columns.ts';
import { orderBy } from './order.ts';
import type { Subjects, Threaded } from './references.ts';
import { NUMBERS, type NumberName, type TextName } from './sources.ts';

/** The messages, which come in order, in the order of the criteria. */
export async function sort(
  session: Session,
  members: readonly Member[],
  criteria: readonly SortCriterion[],
  scores: Scores,
): Promise<Member[]> {
  const pace = new Pace(session.connection);
  const columns = new Values(session.current, members, pace);
  const sorted = [];
  for (const { key, reverse } of criteria) {
    const values =
      key === 'relevancy'
        ? Float64Array.from(members, (member) => scores.rank(member))
        : isNumber(key)
          ? await columns.numbers(key)
          : (await columns.texts(key)).values;
    sorted.push({ values, reverse });
  }
  if (pace.late) await pace.rest();
  const order: Member[] = [];
  for (const at of orderBy(sorted, members.length)) order.push(members[at] ?? { slot: -1, seq: 0 });
  return order;
}

function isNumber(key: NumberName | TextName): key is NumberName {
  return key in NUMBERS;
}

/** Of how many messages in one that are asked for all are read: the others' columns are kept for the next time. */
const SPARSE = 8;

/** Of a row of which only the UID matters. */
const NO_FACTS = { message: 0, size: 0, flags: 0, modseq: 0 };

/** The columns of some messages, in the order of the messages. */
export class Values {
  readonly #selected: Selected;
  readonly #members: readonly Member[];
  readonly #pace: Pace;

  constructor(selected: Selected, members: readonly Member[], pace: Pace) {
    this.#selected = selected;
    this.#members = members;
    this.#pace = pace;
  }

  async numbers(name: NumberName): Promise<Float64Array> {
    const kept = this.#selected.index.columns.number(name, this.#selected);
    const { column, slots } = await this.#made(kept, (rows) => new NumberColumn(rows, name));
    return picked(column.values, slots);
  }

  /** The places of the texts in their order, and their marks. */
  async texts(name: TextName): Promise<Subjects> {
    const kept = this.#selected.index.columns.text(name, this.#selected);
    const { column, slots } = await this.#made(kept, (rows) => new TextColumn(rows, name));
    return {
      values: picked(column.values, slots),
      marks: column.marks,
      slots,
      empty: column.texts[0] === '' ? 0 : -1,
    };
  }

  /** Message-IDs and ancestors, by the message's place. */
  async ancestry(): Promise<Pick<Threaded, 'id' | 'ancestors' | 'different'>> {
    const kept = this.#selected.index.columns.ancestry(this.#selected);
    const { column, slots } = await this.#made(kept, (rows) => new AncestryColumn(rows));
    const { ids, ancestors, starts, different } = column;
    return {
      different,
      id: (at) => ids[slots[at] ?? 0] ?? NO_ID,
      ancestors: (at) => {
        const slot = slots[at] ?? 0;
        return ancestors.subarray(starts[slot], starts[slot + 1]);
      },
    };
  }

  /** The kept column, with all that is in the view; or one of these messages alone, if they are few of many. */
  async #made<T extends Column>(kept: T, make: (rows: Rows) => T): Promise<{ column: T; slots: Uint32Array }> {
    const { view } = this.#selected;
    const members = this.#members;
    if (members.length * SPARSE >= kept.missing(view.slots)) {
      await kept.upTo(view.slots, this.#selected, this.#pace);
      const slots = new Uint32Array(members.length);
      for (const [at, { slot }] of members.entries()) slots[at] = slot;
      return { column: kept, slots };
    }
    const rows = new Rows(members.length);
    for (const { slot } of members) rows.append({ ...NO_FACTS, uid: view.rows.uid(slot) }, 0);
    const column = make(rows);
    await column.upTo(members.length, this.#selected, this.#pace);
    return { column, slots: Uint32Array.from(members.keys()) };
  }
}

/** The values of some slots. */
function picked(values: Float64Array, slots: Uint32Array): Float64Array {
  const some = new Float64Array(slots.length);
  for (let at = 0; at < slots.length; at++) some[at] = values[slots[at] ?? 0] ?? 0;
  return some;
}
