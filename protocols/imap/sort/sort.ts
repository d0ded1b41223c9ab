// Sorts messages by the criteria of SORT (RFC 5256 3).

import { Pace } from '#protocols/net/pace.ts';
import type { SortCriterion } from '../grammar/sort-criteria.ts';
import { Rows } from '../index/rows.ts';
import type { Scores } from '../search/fuzzy.ts';
import type { Session } from '../session.ts';
import type { Selected } from '../view/selected.ts';
import type { Member } from '../view/view.ts';
import { AncestryColumn, type Column, NO_ID, NumberColumn, TextColumn } from './columns.ts';
import type { TextExchange } from './exchange.ts';
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
  const slots = Uint32Array.from(members, ({ slot }) => slot);
  const ranks = () => Float64Array.from(members, (member) => scores.rank(member));
  const order = await orderOf(session, slots, criteria, ranks);
  return Array.from(order, (at) => members[at] ?? { slot: -1, seq: 0 });
}

/** The slots of messages, which come in order, in the order of the criteria: no object for each of 100,000. */
export async function sortSlots(
  session: Session,
  slots: Uint32Array,
  criteria: readonly SortCriterion[],
): Promise<Uint32Array> {
  const order = await orderOf(session, slots, criteria, () => new Float64Array(slots.length));
  for (let at = 0; at < order.length; at++) order[at] = slots[order[at] ?? 0] ?? 0;
  return order;
}

/** The places of the messages in the order of the criteria; `ranks`: what there is of each for RELEVANCY. */
async function orderOf(
  session: Session,
  slots: Uint32Array,
  criteria: readonly SortCriterion[],
  ranks: () => Float64Array,
): Promise<Uint32Array> {
  const pace = new Pace(session.connection);
  const columns = new Values(session, slots, pace);
  const sorted = [];
  for (const { key, reverse } of criteria) {
    const values =
      key === 'relevancy' ? ranks() : isNumber(key) ? await columns.numbers(key) : (await columns.texts(key)).values;
    sorted.push({ values, reverse });
    if (pace.late) await pace.rest();
  }
  const order = orderBy(sorted, slots.length);
  if (pace.late) await pace.rest();
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
  readonly #exchange: TextExchange;
  readonly #slots: Uint32Array;
  readonly #pace: Pace;

  constructor(session: Session, slots: Uint32Array, pace: Pace) {
    this.#selected = session.current;
    this.#exchange = session.server.texts;
    this.#slots = slots;
    this.#pace = pace;
  }

  async numbers(name: NumberName): Promise<Float64Array> {
    const kept = this.#selected.index.columns.number(name, this.#selected);
    const { column, slots } = await this.#made(kept, (rows) => new NumberColumn(rows, name));
    return picked(column.values, slots);
  }

  /** The places of the texts in their order, and their marks. */
  async texts(name: TextName): Promise<Subjects> {
    const { account, mailbox, index, view } = this.#selected;
    const kept = index.columns.text(name, this.#selected);
    const place = { account: account.id, mailbox: mailbox.id, name };
    const told = kept.isEmpty ? this.#exchange.take(place) : undefined;
    if (told !== undefined) kept.take(told, view);
    const isNew = kept.isEmpty;
    const { column, slots } = await this.#made(kept, (rows) => new TextColumn(rows, name));
    if (isNew && column === kept) this.#exchange.offer(place, view.slots, kept.texts, () => kept.offered());
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
    const slots = this.#slots;
    if (slots.length * SPARSE >= kept.missing(view.slots)) {
      await kept.upTo(view.slots, this.#selected, this.#pace);
      return { column: kept, slots };
    }
    const rows = new Rows(slots.length);
    for (const slot of slots) rows.append({ ...NO_FACTS, uid: view.rows.uid(slot) }, 0);
    const column = make(rows);
    await column.upTo(slots.length, this.#selected, this.#pace);
    return { column, slots: Uint32Array.from(slots.keys()) };
  }
}

/** The values of some slots. */
function picked(values: Float64Array, slots: Uint32Array): Float64Array {
  const some = new Float64Array(slots.length);
  for (let at = 0; at < slots.length; at++) some[at] = values[slots[at] ?? 0] ?? 0;
  return some;
}
